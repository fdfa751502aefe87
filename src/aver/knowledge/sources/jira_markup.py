"""Jira's wiki markup, in which a Data Center keeps what people write, as Markdown.

Headings, lists, tables, code and links keep their structure; any other mark stays in the text as it is written. See
https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from aver.knowledge.sources.rendering import code, escaped, link

__all__ = ["markdown"]

_BLOCK = re.compile(r"\{(code|noformat)(?::([^}\n]*))?\}(.*?)\{\1\}", re.DOTALL)
_HEADING = re.compile(r"h([1-6])\.[ \t]+(.+)")
_ITEM = re.compile(r"([*#-]{1,6})[ \t]+(.+)")
_MACRO = re.compile(r"\{(?:quote|color(?::[^}\n]*)?|panel(?::[^}\n]*)?|anchor:[^}\n]*)\}")
_LINK = re.compile(r"\[(?:([^\]|\n]*)\|)?([^\]|\s]+)(?:\|[^\]\n]*)?\]")
_LOWEST_HEADING = 6


def markdown(text: Any, *, below: int = 0) -> str:
    """The blocks of ``text``, headings ``below`` as many levels as those of the page around it."""
    if not isinstance(text, str):
        return ""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    parts, end = [], 0
    for found in _BLOCK.finditer(text):
        parts += [*_blocks(text[end : found.start()], below), _code(found)]
        end = found.end()
    return "\n\n".join(part for part in (*parts, *_blocks(text[end:], below)) if part.strip())


def _code(found: re.Match[str]) -> str:
    """The first of its parameters is the language, where it is no ``name=value``."""
    language = (found[2] or "").split("|")[0]
    return code(found[3], "" if "=" in language or found[1] == "noformat" else language) if found[3].strip() else ""


def _blocks(text: str, below: int) -> Iterator[str]:
    """Lines that are alike and follow one another are a block."""
    kind, lines = "", list[str]()
    for written in _MACRO.sub("", text).split("\n"):
        now, line = _line(written.strip(), below)
        if now != kind or now == "heading":
            yield _joined(kind, lines)
            kind, lines = now, []
        lines.append(line)
    yield _joined(kind, lines)


def _line(line: str, below: int) -> tuple[str, str]:
    """Which kind of block a line belongs to, and what it is in Markdown; of a row, as it is written."""
    if found := _HEADING.fullmatch(line):
        return "heading", f"{'#' * min(_LOWEST_HEADING, int(found[1]) + below)} {_inline(found[2])}"
    if found := _ITEM.fullmatch(line):
        mark = "1." if found[1].endswith("#") else "-"
        return "list", f"{'   ' * (len(found[1]) - 1)}{mark} {_inline(found[2])}"
    if line.startswith("|") and line.endswith("|") and len(line) > 1:
        return "table", line
    return ("text", _inline(line)) if line else ("", "")


def _joined(kind: str, lines: list[str]) -> str:
    if kind != "table":
        return ("  \n" if kind == "text" else "\n").join(lines)  # a line of text ends where it was ended
    rows = [_cells(line) for line in lines]
    width = max(map(len, rows))
    if not lines[0].startswith("||"):
        rows.insert(0, [])
    shown = [f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in rows]
    return "\n".join([shown[0], f"|{' --- |' * width}", *shown[1:]])


def _cells(row: str) -> list[str]:
    """A bar within a link parts no cells."""
    marked = _LINK.sub(lambda found: found[0].replace("|", "\0"), row.strip().strip("|"))
    return [_inline(cell.replace("\0", "|").strip()) for cell in re.split(r"\|{1,2}", marked)]


def _inline(text: str) -> str:
    parts, end = [], 0
    for found in _LINK.finditer(text):
        parts += [escaped(text[end : found.start()]), link(found[1] or found[2], found[2])]
        end = found.end()
    return "".join([*parts, escaped(text[end:])])
