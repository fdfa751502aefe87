"""From bytes to characters, refusing what is not text."""

from __future__ import annotations

import codecs
import re

from aver.core.errors import InvalidInput

__all__ = ["decode"]

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
_HIGH = bytes(range(128, 256))
_MOST_CONTROLS = 0.02
_FEW = 4
"""Bytes that prove nothing, however short the text."""
_MOST_HIGH = 0.25
"""Western European text in a one-byte encoding has fewer letters than this outside ASCII."""


def decode(data: bytes, declared: str = "") -> str:
    """``data`` as text: by its byte order mark, else UTF-8, else the ``declared`` encoding, else Windows-1252.

    Raises :class:`~aver.core.errors.InvalidInput` when it is not text.
    """
    return _decode(data, declared).replace("\x00", "")  # databases refuse it, and it shows nothing


def _decode(data: bytes, declared: str) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").lstrip("\ufeff")
    sample = data[:65536]
    if _count(sample, _CONTROLS) > _MOST_CONTROLS * len(sample) + _FEW:
        raise InvalidInput("The file is binary, not text", "Give it its real extension, or remove it.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    if declared:
        try:
            return data.decode(declared).encode("utf-8", "replace").decode()  # some codecs make lone surrogates
        except (LookupError, UnicodeError):
            pass
    if _count(sample, _HIGH) > _MOST_HIGH * len(sample) + _FEW:
        raise InvalidInput("The text's encoding cannot be told", "Save it as UTF-8.")
    return data.decode("windows-1252", "replace")


def _count(data: bytes, kind: bytes) -> int:
    return len(data) - len(data.translate(None, kind))


_DECLARED = re.compile(
    rb"""<(?:meta[^>]{0,200}?charset|\?xml[^>]{0,100}?encoding)\s*=\s*["']?([\w.:-]{2,40})""", re.IGNORECASE
)


def declared_in_html(data: bytes) -> str:
    """The encoding that a page declares in its first bytes; empty when it does not."""
    found = _DECLARED.search(data[:4096])
    return found[1].decode("ascii", "replace") if found else ""
