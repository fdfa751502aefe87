"""One request to a place outside and its answer: bounded in time and bytes, no redirects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from aver.core.errors import Unavailable

__all__ = ["Answer", "ask"]

_CONNECT, _READ = 5.0, 30.0
"""Seconds for a connection, and between two pieces of the answer."""
_LARGEST = 2**22
_pool = urllib3.PoolManager(num_pools=8, maxsize=2, retries=False)


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


def ask(method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Raises :class:`~aver.core.errors.Unavailable` where nobody answers, or with too much; any status is an answer."""
    host = urlsplit(url).hostname or "?"
    try:
        answer = _pool.request(
            method,
            url,
            body=body or None,
            headers={"user-agent": "aver", **(headers or {})},
            redirect=False,
            timeout=urllib3.Timeout(connect=_CONNECT, read=_READ),
            preload_content=False,
        )
        try:
            said = answer.read(_LARGEST + 1)
        finally:
            answer.close()
    except (HTTPError, OSError, UnicodeError, ValueError) as error:
        raise Unavailable(
            f"{host} cannot be reached ({type(error).__name__})", "See whether it runs; try again later."
        ) from None
    if len(said) > _LARGEST:
        raise Unavailable(f"{host} answers with more than {_LARGEST:,} bytes", "Check the address.")
    return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, said)
