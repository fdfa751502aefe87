"""From the bytes of a file to its readable text: which format it is, and who reads that format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import PurePosixPath
from typing import Literal

from aver.core.errors import InvalidInput
from aver.knowledge.draft import Draft
from aver.knowledge.types import ParsedDocument

__all__ = ["UnsupportedFormat", "parse"]

Format = Literal["markdown", "plain", "html", "pdf", "docx", "image"]

_EXTENSIONS: dict[str, Format] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd"), "markdown"),
    **dict.fromkeys((".txt", ".text", ".log", ""), "plain"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".pdf": "pdf",
    ".docx": "docx",
}
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How PNG, JPEG and TIFF begin."""
_LOCKABLE = frozenset({"pdf"})
"""Formats whose files are opened with a password."""
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")


class UnsupportedFormat(InvalidInput):
    """A format that is not read: an ingest skips the file and says so."""

    slug, status = "unsupported-format", 415


def parse(data: bytes, path: str, passwords: Sequence[str] = ()) -> ParsedDocument:
    """The readable text of a file, its title and its blocks. In this process: :class:`~aver.knowledge.parsers.Parsers` is for
    files from elsewhere.

    The content decides the format, the extension of ``path`` only what the content leaves open. ``passwords`` are tried on a
    file that is encrypted. Raises
    :class:`UnsupportedFormat` for a format that is not read, and :class:`~aver.core.errors.InvalidInput` for a file that
    is empty, damaged, encrypted or without text.
    """
    if not data:
        raise InvalidInput("The file is empty", "Write something in it, or remove it.")
    kind = _format(data, PurePosixPath(path))
    adapter = import_module(f"aver.knowledge.adapters.{kind}")
    draft: Draft = adapter.read(data, passwords) if kind in _LOCKABLE else adapter.read(data)
    document = draft.finish(_readable_name(PurePosixPath(path)))
    is_redirect = kind == "markdown" and bool(draft.title)  # such a page is its front matter alone
    if not document.text and not is_redirect:
        if kind == "image":
            raise UnsupportedFormat("The image shows no text", "Remove it, if it should.")
        raise InvalidInput("The file holds no text", "Write something in it, or remove it.")
    return document


def _format(data: bytes, path: PurePosixPath) -> Format:
    named = _EXTENSIONS.get(path.suffix.lower())
    if data.startswith(b"%PDF-") or (b"%PDF-" in data[:1024] and (named == "pdf" or b"%%EOF" in data[-1024:])):
        return "pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if named == "docx" or b"word/" in data:
            return "docx"
        raise UnsupportedFormat("A ZIP archive is not read", "Unpack it and ingest the files in it.")
    if data.startswith(_PICTURES):
        return "image"
    if data.startswith(_OLE):
        if _ENCRYPTED_OFFICE in data:
            raise InvalidInput("The document is encrypted", "Save it without a password and ingest it again.")
        raise UnsupportedFormat("This older Office format is not read", "Save it as DOCX or PDF.")
    if _HTML_START.match(data[:4096]):
        return "html"
    if named == "pdf":
        raise InvalidInput("The file is named .pdf but holds no PDF", "Export it again, or give it its real extension.")
    if named == "docx":
        raise InvalidInput("The file is named .docx but holds no Word document", "Save it again as DOCX.")
    if named is None:
        raise UnsupportedFormat(
            f"Files ending in {path.suffix!r} are not read", "Convert it to Markdown, text, HTML, PDF or DOCX."
        )
    return named


def _readable_name(path: PurePosixPath) -> str:
    """``guides/travel-guide_faq.md`` -> ``Travel guide faq``; an index is named for its folder."""
    stem = path.stem
    if stem.lower() in ("index", "readme", "_index") and path.parent.name:
        stem = path.parent.name
    words = re.sub(r"[-_\s]+", " ", stem).strip() or path.name or "Untitled"
    return words[0].upper() + words[1:]
