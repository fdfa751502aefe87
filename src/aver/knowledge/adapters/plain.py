"""Plain text: paragraphs, lists and underlined headings as people type them."""

from __future__ import annotations

import re

from aver.knowledge.decoding import decode
from aver.knowledge.draft import Draft, clean

__all__ = ["read"]

_UNDERLINE = re.compile(r"\s*(={3,}|-{3,}|~{3,})\s*$")
_ITEM = re.compile(r"(?P<indent>\s*)(?P<marker>[-*+•◦▪‣]|\d{1,4}[.)])\s+(?P<text>\S.*)")
_WRAPPED_FROM = 45
"""A paragraph whose lines, all but the last, are at least this long was wrapped by an editor, not by its writer."""


def read(data: bytes) -> Draft:
    draft = Draft()
    paragraph: list[str] = []
    for number, line in enumerate([*clean(decode(data)).split("\n"), ""], 1):
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            _paragraph(draft, paragraph, number - len(paragraph))
            paragraph = []
    return draft


def _paragraph(draft: Draft, lines: list[str], first: int) -> None:
    """Write ``lines``, the first of which is line ``first`` of the file."""
    if len(lines) > 1 and (underline := _UNDERLINE.match(lines[1])):
        draft.at(anchor=f"L{first}")
        draft.heading(lines[0], 1 if underline[1][0] == "=" else 2)
        lines, first = lines[2:], first + 2
    start = 0
    for position in range(1, len(lines) + 1):
        if position == len(lines) or _ITEM.match(lines[position]):
            last = f"-L{first + position - 1}" if position - start > 1 else ""
            draft.at(anchor=f"L{first + start}{last}")
            _lines(draft, lines[start:position])
            start = position


def _lines(draft: Draft, lines: list[str]) -> None:
    wrapped = all(len(line.strip()) >= _WRAPPED_FROM for line in lines[:-1])
    if lines and (item := _ITEM.match(lines[0])):
        text = (" " if wrapped else "\n").join([item["text"], *lines[1:]])
        marker = item["marker"] if item["marker"][0].isdigit() else "-"
        draft.item(text, depth=len(item["indent"].expandtabs(4)) // 2, marker=marker)
    else:
        draft.paragraph((" " if wrapped else "\n").join(lines))
