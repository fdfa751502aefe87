"""Mails as documents: who wrote to whom and when, the body, the history it quotes, and what is attached."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from aver.core.errors import AverError, InvalidInput
from aver.knowledge.adapters import html, plain
from aver.knowledge.draft import Draft
from aver.knowledge.types import ParsedDocument

__all__ = ["Attachment", "Body", "Mail", "ReadPart", "not_read", "write_mail"]

_MOST_ATTACHMENTS = 100
_DEEPEST_HISTORY = 20
_ATTRIBUTION = re.compile(
    r"^(?:[> ]*(?:On|Am|Le|El|Il|Op)\b[^\n]{5,200}(?:\n[^\n]{1,200})?"
    r"\b(?:wrote|writes|schrieb(?:[ \t][^\n:]{1,100})?|a écrit|escribió|ha scritto|schreef)[ \t\xa0]?:"
    r"|-{2,}[ \t]*(?:Original Message|Forwarded message|Original-Nachricht|Ursprüngliche Nachricht|Message d'origine"
    r"|Mensaje original)[ \t]*-{2,}"
    r"|Begin forwarded message:"
    r"|(?:From|Von|De|Da):[^\n]{2,200}(?=\n(?:Sent|Date|To|Gesendet|Datum|An|Envoyé|Enviado|Inviato|À|Para):))[ \t]*$",
    re.MULTILINE,
)
"""The line with which programs begin what they quote."""


class ReadPart(Protocol):
    """Reads an attachment; raises :class:`AverError` for one that cannot be read."""

    def __call__(self, data: bytes, path: str, /) -> ParsedDocument: ...


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    data: bytes | None
    """``None`` for one that cannot be had; ``why`` says the reason."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    headers: Sequence[tuple[str, str]]
    """``From``, ``To``, ``Cc``, ``Date``, as far as they are given."""
    bodies: Sequence[Body]
    attachments: Sequence[Attachment]


@dataclass(frozen=True, slots=True)
class Body:
    """A part of the text: of two forms of the same text the one that keeps its structure."""

    text: str
    is_html: bool


def not_read(_data: bytes, _path: str, /) -> ParsedDocument:
    """For a mail that is read without its attachments."""
    raise InvalidInput("Attachments are not read here", "Ingest the mail as a file.")


def write_mail(mail: Mail, draft: Draft, read_part: ReadPart) -> None:
    """Append ``mail``; an attachment that cannot be read is named with the reason."""
    draft.title = mail.subject
    draft.at(anchor="headers")
    draft.heading(mail.subject, 1)
    draft.paragraph("\n".join(f"{name}: {' '.join(value.split())}" for name, value in mail.headers if value.strip()))
    for body in mail.bodies:
        if body.is_html:
            _write_html(body.text, draft)
        else:
            _write_plain(body.text, draft)
    for number, attachment in enumerate(mail.attachments, 1):
        _write_attachment(attachment, draft, read_part, is_named_only=number > _MOST_ATTACHMENTS)


def _write_attachment(attachment: Attachment, draft: Draft, read_part: ReadPart, *, is_named_only: bool) -> None:
    anchor = f"attachment {attachment.name}"
    draft.at(anchor=anchor)
    draft.heading(attachment.name, 2)
    why = attachment.why
    if is_named_only:
        why = f"A mail's first {_MOST_ATTACHMENTS} attachments are read"
    elif attachment.data is not None:
        try:
            draft.include(read_part(attachment.data, attachment.name), anchor, below=2)
        except AverError as error:
            why = error.cause
    if why:
        draft.paragraph(f"This attachment is not read: {why}.")


def _write_plain(text: str, draft: Draft, depth: int = 0) -> None:
    """Append text with the history below it: each mail quoted under the line that introduces it."""
    anchor = "quoted history" if depth else "body"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = _ATTRIBUTION.search(text) if depth < _DEEPEST_HISTORY else None
    quoted = _unquoted(text[found.end() :]) if found else None
    if found is None or quoted is None:
        draft.include(plain.read(text.encode("utf-8", "replace")).finish(""), anchor, places=False)
        return
    draft.include(plain.read(text[: found.start()].encode("utf-8", "replace")).finish(""), anchor, places=False)
    draft.at(anchor="quoted history")
    draft.heading(found[0].lstrip("> "), 2)
    _write_plain(quoted, draft, depth + 1)


def _unquoted(text: str) -> str | None:
    """What is quoted without its marks; ``None`` when replies stand between the quotes, so that nothing can be set apart."""
    lines = [line for line in text.split("\n") if line.strip()]
    marked = [line for line in lines if line.startswith(">")]
    if not marked:
        return text
    if len(marked) < len(lines):
        return None
    return re.sub(r"^>[ \t]?", "", text, flags=re.MULTILINE)


def _write_html(text: str, draft: Draft) -> None:
    parsed = html.read(text.encode("utf-8", "replace")).finish("")
    anchor = "body"
    for piece, attribution in _pieces(parsed):
        draft.include(piece, anchor, below=1, places=False)
        if attribution:
            anchor = "quoted history"
            draft.at(anchor=anchor)
            draft.heading(attribution, 2)


def _pieces(parsed: ParsedDocument) -> Iterator[tuple[ParsedDocument, str]]:
    """``parsed`` cut where a quoted mail begins, each piece with the line that introduces the next."""
    start = 0
    for place, block in enumerate(parsed.blocks):
        text = parsed.text[block.start : block.end]
        found = _ATTRIBUTION.match(text) if block.kind == "paragraph" else None
        if found is None:
            continue
        yield _cut(parsed, start, place), found[0]
        rest = text[found.end() :].strip("\n")
        if rest:
            inner = Draft()
            inner.paragraph(rest)
            yield inner.finish(""), ""
        start = place + 1
    yield _cut(parsed, start, len(parsed.blocks)), ""


def _cut(parsed: ParsedDocument, first: int, last: int) -> ParsedDocument:
    """The blocks from ``first`` to before ``last`` as a document."""
    blocks = parsed.blocks[first:last]
    if not blocks:
        return ParsedDocument("", "", ())
    shift = blocks[0].start
    moved = tuple(replace(block, start=block.start - shift, end=block.end - shift) for block in blocks)
    return ParsedDocument("", parsed.text[shift : blocks[-1].end], moved)
