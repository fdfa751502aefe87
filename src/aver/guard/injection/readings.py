"""What a text says when it is decoded: orders are hidden from whoever looks for them in ways that models read with ease."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

__all__ = ["readings"]

_PACKED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :]?|\\x[0-9a-fA-F]{2}){16,}")
_PERCENT = re.compile(r"[\w.~+%-]{9,}")
_OCTET = re.compile("%[0-9A-Fa-f]{2}")
_ENTITIES = re.compile(r"(?:&#x?[0-9a-fA-F]{2,6};\s?){6,}")
_SPACED = re.compile(r"(?<!\w)\w(?:([ .*_-])\w)(?:\1{1,3}\w){6,}(?!\w)")
_TURNED = ("vafgehpg", "vtaber", "cerivbhf", "cebzcg", "ercyl", "erfgevpg")
_BACKWARDS = ("tcurtsni", "erongi", "suoiverp", "tpmorp", "tcirtser", "drowssap")
_LEET = re.compile(r"(?<![\w@$!|])[a-z]{0,20}[013457@$!|]{1,3}[a-z][a-z013457@$!|]{0,20}(?![\w@$!|])", re.IGNORECASE)
_LEET_WORDS = 3
_AS_LETTERS = str.maketrans("013457@$!|", "oieastasil")
_LINE = re.compile(r"[^\n]+")
_OCTETS = 3
_DEEPEST = 2


def readings(text: str, depth: int = 0) -> Iterator[tuple[str, int, int]]:
    """``(reading, start, end)``: base64, hexadecimal, percent encoding, entities, letters set apart; lines in rot13 or backwards, where
    a telling word of either stands there; lines with digits for letters. What is packed twice is unpacked twice. Linear in ``len(text)``."""
    for pattern, needs, read in (
        (_PACKED, "", _base64),
        (_HEX, "", _hexadecimal),
        (_PERCENT, "%", _unquoted),
        (_ENTITIES, "&#", html.unescape),
        (_SPACED, "", _joined),
    ):
        for match in pattern.finditer(text) if needs in text else ():
            reading = read(match[0])
            if reading != match[0] and _legible(reading):
                yield reading, *match.span()
                if depth + 1 < _DEEPEST:
                    for deeper, _, _ in readings(reading, depth + 1):
                        yield deeper, *match.span()
    lower = text.lower()
    if any(word in lower for word in _TURNED + _BACKWARDS) or _LEET.search(text):
        for line in _LINE.finditer(text):
            for reading in _respelt(line[0]):
                yield reading, *line.span()


def _respelt(line: str) -> Iterator[str]:
    lower = line.lower()
    if any(word in lower for word in _TURNED):
        yield codecs.encode(line, "rot13")
    if any(word in lower for word in _BACKWARDS):
        yield line[::-1]
    # A model number or an ordinal is one such word; who writes so writes so throughout.
    if len(_LEET.findall(line)) >= max(_LEET_WORDS, line.count(" ") // 4):
        yield line.translate(_AS_LETTERS)


def _base64(packed: str) -> str:
    cleaned = packed.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(cleaned + "=" * (-len(cleaned) % 4)).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _unquoted(packed: str) -> str:
    return unquote(packed) if len(_OCTET.findall(packed)) >= _OCTETS else packed


def _hexadecimal(packed: str) -> str:
    try:
        return bytes.fromhex(re.sub(r"\\x|[ :]", "", packed)).decode("utf-8")
    except ValueError:
        return ""


def _joined(spaced: str) -> str:
    """Single letters without what stands between them; where it stands twice, a word ends."""
    mark = spaced[1]
    return " ".join(word.replace(mark, "") for word in re.split(re.escape(mark) + "{2,}", spaced))


def _legible(reading: str) -> bool:
    """Whether this is writing rather than chance: letters and spaces above all."""
    letters = sum(char.isalpha() or char in " ,.'!?" for char in reading)
    return len(reading) >= 8 and letters >= 0.8 * len(reading)
