"""Requests to providers over kept connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import lru_cache
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from aver.core.errors import ProviderError, ProviderTimeout
from aver.gateway.waits import Waits, truncated
from aver.gateway.wire.types import HttpRequest

__all__ = ["Connections", "Exchange"]

_LARGEST_ERROR = 64 * 2**10
_LARGEST_ANSWER = 64 * 2**20
_LINGER = 1.0
"""Seconds that the last bytes of a read reply have to arrive in; after that its connection is closed rather than kept."""
_NAMES_KEPT = 300
"""Seconds that an address is known before its name is looked up again."""
_HEADERS = {"User-Agent": "Aver", "Accept": "*/*", "Accept-Encoding": "identity"}
"""All that aiohttp would add, said here: looking for what to add, or not to, costs more. A stream that is compressed comes in larger
pieces, later."""


class Connections:
    """Those of one transport, kept and reused within each event loop."""

    def __init__(self) -> None:
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()
        self._lingering: set[aiohttp.ClientResponse] = set()

    async def post(self, request: HttpRequest, waits: Waits, connect: float) -> Exchange:
        """The response, its status and headers known, its body unread.

        Raises :class:`~aver.core.errors.ProviderTimeout` when there is none in time, and :class:`~aver.core.errors.ProviderError` when
        there is no connection, or it breaks.
        """
        try:
            async with asyncio.timeout_at(waits.first):
                response = await self._session().post(
                    _url(request.url),
                    data=aiohttp.BytesPayload(request.body, content_type="application/json"),
                    headers=_HEADERS | request.headers,
                    allow_redirects=False,
                    timeout=_timeout(connect),
                )
        except aiohttp.ConnectionTimeoutError as error:
            raise _unreached(request.url, f"no connection within {connect:g} s") from error
        except TimeoutError as error:
            raise waits.error() from error
        except aiohttp.ClientConnectorError as error:
            raise _unreached(request.url, _why(error)) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ProviderError(
                "The model provider broke off before it answered", "Try again, or see its log."
            ) from error
        return Exchange(response, waits, self._lingering)

    async def close(self) -> None:
        """Closes what this event loop opened."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        while self._lingering:
            self._lingering.pop().close()
        if session is not None:
            await session.close()

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = self._sessions[loop] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=_NAMES_KEPT, keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
            )
        return session


class Exchange:
    """A response under way. :meth:`close` it when leaving early, and the provider stops writing."""

    __slots__ = ("_content", "_lingering", "_response", "_waits")

    def __init__(self, response: aiohttp.ClientResponse, waits: Waits, lingering: set[aiohttp.ClientResponse]) -> None:
        self._response = response
        self._lingering = lingering
        self._content = response.content
        self._waits = waits
        waits.watch(self._late)

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def kind(self) -> str:
        """The content type, without its parameters."""
        return self._response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name."""
        return {name.lower(): value for name, value in self._response.headers.items()}

    async def read(self) -> bytes:
        """The next bytes, or none at the end. A reply that has finished is whole, however its connection ends.

        Raises :class:`~aver.core.errors.ProviderTimeout` and :class:`~aver.core.errors.StreamTruncated`.
        """
        try:
            return await self._content.readany()
        except ProviderTimeout:
            if self._waits.finished:
                return b""
            raise
        except (aiohttp.ClientError, OSError) as error:
            if self._waits.finished:
                return b""
            raise truncated() from error

    async def body(self) -> bytes:
        """All of it. Raises as :meth:`read` does, and :class:`~aver.core.errors.ProviderError` on one without end."""
        chunks: list[bytes] = []
        size = 0
        while chunk := await self.read():
            chunks.append(chunk)
            size += len(chunk)
            if size > _LARGEST_ANSWER:
                raise ProviderError("The model provider sent an answer without end", "Check that base_url is the API.")
        self.done()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def refusal(self) -> bytes:
        """The body of an error answer, or its beginning; what cannot be read is left out."""
        content = b""
        try:
            while len(content) < _LARGEST_ERROR and (chunk := await self.read()):
                content += chunk
        except ProviderError:
            pass
        finally:
            self.close()
        return content[:_LARGEST_ERROR]

    def done(self) -> None:
        """Everything was read. The connection serves the next request as soon as the end of the body is in."""
        self._waits.stop()
        if not self._content.is_eof():
            # aiohttp frees the connection itself when the end comes, which nobody has to wait for.
            self._lingering.add(self._response)
            asyncio.get_running_loop().call_later(_LINGER, self._give_up)

    def close(self) -> None:
        """Nothing more is read: unless the end is in, the connection is closed."""
        self._waits.stop()
        self._response.close()

    def _give_up(self) -> None:
        self._lingering.discard(self._response)
        self._response.close()

    def _late(self, error: ProviderTimeout) -> None:
        self._content.set_exception(error)


@lru_cache(4096)
def _url(url: str) -> URL:
    return URL(url, encoded="%" in url)


@lru_cache(64)
def _timeout(connect: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(sock_connect=connect)


def _unreached(url: str, why: str) -> ProviderError:
    where = URL(url)
    return ProviderError(
        f"The model provider cannot be reached at {where.host}:{where.port}: {why}",
        "Check base_url, and that the server runs.",
    )


def _why(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name has no address"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return "it does not speak TLS as expected"
    return error.os_error.strerror or type(error.os_error).__name__
