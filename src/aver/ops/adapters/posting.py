"""One message as one POST: JSON, bounded in time and bytes, no redirects, no second try. Who sends decides when to try again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3
from urllib3.exceptions import HTTPError

from aver.core.errors import InvalidInput, Unavailable

__all__ = ["post"]

_CONNECT, _READ = 3.0, 7.0
"""Seconds for a connection, and for the answer."""
_LARGEST_ANSWER = 4096
_pool = urllib3.PoolManager(num_pools=20, maxsize=2, retries=False)


def post(url: str, document: Any, headers: Mapping[str, str] | None = None, *, body: bytes | None = None) -> None:
    """Raises :class:`~aver.core.errors.InvalidInput` for what is no address and :class:`~aver.core.errors.Unavailable` for any answer but a good one. No error repeats
    the address beyond its host: the rest of it is a secret for some."""
    host = _host(url)
    sent = orjson.dumps(document) if body is None else body
    known = {"content-type": "application/json", "user-agent": "aver", **(headers or {})}
    try:
        answer = _pool.request(
            "POST",
            url,
            body=sent,
            headers=known,
            redirect=False,
            timeout=urllib3.Timeout(connect=_CONNECT, read=_READ),
            preload_content=False,
        )
        try:
            answer.read(_LARGEST_ANSWER)
        finally:
            answer.close()
    except (HTTPError, OSError, UnicodeError, ValueError) as error:
        raise Unavailable(f"{host} cannot be reached ({type(error).__name__})", "It is tried again.") from None
    if not 200 <= answer.status < 300:
        raise Unavailable(
            f"{host} answered with status {answer.status}", "It is tried again; check the route's address."
        )


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = None, ""
    if parts is None or parts.scheme not in ("http", "https") or not host:
        raise InvalidInput("The address of a route is none of http or https", "Correct what its reference names.")
    return host
