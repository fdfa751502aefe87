"""Support tickets that name a turn, by its id or its address: e-mails in files, and what a followed source tells, such as the issues of Jira."""

from __future__ import annotations

import hmac
import mailbox
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from sqlalchemy import insert, select

from aver.core.errors import InvalidInput, NotFound, SourceDenied
from aver.core.principal import user_reader
from aver.evidence import Draft, Ledger, Step
from aver.knowledge.types import Source
from aver.ops.feedback import store as tables
from aver.store import TenantStore

__all__ = ["Imported", "Ticket", "import_tickets", "mail_ticket", "mail_tickets", "source_tickets"]

_TURN = re.compile(r"\b(turn_[0-9a-hjkmnp-tv-z]{26})\b", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_LONGEST = 20_000
"""Characters of a ticket that are kept."""
_SUBJECT = 200
_MOST_NAMED = 5
"""Turns that one ticket is tied to."""
_LARGEST = 20 * 2**20
_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What somebody wrote to the people who help. ``id`` is what names it where it comes from."""

    id: str
    kind: str
    subject: str
    text: str

    @property
    def turns(self) -> tuple[str, ...]:
        """The turns that it names."""
        found = dict.fromkeys(each.lower() for each in _TURN.findall(f"{self.subject}\n{self.text}"))
        return tuple(found)[:_MOST_NAMED]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it. ``known`` were taken in before, ``untied`` name no turn, or none of this tenant that can be read."""

    tied: int
    known: int
    untied: int
    turns: tuple[str, ...]


def import_tickets(store: TenantStore, ledger: Ledger, tickets: Iterable[Ticket]) -> Imported:
    """Put each ticket on record with the turns that it names, once, under the key of whoever asked: it is erased with them. Blocking."""
    tied: list[str] = []
    known = untied = 0
    for ticket in tickets:
        name = hmac.digest(
            store.master_key(), b"aver ticket\0" + f"{ticket.kind}\0{ticket.id}".encode(), "sha256"
        ).hex()[:32]
        askers = {turn: _asker(steps) for turn, steps in ledger.turns(ticket.turns).items()}
        turns = [turn for turn, asker in askers.items() if asker]
        if not turns:
            untied += 1
            continue
        body = {"subject": ticket.subject[:_SUBJECT], "text": ticket.text[:_LONGEST], "ticket_id": ticket.id[:500]}
        facts = {"ticket": name, "kind": ticket.kind}
        with store.begin() as tx:
            if tx.scalar(select(tables.tickets.c.id).where(tables.tickets.c.id == name)) is not None:
                known += 1
                continue
            tx.execute(insert(tables.tickets), {"id": name, "turn": turns[0]})
            ledger.append_all(
                tx, [Draft(turn, "reported", user_reader(str(askers[turn])), facts, body) for turn in turns]
            )
        tied += turns
    return Imported(len(dict.fromkeys(tied)), known, untied, tuple(dict.fromkeys(tied)))


def mail_tickets(path: Path) -> Iterator[Ticket]:
    """The e-mails of a maildir, an mbox, a folder of ``.eml`` files, or one such file. Raises :class:`~aver.core.errors.NotFound` where nothing is there,
    and :class:`~aver.core.errors.InvalidInput` for what is none of these."""
    if not path.exists():
        raise NotFound(f"There is nothing at {str(path)!r}", "Check the path.")
    if path.is_dir():
        if (path / "cur").is_dir() or (path / "new").is_dir():
            yield from (mail_ticket(each.as_bytes()) for each in mailbox.Maildir(path, create=False))
            return
        files = sorted(path.glob("*.eml"))
        if not files:
            raise InvalidInput(f"{str(path)!r} is no maildir and holds no .eml file", "Name a maildir or an mbox.")
        yield from (mail_ticket(_read(each)) for each in files)
        return
    with path.open("rb") as file:
        start = file.read(5)
    if start != b"From ":
        yield mail_ticket(_read(path))
        return
    with closing(mailbox.mbox(path, create=False)) as box:
        yield from (mail_ticket(each.as_bytes()) for each in box)


def source_tickets(source: Source, kind: str) -> Iterator[Ticket]:
    """What a source holds now, each item a ticket: the issues of Jira, with their comments. Raises as the source does."""
    for page in source.pages(""):
        for item in page.items:
            try:
                text = source.fetch(item).decode("utf-8", "replace")
            except SourceDenied:  # nobody can tell who may read it, so it is read for nobody
                continue
            text = _ESCAPED.sub(r"\1", text)  # sources write Markdown, in which an id has its underscore escaped
            yield Ticket(item.path, kind, text.lstrip("# \n").partition("\n")[0], text)


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > _LARGEST:
            raise InvalidInput(f"{file.name!r} is larger than {_LARGEST // 2**20} MB", "Leave out what is no e-mail.")
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None


def mail_ticket(raw: bytes) -> Ticket:
    """Whatever a mail is made of, as text: hostile ones too."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    # Its own id names a mail; one without any is named by what it says.
    return Ticket(
        _header(message, "message-id") or hmac.digest(b"aver mail", raw, "sha256").hex(),
        "mail",
        _header(message, "subject"),
        _text(message),
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError):  # headers that the standard library stumbles over
        return ""


def _text(message: EmailMessage) -> str:
    try:
        part = message.get_body(preferencelist=("plain", "html"))
    except (ValueError, LookupError, AttributeError, TypeError):  # parts that contradict each other
        return ""
    if part is None:
        return ""
    try:
        found = part.get_content()
    except (ValueError, LookupError, AttributeError):  # a charset that there is not, or a body that is none
        found = part.get_payload(decode=True)
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
    if part.get_content_type() == "text/html":
        text = _TAGS.sub(" ", text)
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _asker(steps: Sequence[Step]) -> str | None:
    """Whose turn it is; ``None`` where that was erased, or it is none."""
    admitted = next((step for step in steps if step.kind == "admitted"), None)
    return str(admitted.body["user"]) if admitted is not None and admitted.body else None
