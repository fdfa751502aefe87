"""A folder of a mailbox on a server, over IMAP (RFC 9051, and RFC 3501 before it), looked at and never changed."""

from __future__ import annotations

import hmac
import imaplib
import re
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import delete, insert, select

from aver.core.errors import InvalidInput, NotFound, SourceDenied, Unavailable
from aver.ops.feedback import store as tables
from aver.ops.feedback.tickets import Ticket, mail_ticket
from aver.store import TenantStore

__all__ = ["MailFolder", "imap_tickets"]

_LARGEST = 2**20
"""Bytes that are read of a mail: what somebody wrote comes before what is attached to it."""
_SPARE = 2**20
"""Bytes that a server may say beside that, from one command to the next."""
_MOST = 5_000
"""Mails that are read at one look; the next goes on behind them."""
_NUMBERS, _RANGES = 20_000, 500
"""Of how many numbers a server is asked at once which there are, and how often at one look: most numbers of an old folder are of mails that are gone."""
_SILENCE, _LOOK = 30.0, 600.0
"""Seconds that a server may say nothing, and that one look may take."""
_BEHIND = 2**32
_NEEDS_WORDS = re.compile(r"[^\x20-\x7e]+|&")


@dataclass(frozen=True, slots=True)
class MailFolder:
    """A folder, as ``imaps://USER@HOST:PORT/FOLDER`` names it; with ``imap`` the connection begins in clear and is encrypted before anything is said of the
    user (STARTTLS)."""

    user: str
    host: str
    port: int
    name: str
    encrypts_later: bool

    @classmethod
    def parse(cls, address: str) -> MailFolder:
        """Raises :class:`~aver.core.errors.InvalidInput`, which never quotes the address: it may hold a password."""
        try:
            parts = urlsplit(address)
            port = parts.port or (143 if parts.scheme == "imap" else 993)
        except ValueError:
            raise _not_an_address() from None
        user, name = unquote(parts.username or ""), unquote(parts.path.removeprefix("/")) or "INBOX"
        if parts.scheme not in ("imap", "imaps") or not parts.hostname or parts.query or parts.fragment:
            raise _not_an_address()
        if not user or not user.isprintable() or not name.isprintable():
            raise _not_an_address()
        if parts.password is not None:
            raise InvalidInput(
                "The address of the mailbox holds a password", "Leave it out, and name where it is kept: env:NAME."
            )
        return cls(user, parts.hostname, port, name, parts.scheme == "imap")


def imap_tickets(
    folder: MailFolder, password: str, store: TenantStore, trusted: ssl.SSLContext | None = None
) -> Iterator[Ticket]:
    """The mails that came since the last look that read them, oldest first, each as far as its first MiB. A mail counts as read once the one after it, or the
    end, is asked for. Blocking.

    Raises :class:`~aver.core.errors.SourceDenied` where user and password are not accepted, :class:`~aver.core.errors.NotFound` where there is no such folder, and
    :class:`~aver.core.errors.Unavailable` for what may pass: what was read until then stays read, and the next look goes on from there.
    """
    trusted = trusted or ssl.create_default_context()
    with _connected(folder, password, trusted) as server, _mistakes(folder):
        validity, following = server.examine(folder.name)
        place = _Place(store, folder, validity)
        reached = begun = place.reached()
        try:
            for uid in server.numbers(begun + 1, following):
                mail = server.mail(uid)
                if mail is not None:
                    yield mail_ticket(mail)
                reached = uid
            reached = server.looked - 1
        finally:
            if reached > begun:
                place.reach(reached)


class _Place:
    """How far a folder was read. When its server has numbered it anew, it is read from its beginning."""

    def __init__(self, store: TenantStore, folder: MailFolder, validity: int) -> None:
        self._store = store
        said = f"{folder.user}\0{folder.host}\0{folder.port}\0{folder.name}".encode()
        self._folder = "imap-" + hmac.digest(store.master_key(), b"aver mailbox\0" + said, "sha256").hex()[:32]
        self._name = f"{self._folder}-{validity}"

    def reached(self) -> int:
        with self._store.read() as tx:
            return int(tx.scalar(select(tables.reading.c.cursor).where(tables.reading.c.name == self._name)) or 0)

    def reach(self, uid: int) -> None:
        with self._store.begin() as tx:
            tx.execute(delete(tables.reading).where(tables.reading.c.name.startswith(self._folder, autoescape=True)))
            tx.execute(insert(tables.reading), {"name": self._name, "cursor": uid})


