"""Asking a keeper of secrets over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from aver.core.errors import ProviderDenied, ProviderError

__all__ = ["Answer", "ask", "check_address"]

_ATTEMPTS = 3
_PAUSE = 0.1
"""Seconds before the second attempt, doubled before the third."""
_LARGEST = 2**20
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.]{2,60}")
_THROTTLED = ("Throttling", "TooManyRequests", "LimitExceeded", "slow_down", "temporarily_unavailable")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Answer:
    """``who`` answered, for errors."""

    who: str
    status: int
    body: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """Raises :class:`~aver.core.errors.ProviderError` for what is no JSON object."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise ProviderError(f"{self.who} did not answer with JSON", "Check its address.")
        return value

    def check(self, what: str) -> None:
        """Raises for an error status: :class:`~aver.core.errors.ProviderError` where it may pass with time,
        :class:`~aver.core.errors.ProviderDenied` where not. ``what`` was asked for."""
        if self.status < 300:
            return
        cause = f"{self.who} answered with status {self.status}{self._code()} when asked for {what}"
        if self.passes:
            raise ProviderError(cause, "Try again, or see its status.")
        if self.status == 404 or "NotFound" in self._code():
            raise ProviderDenied(cause, "Check the reference: nothing is there.")
        raise ProviderDenied(cause, "Check who Aver is there, and what it may read.")

    @property
    def passes(self) -> bool:
        """Whether the failure may pass with time."""
        return self.status >= 500 or self.status == 429 or any(word in self._code() for word in _THROTTLED)

    def _code(self) -> str:
        """The error's code, which is one word: the rest of the answer may repeat what was sent."""
        try:
            said = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return ""
        code = said.get("__type") or said.get("error") or said.get("code") if isinstance(said, dict) else ""
        if isinstance(code, dict):
            code = code.get("status") or code.get("code")
        code = str(code or "").rpartition("#")[2]
        return f" ({code})" if _WORD.fullmatch(code) else ""


def check_address(url: str, what: str) -> None:
    """Raises :class:`~aver.core.errors.ProviderDenied` where a secret would travel in clear."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ProviderDenied(f"{what} is not kept behind https", "Use an https address.")


async def ask(
    who: str,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    data: bytes | Mapping[str, str] | None = None,
    timeout: float = 10.0,  # noqa: ASYNC109 - for each attempt
    ssl: SSLContext | None = None,
) -> Answer:
    """The answer, whatever its status; a failure that passes is tried again twice. Redirects are not followed: they would carry a
    credential elsewhere. Raises :class:`~aver.core.errors.ProviderError` where nobody answers."""
    for attempt in range(_ATTEMPTS):
        try:
            answer = await _once(who, method, url, headers or {}, data, timeout, ssl)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if attempt + 1 == _ATTEMPTS:
                host = urlsplit(url).hostname
                raise ProviderError(f"{who} cannot be reached at {host}", "Check that it is up.") from error
        else:
            if not answer.passes or attempt + 1 == _ATTEMPTS:
                return answer
        await asyncio.sleep(_PAUSE * 2**attempt)
    raise AssertionError


async def _once(
    who: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    data: bytes | Mapping[str, str] | None,
    seconds: float,
    ssl: SSLContext | None,
) -> Answer:
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.request(method, url, headers=headers, data=data, allow_redirects=False, ssl=ssl or True) as response,
    ):
        return Answer(who, response.status, await response.content.read(_LARGEST))
