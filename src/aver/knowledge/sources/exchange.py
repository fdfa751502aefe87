"""One request and its answer, over connections that are kept: bounded in bytes and in time, and whole or not taken at all."""

from __future__ import annotations

import io
import socket
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any
from urllib.parse import SplitResult, urlsplit

import orjson
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from aver.core.clock import Clock
from aver.core.errors import TooLarge, Unavailable

__all__ = ["Bounds", "Broken", "Connections", "Reply", "parts_of", "shown"]

_CONNECT, _SILENCE, _IN_ALL = 10.0, 30.0, 300.0
"""Seconds for a connection, between two pieces of an answer, and for all of it, its headers included."""
_PIECE = 2**16
_LARGEST_APOLOGY = 2**16
"""Bytes that are read of an answer which is none of those wanted; what follows is left."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``url`` is where it was in the end; ``headers`` are by lower-case name."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Raises :class:`~aver.core.errors.Unavailable` for what is no JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise Unavailable(f"{parts_of(self.url).hostname} did not answer with JSON", "Check the address.") from None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is wanted of an answer: one of ``statuses``, in at most ``most`` bytes, of which with ``cut`` those after are left. ``reads``
    tells by the headers whether the body that comes with status 200 is wanted at all; it is empty otherwise."""

    most: int
    statuses: Collection[int] = (200,)
    cut: bool = False
    reads: Callable[[Mapping[str, str]], bool] = lambda _: True


class Broken(Exception):
    """An exchange that came to nothing, and may be tried again."""


class Connections:
    """For one thread at a time. Proxies of the environment are not used."""

    def __init__(self, clock: Clock) -> None:
        timeout = urllib3.Timeout(connect=_CONNECT, read=_SILENCE)
        self._pool = urllib3.PoolManager(num_pools=4, timeout=timeout, retries=False)
        self._pool.pool_classes_by_scheme = _pool_classes(clock)

    def exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, bounds: Bounds) -> Reply:
        """The answer of whatever status, no redirect followed. Raises :class:`Broken`, :class:`~aver.core.errors.TooLarge`, and
        :class:`~aver.core.errors.Unavailable` for an encoding of the content that was not asked for."""
        response = None
        try:
            # By its pool, because the manager would resolve dots in the path, which may be part of a name.
            response = self._pool.connection_from_url(url).urlopen(
                method,
                _target(url),
                headers={"Accept-Encoding": "gzip", **headers},
                body=body,
                redirect=False,
                preload_content=False,
                retries=False,
            )
            said = {name.lower(): value for name, value in response.headers.itermerged()}
            content, left = (b"", False) if method == "HEAD" else _read(response, said, url, bounds)
        except (
            HTTPError,
            OSError,
            UnicodeError,
        ) as error:  # UnicodeError: a host that no name server could be asked for
            if response is not None:
                response.close()
            raise Broken(f"{shown(url)} ({type(error).__name__})") from error
        except BaseException:
            if response is not None:
                response.close()
            raise
        if left:
            response.close()
        else:
            response.release_conn()
        return Reply(url, response.status, said, content)


def _read(response: urllib3.BaseHTTPResponse, said: Mapping[str, str], url: str, bounds: Bounds) -> tuple[bytes, bool]:
    """The body, and whether something of it was left."""
    wanted = response.status in bounds.statuses
    if response.status == 200 and not bounds.reads(said):
        return b"", True
    most = bounds.most if wanted else _LARGEST_APOLOGY
    cut = bounds.cut or not wanted
    announced = said.get("content-length", "").strip()
    if announced.isdecimal() and (len(announced) > 15 or int(announced) > most) and not cut:
        raise _too_large(most)
    pieces, size = [], 0
    for piece in _decoded(response, said.get("content-encoding", ""), url, most):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            if cut:
                return b"".join(pieces)[:most], True
            raise _too_large(most)
    return b"".join(pieces), False


def _decoded(response: urllib3.BaseHTTPResponse, encoding: str, url: str, most: int) -> Iterator[bytes]:
    """The pieces of a body; of a compressed one, none is larger than ``most`` and a byte. The library's own decoder is not used: it
    takes a stream that breaks off for whole."""
    pieces = response.stream(_PIECE, decode_content=False)
    match encoding.strip().lower():
        case "" | "identity":
            yield from pieces
            return
        case "gzip" | "x-gzip":
            pass
        case other:
            said = f"{shown(url)} is sent as {other[:40]!r}, which was not asked for"
            raise Unavailable(said, "Let the server compress with gzip, or not at all.")
    stream, begun = zlib.decompressobj(31), False
    try:
        for compressed in pieces:
            piece = compressed
            while piece:
                if stream.eof:  # several files of gzip, one after the other, are one
                    stream = zlib.decompressobj(31)
                begun = True
                yield stream.decompress(piece, most + 1)
                piece = stream.unconsumed_tail or stream.unused_data
    except zlib.error:
        raise Broken(f"{shown(url)} (damaged gzip)") from None
    if begun and not stream.eof:
        raise Broken(f"{shown(url)} (gzip that breaks off)")


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"It is larger than {most / 2**20:g} MB", "Raise the limit, or leave it out.")


class _Timed(io.RawIOBase):
    """What a socket gives, for as long as ``left`` says: that each byte comes in time does not make a million of them do."""

    def __init__(self, raw: io.RawIOBase, connection: socket.socket, left: Callable[[], float]) -> None:
        self._raw, self._connection, self._left = raw, connection, left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._left()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(min(left, _SILENCE))
        found: int | None = self._raw.readinto(buffer)
        return found

    def close(self) -> None:
        self._raw.close()
        super().close()


def _pool_classes(clock: Clock) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Response(HTTPResponse):
        def __init__(self, sock: socket.socket, *given: Any, **named: Any) -> None:
            super().__init__(sock, *given, **named)
            end = clock.monotonic() + _IN_ALL
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_Timed(raw, sock, lambda: end - clock.monotonic()))

    class Plain(HTTPConnection):
        response_class = Response

    class Secure(HTTPSConnection):
        response_class = Response

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def parts_of(url: str) -> SplitResult:
    """``url`` in its parts, of which scheme and host are empty where it is no web address."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts
    except ValueError:  # such as a port that is no number
        pass
    return SplitResult("", "", "", "", "")


def _target(url: str) -> str:
    """Path and query."""
    parts = parts_of(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def shown(url: str) -> str:
    """``url`` without what may be secret: user, password, query."""
    parts = parts_of(url)
    if not parts.hostname:
        return "no web address"
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"[:200]
