"""From the bytes of a file to its readable text: which format it is, and who reads that format."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import PurePosixPath
from typing import Literal

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.draft import Draft
from aver.knowledge.types import ParsedDocument

__all__ = ["UnsupportedFormat", "parse"]

Format = Literal[
    "markdown", "plain", "html", "pdf", "docx", "pptx", "xlsx", "odt", "ods", "odp", "csv", "eml", "msg", "rtf"
]

_EXTENSIONS: dict[str, Format] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd"), "markdown"),
    **dict.fromkeys((".txt", ".text", ".log", ""), "plain"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".pdf": "pdf",
    ".docx": "docx",
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".potx"), "pptx"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx"), "xlsx"),
    **dict.fromkeys((".odt", ".ott"), "odt"),
    **dict.fromkeys((".ods", ".ots"), "ods"),
    **dict.fromkeys((".odp", ".otp"), "odp"),
    **dict.fromkeys((".eml", ".mht", ".mhtml"), "eml"),
    ".msg": "msg",
    ".rtf": "rtf",
    **dict.fromkeys((".csv", ".tsv", ".tab"), "csv"),
}
_TELLING: dict[Format, str] = {
    "pdf": "PDF",
    "msg": "Outlook message",
    "rtf": "rich text",
    "docx": "Word document",
    "pptx": "presentation",
    "xlsx": "workbook",
    "odt": "OpenDocument text",
    "ods": "OpenDocument sheet",
    "odp": "OpenDocument presentation",
}
"""Formats whose content tells them, and what it would be."""
_ZIPPED = frozenset({"docx", "pptx", "xlsx", "odt", "ods", "odp"})
_FOLDERS: dict[str, Format] = {"word/": "docx", "ppt/": "pptx", "xl/": "xlsx"}
"""Where an office document keeps its own parts."""
_OPEN_DOCUMENT = re.compile(
    rb"application/vnd\.oasis\.opendocument\.(text|spreadsheet|presentation)(?:-template|-master)?\s*"
)
_OPEN_DOCUMENTS: dict[bytes, Format] = {b"text": "odt", b"spreadsheet": "ods", b"presentation": "odp"}
_LOCKABLE = frozenset({"pdf"})
"""Formats whose files are opened with a password."""
_MAILS = frozenset({"eml", "msg"})
"""Formats that hold files of other formats."""
_DEEPEST_MAIL = 5
_MAIL_NAME = re.compile(rb"[!-9;-~]{1,76}:", re.MULTILINE)
_MAIL_FROM = re.compile(rb"^from:", re.IGNORECASE | re.MULTILINE)
_MAIL_MORE = re.compile(
    rb"^(?:received|message-id|mime-version|return-path|delivered-to|dkim-signature):", re.IGNORECASE | re.MULTILINE
)
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_OUTLOOK = "__properties_version1.0".encode("utf-16-le")
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")


class UnsupportedFormat(InvalidInput):
    """A format that is not read: an ingest skips the file and says so."""

    slug, status = "unsupported-format", 415


def parse(data: bytes, path: str, passwords: Sequence[str] = (), *, depth: int = 0) -> ParsedDocument:
    """The readable text of a file, its title and its blocks. In this process: :class:`~aver.knowledge.parsers.Parsers` is for
    files from elsewhere.

    The content decides the format, the extension of ``path`` only what the content leaves open. ``passwords`` are tried on a
    file that is encrypted; ``depth`` counts the mails that it lies in. Raises
    :class:`UnsupportedFormat` for a format that is not read, and :class:`~aver.core.errors.InvalidInput` for a file that
    is empty, damaged, encrypted or without text.
    """
    if not data:
        raise InvalidInput("The file is empty", "Write something in it, or remove it.")
    kind = _format(data, PurePosixPath(path))
    adapter = import_module(f"aver.knowledge.adapters.{kind}")
    if kind in _MAILS and depth >= _DEEPEST_MAIL:
        raise TooLarge(
            f"Mails lie more than {_DEEPEST_MAIL} deep in one another", "Ingest the inner ones by themselves."
        )
    draft: Draft
    if kind in _MAILS:
        draft = adapter.read(data, partial(parse, passwords=passwords, depth=depth + 1))
    else:
        draft = adapter.read(data, passwords) if kind in _LOCKABLE else adapter.read(data)
    document = draft.finish(_readable_name(PurePosixPath(path)))
    is_redirect = kind == "markdown" and bool(draft.title)  # such a page is its front matter alone
    if not document.text and not is_redirect:
        scan = "It may be a scan: recognise its text (OCR) first, then ingest it again."
        raise InvalidInput("The file holds no text", scan if kind == "pdf" else "Write something in it, or remove it.")
    return document


def _format(data: bytes, path: PurePosixPath) -> Format:
    named = _EXTENSIONS.get(path.suffix.lower())
    found = _by_content(data, named)
    if found is not None:
        return found
    if named is None:
        raise UnsupportedFormat(
            f"Files ending in {path.suffix!r} are not read",
            "Convert it to Markdown, text, HTML, PDF or an office format.",
        )
    if named in _TELLING:
        raise InvalidInput(
            f"The file is named {path.suffix} but holds no {_TELLING[named]}",
            "Export it again, or give it its real extension.",
        )
    return named


def _by_content(data: bytes, named: Format | None) -> Format | None:
    """The format that the first bytes or an archive's parts tell; ``None`` when they leave it open."""
    if data.startswith(b"%PDF-") or (b"%PDF-" in data[:1024] and (named == "pdf" or b"%%EOF" in data[-1024:])):
        return "pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(data, named)
    if data.startswith(_OLE):
        return _compound(data, named)
    if data.startswith(b"{\\rtf"):
        return "rtf"
    if _HTML_START.match(data[:4096]):
        return "html"
    return "eml" if _is_mail(data) else None