class _Bounded(imaplib.IMAP4):
    """The library's client, which takes no more of a server than it has reason to say."""

    left = _SPARE
    looked = 0
    """The number up to which it was asked what there is."""

    def open(self, host: str = "", port: int | None = None, timeout: float | None = None) -> None:
        super().open(host, port or 0, timeout)
        self._end = threading.Timer(_LOOK, self._cut)
        self._end.daemon = True
        self._end.start()

    def shutdown(self) -> None:
        self._end.cancel()
        super().shutdown()

    def _cut(self) -> None:
        """Have whoever waits for the server wait no longer."""
        with suppress(OSError, ValueError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def read(self, size: int) -> bytes:
        self._take(size)
        return super().read(size)

    def readline(self) -> bytes:
        line = super().readline()
        self._take(len(line))
        return line

    def _take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise self.abort("more than was asked for")

    def _asked(self, bytes_: int, command: str, *words: str) -> list[Any]:
        """What a command brings. Raises as the library does, and ``error`` where it is refused."""
        self.left = bytes_ + _SPARE
        status, found = self.uid(command, *words)
        if status != "OK":
            raise self.error(f"{command} is refused")
        return found

    def examine(self, name: str) -> tuple[int, int]:
        """Open a folder to look at it alone; what its numbers are good for, and the one that the next mail gets. Raises
        :class:`~aver.core.errors.NotFound`."""
        self.left = _SPARE
        status, _ = self.select(_quoted(_NEEDS_WORDS.sub(_in_utf7, name)), readonly=True)
        if status != "OK":
            raise NotFound("There is no such folder in the mailbox", "Check the last part of its address.")
        return self._number("UIDVALIDITY"), self._number("UIDNEXT")

    def numbers(self, begin: int, following: int) -> Iterator[int]:
        """The numbers of the mails from ``begin`` on and before ``following``, upwards: as many as one look takes."""
        found, self.looked = 0, begin
        for _ in range(_RANGES):
            if self.looked >= following or found >= _MOST:
                return
            last = min(self.looked + _NUMBERS, following) - 1
            lines = self._asked(0, "SEARCH", f"UID {self.looked}:{last}")
            known = {int(each) for line in lines if line for each in line.split()}
            mine = sorted(each for each in known if self.looked <= each <= last)[: _MOST - found]
            yield from mine
            found += len(mine)
            self.looked = mine[-1] + 1 if found >= _MOST else last + 1

    def mail(self, uid: int) -> bytes | None:
        """The beginning of a mail, which is not marked as read by that; ``None`` for one that is gone."""
        found = self._asked(_LARGEST, "FETCH", str(uid), f"(BODY.PEEK[]<0.{_LARGEST}>)")
        return next((bytes(each[1]) for each in found if isinstance(each, tuple)), None)

    def _number(self, name: str) -> int:
        _, (said, *_) = self.response(name)
        if not said or not said.isdigit() or not 0 < int(said) < _BEHIND:
            raise self.error(f"no {name}")
        return int(said)


class _Encrypted(_Bounded, imaplib.IMAP4_SSL):
    """From the first byte on."""


@contextmanager
def _connected(folder: MailFolder, password: str, trusted: ssl.SSLContext) -> Iterator[_Bounded]:
    """Encrypted, and as the user; for one look."""
    with _mistakes(folder):
        if folder.encrypts_later:
            server: _Bounded = _Bounded(folder.host, folder.port, timeout=_SILENCE)
        else:
            server = _Encrypted(folder.host, folder.port, ssl_context=trusted, timeout=_SILENCE)
    try:
        with _mistakes(folder):
            if folder.encrypts_later:
                server.starttls(trusted)
            _sign_in(server, folder, password)
        yield server
    finally:
        # Nothing is said any more: there is nothing that a server could not do without it.
        with suppress(OSError, ValueError):
            server.shutdown()


def _sign_in(server: _Bounded, folder: MailFolder, password: str) -> None:
    """By SASL's PLAIN, which every server has (RFC 9051, section 7), and which has room for every password."""
    said = f"\0{folder.user}\0{password}".encode()
    try:
        server.authenticate("PLAIN", lambda _: said)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        raise SourceDenied(
            f"{folder.host} does not accept the user and the password of the mailbox",
            "Check both; many providers want a password for this use alone.",
        ) from None


@contextmanager
def _mistakes(folder: MailFolder) -> Iterator[None]:
    """Whatever goes wrong between here and there, in words of our own: a server's may be anything."""
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise Unavailable(
            f"The certificate of {folder.host} is not one that is trusted here", "Check the host; see SSL_CERT_FILE."
        ) from None
    except imaplib.IMAP4.abort:
        raise Unavailable(
            f"{folder.host} broke off, did not come to an end in time, or said more than it was asked for",
            "The next look goes on from here.",
        ) from None
    except (imaplib.IMAP4.error, ValueError, IndexError, TypeError):
        raise Unavailable(
            f"{folder.host} does not answer as an IMAP server does", "Check host and port; the next look goes on."
        ) from None
    except OSError as error:
        raise Unavailable(
            f"{folder.host} cannot be reached ({type(error).__name__})", "Check host and port; the next look goes on."
        ) from None


def _in_utf7(match: re.Match[str]) -> str:
    """What is not ASCII, as names of folders write it (RFC 3501, section 5.1.3)."""
    if match[0] == "&":
        return "&-"
    return f"&{b64encode(match[0].encode('utf-16-be')).decode().rstrip('=').replace('/', ',')}-"


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _not_an_address() -> InvalidInput:
    return InvalidInput("This is no address of a mailbox", "Write imaps://USER@HOST/FOLDER, with %40 for an @ in USER.")
