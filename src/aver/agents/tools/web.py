"""Asking a far side over HTTP to do something: once, within bounds, at the declared address alone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from aver.agents.tools.secrecy import Mask
from aver.core.errors import SettingsError, Unavailable, Undecided

__all__ = ["Answering", "Reply", "Web", "origin"]

_CONNECT, _SILENCE = 10.0, 60.0
"""Seconds for a connection, and between two pieces of an answer."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PIECE = 2**16


@dataclass(frozen=True, slots=True)
class Reply:
    """``headers`` are by lower-case name. Of a body that is ``cut`` more would have come."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    cut: bool = False

    @property
    def kind(self) -> str:
        """The media type, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Answering:
    """An answer whose status is there and whose body is coming."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response

    async def pieces(self) -> AsyncIterator[bytes]:
        async for piece in self._response.content.iter_chunked(_PIECE):
            yield piece

    async def whole(self, largest: int) -> Reply:
        """At most ``largest`` bytes of it; the rest is never read."""
        pieces, size = [], 0
        async for piece in self.pieces():
            pieces.append(piece)
            size += len(piece)
            if size > largest:
                self._response.close()
                return Reply(self.status, self.headers, b"".join(pieces)[:largest], cut=True)
        return Reply(self.status, self.headers, b"".join(pieces))


@dataclass
class Web:
    """The far side called ``name`` in errors, at ``base``.

    ``secret`` gives what is to be put on a request, anew for each. It travels over https alone, or to this machine, and a redirect is
    never followed: nothing is sent anywhere but to the origin that was declared. A request is never repeated, and has a connection
    of its own, because whether one that broke had been read can't be known. (The client of sources repeats, and would.)
    """

    name: str
    base: str
    secret: Callable[[], Awaitable[str]] | None = None
    largest: int = 2**20
    mask: Mask = field(default_factory=Mask, repr=False)
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        scheme, host, _ = origin(self.base)
        if not host:
            raise SettingsError(f"{self.name} is at no web address", "Write url: https://HOST/...")
        if self.secret and scheme != "https" and host not in _LOOPBACK:
            raise SettingsError(f"The credential of {self.name} would travel in clear", "Use an https address.")

    async def credential(self) -> str:
        """What Aver is let in by; empty where nothing is declared. Raises :class:`~aver.core.errors.Unavailable` for what no header may
        hold, without repeating it."""
        if self.secret is None:
            return ""
        secret = await self.secret()
        if not secret.isascii() or not secret.isprintable():
            said = f"The credential of {self.name} holds something that no header may"
            raise Unavailable(said, "Keep it on one line, without anything around it.")
        return self.mask.learn(secret)

    @contextlib.asynccontextmanager
    async def asked(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[Answering]:
        """The answer of whatever status, while it is read. Raises :class:`~aver.core.errors.Unavailable` when nothing was sent, and
        :class:`~aver.core.errors.Undecided` when what was sent may have been acted upon."""
        if origin(url) != origin(self.base):
            raise Unavailable(f"{self.name} is not asked at another address than its own", "Check its servers.")
        try:
            whole = URL(url, encoded=True)  # the library must not write the address anew
        except ValueError:
            raise Unavailable(f"{self.name} has no such address", "Correct the arguments.") from None
        try:
            async with self._open().request(
                method, whole, headers=headers, data=body, allow_redirects=False
            ) as response:
                yield Answering(response)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            reason = type(getattr(error, "os_error", error)).__name__
            raise Unavailable(
                f"{self.name} cannot be reached ({reason})", "Check that it is up, and its address."
            ) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = f"{self.name} broke off before it had answered ({type(error).__name__})"
            raise Undecided(said, "See there whether it did what it was asked.") from None

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """The whole answer, of at most ``largest`` bytes and without the credential. Raises as :meth:`asked` does."""
        async with self.asked(method, url, headers, body) as answering:
            reply = await answering.whole(self.largest)
        return Reply(reply.status, reply.headers, self.mask(reply.body), reply.cut)

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


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; empty where ``url`` is no web address, or holds what no request may."""
    if not all("!" <= character <= "~" for character in url):
        return "", "", 0
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", "", 0
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return "", "", 0
    return parts.scheme, parts.hostname, port
