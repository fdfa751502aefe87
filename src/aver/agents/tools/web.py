"""Asking an HTTP API to do something: once, within bounds, at the declared address alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from aver.core.errors import SettingsError, Unavailable, Undecided

__all__ = ["Reply", "Web", "origin"]

_CONNECT, _SILENCE = 10.0, 60.0
"""Seconds for a connection, and between two pieces of an answer."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Reply:
    """``headers`` are by lower-case name. Of a body that is ``cut`` more would have come."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    cut: bool = False


@dataclass
class Web:
    """The API called ``name`` in errors, at ``base``.

    ``secret`` gives what is to be put on a request, anew for each. It travels over https alone, or to this machine, and a redirect is
    never followed: nothing is sent anywhere but to the origin that was declared. A request is never repeated, and has a connection
    of its own, because whether one that broke had been read can't be known. (The client of sources repeats, and would.)
    """

    name: str
    base: str
    secret: Callable[[], Awaitable[str]] | None = None
    largest: int = 2**20
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        scheme, host, _ = origin(self.base)
        if not host:
            raise SettingsError(f"{self.name} is at no web address", "Write url: https://HOST/...")
        if self.secret and scheme != "https" and host not in _LOOPBACK:
            raise SettingsError(f"The credential of {self.name} would travel in clear", "Use an https address.")

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """The answer of whatever status. Raises :class:`~aver.core.errors.Unavailable` when nothing was sent, and
        :class:`~aver.core.errors.Undecided` when what was sent may have been acted upon."""
        if origin(url) != origin(self.base):
            raise Unavailable(f"{self.name} is not asked at another address than its own", "Check its servers.")
        session = self._open()
        try:
            async with session.request(method, url, headers=headers, data=body, allow_redirects=False) as response:
                content, cut = await self._read(response)
                found = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, found, content, cut)
        except aiohttp.ClientConnectorError as error:
            said = f"{self.name} cannot be reached ({type(error.os_error).__name__})"
            raise Unavailable(said, "Check that it is up, and its address.") from None
        except (aiohttp.InvalidURL, UnicodeError):
            raise Unavailable(f"{self.name} has no such address", "Correct the arguments.") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = f"{self.name} broke off before it had answered ({type(error).__name__})"
            raise Undecided(said, "See there whether it did what it was asked.") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT, sock_read=_SILENCE),
                headers={"User-Agent": "Aver", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                requote_redirect_url=False,
                trust_env=False,
                auto_decompress=False,
            )
        return self._session

    async def _read(self, response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        pieces, size = [], 0
        async for piece in response.content.iter_chunked(2**16):
            pieces.append(piece)
            size += len(piece)
            if size > self.largest:
                response.close()
                return b"".join(pieces)[: self.largest], True
        return b"".join(pieces), False


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; empty where ``url`` is no web address."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", "", 0
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return "", "", 0
    return parts.scheme, parts.hostname, port
