"""Outlook messages ([MS-OXMSG]): the same of a mail as is read of one that travels."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from aver.core.errors import InvalidInput
from aver.knowledge.adapters import rtf
from aver.knowledge.adapters.compound import CompoundFile
from aver.knowledge.adapters.eml import read_headers
from aver.knowledge.adapters.mail import Attachment, Body, Mail, ReadPart, not_read, write_mail
from aver.knowledge.adapters.rtf_compressed import unpack
from aver.knowledge.decoding import declared_in_html, decode
from aver.knowledge.draft import Draft

__all__ = ["read"]

_SUBJECT, _HEADERS, _BODY, _RTF, _HTML = 0x0037, 0x007D, 0x1000, 0x1009, 0x1013
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_TO, _CC = 0x0E04, 0x0E03
_SENT, _RECEIVED = 0x0039, 0x0E06
_CODE_PAGE, _INTERNET_CODE_PAGE = 0x3FFD, 0x3FDE
_ATTACHED, _LONG_NAME, _SHORT_NAME, _DISPLAY_NAME, _CONTENT_ID = 0x3701, 0x3707, 0x3704, 0x3001, 0x3712
_DEEPEST = 5
"""Messages within messages."""
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_PROPERTIES = "__properties_version1.0"


def read(data: bytes, read_part: ReadPart = not_read) -> Draft:
    file = CompoundFile(data)
    if _PROPERTIES not in file:
        raise InvalidInput("The file holds no Outlook message", "Save it again as MSG or EML.")
    draft = Draft()
    _write(file, "", draft, read_part)
    return draft


def _write(file: CompoundFile, folder: str, draft: Draft, read_part: ReadPart, inner_depth: int = 0) -> None:
    """Append the message in ``folder``, and after it the messages attached to it, which lie in folders below."""
    message = _Properties(file, folder, 32 if not folder else 24)
    attachments: list[Attachment] = []
    messages: list[str] = []
    for place in file.names(folder):
        if not place.rpartition("/")[2].startswith("__attach_version1.0_"):
            continue
        attached = _Properties(file, place, 8)
        inner = f"{place}/__substg1.0_{_ATTACHED:04X}000D"
        name = next(
            (found for key in (_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME) if (found := attached.text(key))), "unnamed"
        )
        content = attached.binary(_ATTACHED)
        if f"{inner}/{_PROPERTIES}" in file:
            messages.append(inner)
        elif content is None:
            attachments.append(Attachment(name, None, "It is a link, or an object of another program"))
        elif not (attached.text(_CONTENT_ID) and name.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".bmp"))):
            attachments.append(Attachment(name, content))
    write_mail(Mail(message.text(_SUBJECT), _headers(message), list(_bodies(message)), attachments), draft, read_part)
    for inner in messages if inner_depth < _DEEPEST else ():
        attached_mail = Draft()
        _write(file, inner, attached_mail, read_part, inner_depth + 1)
        parsed = attached_mail.finish("mail")
        draft.include(parsed, f"attachment {parsed.title}", below=1)


def _headers(message: _Properties) -> list[tuple[str, str]]:
    kept = read_headers(message.text(_HEADERS).encode("utf-8", "replace"))
    address = message.text(_SENDER_SMTP) or message.text(_SENDER_ADDRESS)
    name = message.text(_SENDER_NAME)
    sender = f"{name} <{address}>" if name and "@" in address and address != name else name or address
    sent = message.time(_SENT) or message.time(_RECEIVED)
    return [
        ("From", kept["From"] or sender),
        ("To", kept["To"] or message.text(_TO)),
        ("Cc", kept["Cc"] or message.text(_CC)),
        ("Date", kept["Date"] or (f"{sent:%Y-%m-%d %H:%M} UTC" if sent else "")),
    ]


def _bodies(message: _Properties) -> Iterator[Body]:
    """The one body that keeps the most: HTML, else plain text, else rich text."""
    page = message.binary(_HTML)
    markup = message.text(_HTML) or (decode(page, declared_in_html(page) or message.encoding) if page else "")
    if markup.strip():
        yield Body(markup, is_html=True)
    elif (plain := message.text(_BODY)).strip():
        yield Body(plain, is_html=False)
    elif packed := message.binary(_RTF):
        yield Body(rtf.read(unpack(packed)).finish("").text, is_html=False)


class _Properties:
    """The properties of a message or an attachment: fixed ones in one stream, others in a stream each."""

    def __init__(self, file: CompoundFile, folder: str, header: int) -> None:
        self._file = file
        self._folder = f"{folder}/" if folder else ""
        self._fixed: dict[int, bytes] = {}
        data = (file.read(f"{self._folder}{_PROPERTIES}") or b"")[header:]
        for place in range(0, len(data) - 15, 16):
            (tag,) = struct.unpack_from("<I", data, place)
            self._fixed[tag >> 16] = data[place + 8 : place + 16]
        page = self._number(_INTERNET_CODE_PAGE) or self._number(_CODE_PAGE)
        self.encoding = {65001: "utf-8", 20127: "ascii", 28591: "latin-1"}.get(page, f"cp{page}")

    def text(self, key: int) -> str:
        wide = self._file.read(f"{self._folder}__substg1.0_{key:04X}001F")
        if wide is not None:
            return wide.decode("utf-16-le", "replace").rstrip("\x00")
        narrow = self._file.read(f"{self._folder}__substg1.0_{key:04X}001E")
        return decode(narrow, self.encoding).rstrip("\x00") if narrow else ""

    def binary(self, key: int) -> bytes | None:
        return self._file.read(f"{self._folder}__substg1.0_{key:04X}0102")

    def time(self, key: int) -> datetime | None:
        ticks = int.from_bytes(self._fixed.get(key, b""), "little")
        try:
            return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
        except OverflowError:
            return None

    def _number(self, key: int) -> int:
        return int.from_bytes(self._fixed.get(key, b"")[:4], "little")
