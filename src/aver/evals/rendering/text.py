"""Text of unknown people, made safe to show: nothing invisible, nothing that turns the line around, and an end to it."""

from __future__ import annotations

import re

__all__ = ["shortened", "visible"]

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
"""Controls, marks of direction, characters of no width, tags, halves of surrogate pairs, and what is no character at all."""


def visible(text: str, longest: int = 20_000) -> str:
    """``text`` with what cannot be seen replaced by U+FFFD, cut after ``longest`` characters, and said so. Valid in XML 1.0 and UTF-8."""
    found = _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text[:longest].replace("\r\n", "\n").replace("\r", "\n"))
    return f"{found} … ({len(text) - longest:,} characters more)" if len(text) > longest else found


def shortened(text: str, longest: int = 120) -> str:
    """One line of it."""
    line = " ".join(visible(text, longest * 4).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
