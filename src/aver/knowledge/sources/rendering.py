"""Markdown of what a source itself puts together, in which foreign text stays text."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["escaped", "fields", "page"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_LINE_START = re.compile(r"^(\s{0,3})(?:([-+>=])|(\d{1,9})([.)]))", re.MULTILINE)
_INDENT = re.compile(r"^(?: {4,}| *\t[ \t]*)", re.MULTILINE)


def escaped(text: str) -> str:
    """``text`` so that Markdown shows it as it is: no heading, list, link, markup or code of its own."""
    text = _SPECIAL.sub(r"\\\1", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _INDENT.sub("", text)
    return _LINE_START.sub(_shown, text)


def _shown(start: re.Match[str]) -> str:
    indent, sign, number, after = start.groups()
    return f"{indent}\\{sign}" if sign else f"{indent}{number}\\{after}"


def fields(values: Mapping[str, object]) -> str:
    """A table of names and values, or nothing."""
    if not values:
        return ""
    rows = [f"| {escaped(_line(name))} | {escaped(_line(value))} |" for name, value in values.items()]
    return "\n".join(["| field | value |", "| --- | --- |", *rows])


def page(title: str, *parts: str) -> str:
    """A document: its title, then its parts, of which the first is foreign text and the others are Markdown already."""
    text, *rest = parts or ("",)
    return "\n\n".join(part for part in (f"# {escaped(_line(title))}", escaped(text), *rest) if part.strip()) + "\n"


def _line(value: object) -> str:
    return " ".join(str(value).split())
