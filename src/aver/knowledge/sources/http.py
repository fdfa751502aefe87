"""Asking the far side of a source over HTTP: one request at a time, over kept connections, within bounds.

What passes with time is tried again, as late as the far side asks for; what does not is an error that says what to do. No answer is
taken for whole that is not, however long it says to be, and credentials go nowhere but to the address that they were declared for.
"""

from __future__ import annotations

import ipaddress
import random
import socket
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import orjson
import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, LocationParseError

from aver.core.clock import Clock
from aver.core.errors import AverError, NotFound, SettingsError, SourceDenied, TooLarge, Unavailable

__all__ = ["Http", "Reply", "Request", "origin"]

_ATTEMPTS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
"""Seconds between attempts: doubled each time with some chance, or what the far side asks for, up to the longest."""
_CONNECT, _SILENCE, _IN_ALL = 10.0, 30.0, 300.0
"""Seconds for a connection, between two pieces of an answer, and for all of it."""
_PIECE = 2**16
_LARGEST_SAID = 2**25
"""Bytes of an answer that is not a document's content."""
_REDIRECTS = 5
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_HIDDEN = frozenset({"authorization", "cookie", "x-api-key"})


@dataclass(frozen=True, slots=True)
class Request:
    """What is about to be sent to the declared address. ``refused``: the proof that went with it a moment ago was not accepted."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    refused: bool


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
            raise Unavailable(f"{urlsplit(self.url).hostname} did not answer with JSON", "Check the address.") from None


@dataclass
class Http:
    """The far side of the source ``name``, at and below ``base``. For one thread at a time.

    ``credentials`` gives the headers that prove who asks, anew for each request, so that a secret which is replaced or a token that is
    renewed counts at once; it is told whether the last ones were refused. They travel over https alone, or to this machine.
    ``signature`` gives headers that prove it of this one request, for systems that want each signed; no secret can be read from them.
    ``anywhere``: a redirect may lead to another host of the internet, without credentials.
    ``throttled`` says of an answer in how many seconds to ask again, where the far side has its own way of saying so;
    ``unproven`` whether an answer refuses what proves who asks, so that it is asked once more with a new one; ``meaning`` what an answer
    that is no success means, where its status does not tell.
    """

    name: str
    base: str
    clock: Clock
    credentials: Callable[[bool], Mapping[str, str]] = lambda _: {}
    signature: Callable[[Request], Mapping[str, str]] = lambda _: {}
    anywhere: bool = False
    throttled: Callable[[Reply], float | None] = lambda _: None
    unproven: Callable[[Reply], bool] = lambda reply: reply.status == 401
    meaning: Callable[[Reply], AverError | None] = lambda _: None
    wait: Callable[[float], None] = time.sleep
    _pool: urllib3.PoolManager = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"{self.name} is at no web address: {self.base[:100]!r}", "Write https://HOST/...")
        timeout = urllib3.Timeout(connect=_CONNECT, read=_SILENCE)
        self._pool = urllib3.PoolManager(num_pools=4, timeout=timeout, retries=False)

    def get(
        self,
        where: str,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        most: int = _LARGEST_SAID,
        also: Collection[int] = (),
    ) -> Reply:
        """The answer with status 200 or one of ``also``, of at most ``most`` bytes. ``where`` is an address, or a path below ``base``;
        what ``query`` has as ``None`` is left out.

        Raises :class:`~aver.core.errors.NotFound` for 404 and 410, :class:`~aver.core.errors.SourceDenied` for 401 and 403,
        :class:`~aver.core.errors.TooLarge`, and :class:`~aver.core.errors.Unavailable` for everything that may pass.
        """
        return self.ask("GET", where, query, headers, most=most, also=also)

    def ask(
        self,
        method: str,
        where: str,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        most: int = _LARGEST_SAID,
        also: Collection[int] = (),
    ) -> Reply:
        """As :meth:`get`, by any method. Use it for requests that may be repeated: it repeats them."""
        url = self._address(where, query)
        refused = False
        for attempt in range(_ATTEMPTS):
            last = attempt + 1 == _ATTEMPTS
            try:
                reply = self._follow(method, url, headers or {}, body, most, refused=refused)
            except _Broken as error:
                if last:
                    raise Unavailable(
                        f"{self.name} cannot be had from {error}", "Check that it is up, and its address."
                    ) from error
                self.wait(self._pause(attempt))
                continue
            if reply.status == 200 or reply.status in also:
                return reply
            asked = self._asked_to_wait(reply)
            if asked is None and not refused and self.unproven(reply):
                refused = True  # what proves who asks may have been renewed in the meantime
                continue
            if (asked is None and reply.status < 500) or last or (asked or 0) > _LONGEST_PAUSE:
                raise self._error(reply, asked)
            self.wait(self._pause(attempt) if asked is None else asked)
        raise AssertionError

    def _address(self, where: str, query: Mapping[str, object] | None) -> str:
        url = (
            where if urlsplit(where).scheme else f"{self.base.rstrip('/')}/{where.lstrip('/')}" if where else self.base
        )
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return url + ("&" if "?" in url else "?") + urlencode(given, doseq=True, quote_via=quote) if given else url

    def _follow(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, most: int, *, refused: bool
    ) -> Reply:
        end = self.clock.monotonic() + _IN_ALL
        for _ in range(_REDIRECTS + 1):
            reply = self._once(method, url, headers, body, most, end, refused=refused)
            if reply.status not in (301, 302, 303, 307, 308) or "location" not in reply.headers:
                return reply
            url = self._elsewhere(urljoin(url, reply.headers["location"]))
            if reply.status == 303:
                method, body = "GET", None
        raise Unavailable(f"{self.name} leads in circles from {_shown(url)}", "Check the address.")

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        most: int,
        end: float,
        *,
        refused: bool,
    ) -> Reply:
        sent = {"User-Agent": "Aver", "Accept-Encoding": "gzip", **headers}
        if origin(url) == origin(self.base):
            proof = self.credentials(refused)
            parts = urlsplit(url)
            if proof and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
                raise SettingsError(f"The credentials of {self.name} would travel in clear", "Use an https address.")
            sent.update(proof)
            sent.update(self.signature(Request(method, url, sent, body or b"", refused)))
        else:
            sent = {name: value for name, value in sent.items() if name.lower() not in _HIDDEN}
        response = None
        try:
            # By its pool, because the manager would resolve dots in the path, which may be part of a name.
            response = self._pool.connection_from_url(url).urlopen(
                method, _target(url), body, sent, redirect=False, preload_content=False, retries=False
            )
            said = {name.lower(): value for name, value in response.headers.items()}
            content = self._read(response, said, url, most, end) if method != "HEAD" else b""
        except (HTTPError, OSError, LocationParseError, InvalidHeader) as error:
            if response is not None:
                response.close()
            raise _Broken(f"{_shown(url)} ({type(error).__name__})") from error
        except BaseException:
            if response is not None:
                response.close()
            raise
        response.release_conn()
        return Reply(url, response.status, said, content)

    def _read(
        self, response: urllib3.BaseHTTPResponse, said: Mapping[str, str], url: str, most: int, end: float
    ) -> bytes:
        pieces, size = [], 0
        announced = said.get("content-length", "")
        if announced.isdigit() and int(announced) > most and response.status == 200:
            raise TooLarge(f"It is larger than {most / 2**20:g} MB", "Raise the limit, or leave it out.")
        for piece in response.stream(_PIECE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise TooLarge(f"It is larger than {most / 2**20:g} MB", "Raise the limit, or leave it out.")
            if self.clock.monotonic() > end:
                raise _Broken(f"{_shown(url)} (more than {_IN_ALL:g} s)")
        return b"".join(pieces)

    def _elsewhere(self, url: str) -> str:
        """``url``, if a redirect may lead there: the same host, or, where that is allowed, a public one."""
        here, there = urlsplit(self.base), urlsplit(url)
        if there.scheme in ("http", "https") and there.hostname:
            if there.hostname == here.hostname and (there.scheme == "https" or here.scheme == "http"):
                return url
            if self.anywhere and there.scheme == "https" and _is_public(there.hostname, there.port or 443):
                return url
        raise Unavailable(f"{self.name} leads elsewhere, to {_shown(url)}", "Declare that address, if it is right.")

    def _asked_to_wait(self, reply: Reply) -> float | None:
        found = self.throttled(reply)
        if found is None and reply.status in (429, 503) and "retry-after" in reply.headers:
            found = _seconds(reply.headers["retry-after"], self.clock)
        return self._pause(0) if found is None and reply.status == 429 else found

    def _pause(self, attempt: int) -> float:
        return float(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311 - it spreads attempts

    def _error(self, reply: Reply, asked: float | None) -> AverError:
        where = _shown(reply.url)
        if asked is not None:
            said = f"{self.name} is asked too often ({reply.status} from {where})"
            return Unavailable(said, "Follow it later.", retry_after=asked)
        if (meant := self.meaning(reply)) is not None:
            return meant
        match reply.status:
            case 404 | 410:
                return NotFound(f"There is nothing at {where}", "Check the address.")
            case 401:
                return SourceDenied(f"{self.name} does not accept its credentials (401 from {where})", "Renew them.")
            case 403:
                return SourceDenied(
                    f"{self.name} may not be read (403 from {where})", "Give its account the right to read."
                )
            case status:
                return Unavailable(
                    f"{self.name} answered with status {status} at {where}", "See its status; follow it later."
                )


class _Broken(Exception):
    """An exchange that came to nothing, and may be tried again."""


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _target(url: str) -> str:
    """Path and query."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _shown(url: str) -> str:
    """``url`` without what may be secret: user, password, query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"[:200]


def _seconds(said: str, clock: Clock) -> float | None:
    """``Retry-After``: seconds, or a date."""
    if said.strip().isdigit():
        return float(said.strip())
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - clock.now().timestamp())
    except (ValueError, TypeError):
        return None


def _is_public(host: str, port: int) -> bool:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_global for each in found)