def _compound(data: bytes, named: Format | None) -> Format:
    """Which format a compound file has that older Office programs wrote."""
    if _ENCRYPTED_OFFICE in data:
        raise InvalidInput("The document is encrypted", "Save it without a password and ingest it again.")
    if named == "msg" or _OUTLOOK in data:
        return "msg"
    raise UnsupportedFormat("This older Office format is not read", "Save it as DOCX, XLSX, PPTX or PDF.")


def _is_mail(data: bytes) -> bool:
    """Whether a file begins as mails do: with headers, one of them ``From``, another one that only programs write."""
    head = re.split(rb"\r?\n\r?\n", data[:32_768], maxsplit=1)[0]
    return bool(_MAIL_NAME.match(head) and _MAIL_FROM.search(head) and _MAIL_MORE.search(head))


def _zipped(data: bytes, named: Format | None) -> Format:
    """Which office document an archive is: by what it says it is or the folders in it, else by its name. A damaged one is
    left to its reader, which says so."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name.lower() for name in archive.namelist()]
            says = (
                archive.read("mimetype") if "mimetype" in names and archive.getinfo("mimetype").file_size < 200 else b""
            )
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, EOFError, RuntimeError, NotImplementedError):
        names, says = [folder for folder in _FOLDERS if folder.encode() in data], b""
    if said := _OPEN_DOCUMENT.fullmatch(says):
        return _OPEN_DOCUMENTS[said[1]]
    for folder, kind in _FOLDERS.items():
        if any(name.startswith(folder) for name in names):
            return kind
    if named in _ZIPPED:
        return named
    raise UnsupportedFormat("A ZIP archive is not read", "Unpack it and ingest the files in it.")


def _readable_name(path: PurePosixPath) -> str:
    """``guides/travel-guide_faq.md`` -> ``Travel guide faq``; an index is named for its folder."""
    stem = path.stem
    if stem.lower() in ("index", "readme", "_index") and path.parent.name:
        stem = path.parent.name
    words = re.sub(r"[-_\s]+", " ", stem).strip() or path.name or "Untitled"
    return words[0].upper() + words[1:]
