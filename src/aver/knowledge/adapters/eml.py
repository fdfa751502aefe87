"""Mails as they travel (RFC 5322, MIME): headers, body, attachments."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.adapters.mail import Attachment, Body, Mail, ReadPart, not_read, write_mail
from aver.knowledge.decoding import decode
from aver.knowledge.draft import Draft, one_line

__all__ = ["read", "read_headers"]

_HEADERS = ("From", "To", "Cc", "Date")
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_FAULTS = (LookupError, ValueError, TypeError, AttributeError, AssertionError, MessageError)
"""What the standard library raises for headers and parts that are not what they say."""


def read(data: bytes, read_part: ReadPart = not_read) -> Draft:
    try:
        message = message_from_bytes(data)
        bodies: list[Body] = []
        attachments: list[Attachment] = []
        for kind in _parts(message):
            if isinstance(kind, Body):
                bodies.append(kind)
            else:
                attachments.append(kind)
    except RecursionError:
        raise TooLarge("The mail's parts are nested too deeply", "Ingest its attachments by themselves.") from None
    if not message.keys():
        raise InvalidInput("The file holds no mail", "Save it again as EML.")
    draft = Draft()
    headers = [(name, header(message, name)) for name in _HEADERS]
    write_mail(Mail(header(message, "Subject"), headers, bodies, attachments), draft, read_part)
    return draft


def read_headers(data: bytes) -> dict[str, str]:
    """``From``, ``To``, ``Cc`` and ``Date`` of the headers that another program kept."""
    message = message_from_bytes(data)
    return {name: header(message, name) for name in _HEADERS}


def header(message: Message, name: str) -> str:
    """A header in words, its encoded parts decoded as far as they can be."""
    try:
        values = [str(value) for value in message.get_all(name, [])]
    except _FAULTS:
        return ""
    try:
        return ", ".join(one_line(str(make_header(decode_header(value)))) for value in values)
    except _FAULTS:
        return ", ".join(one_line(value) for value in values)


def _parts(part: Message, *, related: bool = False) -> Iterator[Body | Attachment]:
    """The bodies and attachments below ``part``; what is ``related`` to a page may be its pictures and styles."""
    kind = part.get_content_type()
    if kind in _SIGNATURES:
        return
    if kind == "message/rfc822" or not part.is_multipart():
        shown_in_page = related and kind.startswith(("image/", "text/css", "font/", "application/javascript"))
        yield from () if shown_in_page else _leaf(part, kind)
        return
    children = [child for child in part.get_payload() if isinstance(child, Message)]
    found = [list(_parts(child, related=kind == "multipart/related")) for child in children]
    if kind == "multipart/alternative":
        rich = [each for each in found if any(isinstance(piece, Body) and piece.is_html for piece in each)]
        chosen = rich[-1] if rich else next((each for each in found if each), [])
        others = [piece for each in found if each is not chosen for piece in each if isinstance(piece, Attachment)]
        yield from [*chosen, *others]
    else:
        yield from [piece for each in found for piece in each]


def _leaf(part: Message, kind: str) -> Iterator[Body | Attachment]:
    name = _name(part, kind)
    if kind == "message/rfc822":
        inner = part.get_payload()
        inner = inner[0] if isinstance(inner, list) and inner else inner
        try:
            yield Attachment(name, inner.as_bytes() if isinstance(inner, Message) else str(inner).encode())
        except _FAULTS:
            yield Attachment(name, None, "It is damaged")
        return
    try:
        payload = part.get_payload(decode=True)
    except _FAULTS:
        payload = None
    data = payload if isinstance(payload, bytes) else b""
    is_attached = _parameter(part, "content-disposition", "attachment") or bool(_filename(part))
    if kind in ("text/plain", "text/html") and not is_attached:
        try:
            yield Body(decode(data, _charset(part)), is_html=kind == "text/html")
        except InvalidInput as error:
            yield Attachment(name, None, error.cause)
    elif data and not (kind.startswith("image/") and part.get("Content-ID")):  # a picture in the text
        yield Attachment(name, data)


def _name(part: Message, kind: str) -> str:
    if kind == "message/rfc822":
        inner = part.get_payload()
        subject = (
            header(inner[0], "Subject") if isinstance(inner, list) and inner and isinstance(inner[0], Message) else ""
        )
        name = _filename(part) or subject or "mail"
        return name if name.lower().endswith(".eml") else f"{name}.eml"
    return _filename(part) or f"unnamed.{kind.rpartition('/')[2]}"


def _filename(part: Message) -> str:
    try:
        name = part.get_filename() or ""
        return one_line(str(make_header(decode_header(name))))
    except _FAULTS:
        return ""


def _charset(part: Message) -> str:
    try:
        return part.get_content_charset() or ""
    except _FAULTS:
        return ""


def _parameter(part: Message, name: str, value: str) -> bool:
    return str(part.get(name, "")).strip().lower().startswith(value)
