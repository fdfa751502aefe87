"""Which format a file has: told by its content, and by its name where the content leaves it open."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Literal

from aver.core.errors import InvalidInput

__all__ = ["Format", "UnsupportedFormat", "format_of"]

Format = Literal[
    "markdown",
    "plain",
    "html",
    "pdf",
    "docx",
    "pptx",
    "xlsx",
    "odt",
    "ods",
    "odp",
    "csv",
    "eml",
    "msg",
    "rtf",
    "code",
    "notebook",
    "image",
]

_CODE = """.py .pyi .js .mjs .cjs .jsx .ts .tsx .vue .svelte .java .kt .kts .scala .groovy .gradle .go .rs .c .h .cc .cpp .cxx .hpp
    .cs .fs .vb .swift .m .mm .dart .rb .php .pl .pm .lua .r .jl .hs .clj .ex .exs .erl .elm .ml .sql .sh .bash .zsh .fish .ps1 .bat
    .css .scss .less .yaml .yml .json .jsonl .toml .ini .cfg .conf .properties .xml .xsd .xsl .tf .hcl .proto .graphql .cmake .mk"""
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
    ".ipynb": "notebook",
    **dict.fromkeys(_CODE.split(), "code"),
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
_MAIL_NAME = re.compile(rb"[!-9;-~]{1,76}:", re.MULTILINE)
_MAIL_FROM = re.compile(rb"^from:", re.IGNORECASE | re.MULTILINE)
_MAIL_MORE = re.compile(
    rb"^(?:received|message-id|mime-version|return-path|delivered-to|dkim-signature):", re.IGNORECASE | re.MULTILINE
)
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_SCRIPT = re.compile(
    rb"#!\s*/\S*/(?:env\s+)?(?:ba|z|da|k)?sh\b|#!\s*/\S*/(?:env\s+)?(?:python|node|ruby|perl|php|lua|deno)"
)
_ACCESS_LIST = (re.compile(rb"^[- ] *match *:", re.MULTILINE), re.compile(rb"^[- ] *readers *:", re.MULTILINE))
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_OUTLOOK = "__properties_version1.0".encode("utf-16-le")
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How PNG, JPEG and TIFF begin."""
_STARTS: dict[bytes, Format] = {b"{\\rtf": "rtf", **dict.fromkeys(_PICTURES, "image")}
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")


class UnsupportedFormat(InvalidInput):
    """A format that is not read: an ingest skips the file and says so."""

    slug, status = "unsupported-format", 415


def format_of(data: bytes, path: PurePosixPath) -> Format:
    """The format of a file; raises :class:`UnsupportedFormat` for one that is not read, and
    :class:`~aver.core.errors.InvalidInput` for one that is not what its name says, or is encrypted."""
    named = _EXTENSIONS.get(path.suffix.lower())
    found = _by_content(data, named)
    if found is not None:
        return found
    if named is None:
        raise UnsupportedFormat(
            f"Files ending in {path.suffix!r} are not read",
            "Convert it to Markdown, text, HTML, PDF or an office format.",
        )
    if path.suffix.lower() in (".yaml", ".yml") and all(key.search(data) for key in _ACCESS_LIST):
        raise UnsupportedFormat("An access list is no document: it names people", "Keep it outside of the folder.")
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
    if _HTML_START.match(data[:4096]):
        return "html"
    starts = next((kind for start, kind in _STARTS.items() if data.startswith(start)), None)
    return starts or _by_first_lines(data, named)


def _by_first_lines(data: bytes, named: Format | None) -> Format | None:
    if named in (None, "plain") and _SCRIPT.match(data):
        return "code"
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
