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
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlencode, urljoin

from aver.core.clock import Clock
from aver.core.errors import AverError, NotFound, SettingsError, SourceDenied, Unavailable
from aver.knowledge.sources.exchange import Bounds, Broken, Connections, Reply, parts_of, shown

__all__ = ["Http", "ProofRefused", "Reply", "Request", "origin"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
"""Seconds between attempts: doubled each time with some chance, or what the far side asks for, up to the longest."""
_LARGEST_SAID = 2**25
"""Bytes of an answer that is not a document's content."""
_REDIRECTS = 5
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_HARMLESS = frozenset(
    """accept accept-language content-type if-modified-since if-none-match if-range range user-agent""".split()  # noqa: SIM905
)
"""Headers that another origin may see."""


class ProofRefused(SourceDenied):
    """What proves who asks is not accepted (status 401): that says nothing of what was asked for."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is about to be sent to the declared address. ``refused``: the proof that went with it a moment ago was not accepted."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    refused: bool


@dataclass
class Http:
    """The far side of the source ``name``, at and below ``base``. For one thread at a time.

    ``credentials`` gives the headers that prove who asks, anew for each request, so that a secret which is replaced or a token that is
    renewed counts at once; it is told whether the last ones were refused. They travel over https alone, or to this machine.
    ``signature`` gives headers that prove it of this one request, for systems that want each signed; no secret can be read from them.
    ``anywhere``: a redirect or an address may lead to another host of the internet, without credentials.
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
    attempts: int = 5
    _connections: Connections = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = parts_of(self.base)
        if not parts.hostname:
            raise SettingsError(f"{self.name} is at no web address", "Write https://HOST/...")
        if parts.username is not None or parts.password is not None:
            raise SettingsError(f"The address of {self.name} holds a user or a password", "Name it as a secret.")
        self._connections = Connections(self.clock)

    def get(
        self,
        where: str,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        most: int = _LARGEST_SAID,
        also: Collection[int] = (),
        cut: bool = False,
        reads: Callable[[Mapping[str, str]], bool] = lambda _: True,
    ) -> Reply:
        """The answer with status 200 or one of ``also``, of at most ``most`` bytes; with ``cut``, of more the first. ``where`` is an
        address, or a path below ``base``; what ``query`` has as ``None`` is left out. ``reads`` tells by the headers whether the body is
        wanted; it is empty, and was not sent whole, otherwise. A redirect among ``also`` is not followed.

        Raises :class:`~aver.core.errors.NotFound` for 404 and 410, :class:`ProofRefused` for 401, :class:`~aver.core.errors.SourceDenied` for 403,
        :class:`~aver.core.errors.TooLarge`, and :class:`~aver.core.errors.Unavailable` for everything that may pass.
        """
        bounds = Bounds(most, (200, *also), cut, reads)
        return self._ask(_Request("GET", self._address(where, query), headers or {}, None, bounds))

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
        bounds = Bounds(most, (200, *also))
        return self._ask(_Request(method, self._address(where, query), headers or {}, body, bounds))

    def _ask(self, request: _Request) -> Reply:
        renew = renewed = False
        for attempt in range(self.attempts):
            last = attempt + 1 == self.attempts
            try:
                reply = self._follow(request, refused=renew)
            except Broken as error:
                if last:
                    raise Unavailable(
                        f"{self.name} cannot be had from {error}", "Check that it is up, and its address."
                    ) from error
                self.wait(self._pause(attempt))
                continue
            finally:
                renew = False
            if reply.status in request.bounds.statuses and self.throttled(reply) is None:
                return reply
            asked = self._asked_to_wait(reply, attempt)
            if asked is None and not renewed and not last and self.unproven(reply):
                renew = renewed = True  # what proves who asks may have been renewed in the meantime
                continue
            if (asked is None and reply.status < 500) or last or (asked or 0) > _LONGEST_PAUSE:
                raise self._error(reply, asked)
            self.wait(self._pause(attempt) if asked is None else asked)
        raise AssertionError

    def _address(self, where: str, query: Mapping[str, object] | None) -> str:
        url = where if parts_of(where).hostname else f"{self.base.rstrip('/')}/{where.lstrip('/')}"
        if not where:
            url = self.base
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._permitted(
            url + ("&" if "?" in url else "?") + urlencode(given, doseq=True, quote_via=quote) if given else url
        )

    def _follow(self, request: _Request, *, refused: bool) -> Reply:
        for _ in range(_REDIRECTS + 1):
            headers = self._headers(request, refused=refused)
            reply = self._connections.exchange(request.method, request.url, headers, request.body, request.bounds)
            if reply.status in request.bounds.statuses or reply.status not in _REDIRECTING:
                return reply
            if "location" not in reply.headers:
                return reply
            request = self._redirected(request, reply)
        raise Unavailable(f"{self.name} leads in circles from {shown(request.url)}", "Check the address.")

    def _redirected(self, request: _Request, reply: Reply) -> _Request:
        to = reply.headers["location"].encode("latin-1", "replace").decode("utf-8", "replace")
        try:
            url = urljoin(request.url, to)
        except ValueError:
            url = ""
        url = self._permitted(url)
        if reply.status == 303:
            return replace(request, url=url, method="GET", body=None)
        if request.body is not None and origin(url) != origin(request.url):
            raise Unavailable(f"{self.name} leads what it is sent elsewhere, to {shown(url)}", "Declare that address.")
        return replace(request, url=url)

    def _headers(self, request: _Request, *, refused: bool) -> dict[str, str]:
        sent = {"User-Agent": "Aver", **request.headers}
        if origin(request.url) != origin(self.base):
            return {name: value for name, value in sent.items() if name.lower() in _HARMLESS}
        proof = self.credentials(refused)
        parts = parts_of(request.url)
        if proof and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise SettingsError(f"The credentials of {self.name} would travel in clear", "Use an https address.")
        if not all(value.isascii() and value.isprintable() for value in proof.values()):
            said = f"The credentials of {self.name} hold something that no header may"  # and are not repeated here
            raise SettingsError(said, "Keep them on one line, without anything around them.")
        sent.update(proof)
        return {**sent, **self.signature(Request(request.method, request.url, sent, request.body or b"", refused))}

    def _permitted(self, url: str) -> str:
        """``url``, if it may be asked for: on the same host, or, where that is allowed, a public one."""
        here, there = parts_of(self.base), parts_of(url)
        if there.hostname:
            if there.hostname == here.hostname and (there.scheme == "https" or here.scheme == "http"):
                return url
            if self.anywhere and there.scheme == "https" and _is_public(there.hostname, there.port or 443):
                return url
        raise Unavailable(f"{self.name} leads elsewhere, to {shown(url)}", "Declare that address, if it is right.")

    def _asked_to_wait(self, reply: Reply, attempt: int) -> float | None:
        found = self.throttled(reply)
        if found is None and reply.status in (429, 503) and "retry-after" in reply.headers:
            found = _seconds(reply.headers["retry-after"], self.clock)
        return self._pause(attempt) if found is None and reply.status == 429 else found

    def _pause(self, attempt: int) -> float:
        return float(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311 - it spreads attempts

    def _error(self, reply: Reply, asked: float | None) -> AverError:
        where = shown(reply.url)
        if asked is not None:
            said = f"{self.name} is asked too often ({reply.status} from {where})"
            return Unavailable(said, "Follow it later.", retry_after=asked)
        if (meant := self.meaning(reply)) is not None:
            return meant
        match reply.status:
            case 404 | 410:
                return NotFound(f"There is nothing at {where}", "Check the address.")
            case 401:
                return ProofRefused(f"{self.name} does not accept its credentials (401 from {where})", "Renew them.")
            case 403:
                return SourceDenied(
                    f"{self.name} may not be read (403 from {where})", "Give its account the right to read."
                )
            case status:
                return Unavailable(
                    f"{self.name} answered with status {status} at {where}", "See its status; follow it later."
                )


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)
    bounds: Bounds


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port."""
    parts = parts_of(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _seconds(said: str, clock: Clock) -> float | None:
    """``Retry-After``: seconds, or a date; ``None`` for what is neither."""
    said = said.strip()
    if said.isdecimal():
        return float(said[:9])
    try:
        date = parsedate_to_datetime(said)
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - clock.now()).total_seconds())


def _is_public(host: str, port: int) -> bool:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_global for each in found)
