"""Markdown of what a source itself puts together, in which foreign text stays text."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["code", "code_span", "escaped", "fields", "link", "page"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_LINE_START = re.compile(r"^(\s{0,3})(?:([-+>=])|(\d{1,9})([.)]))", re.MULTILINE)
_INDENT = re.compile(r"^(?: {4,}| *\t[ \t]*)", re.MULTILINE)
_LANGUAGE = re.compile(r"[\w+#.-]{1,30}")
_HIDING = re.compile(r"\{%(?=-?\s*(?:end)?comment\b)")
"""Template tags that would leave out what stands between two of them, in code as well."""
_WEB = re.compile(r"(?:https?://|mailto:)[^\s<>\\]+", re.IGNORECASE)


def escaped(text: str) -> str:
    """``text`` so that Markdown shows it as it is: no heading, list, link, markup or code of its own."""
    text = _SPECIAL.sub(r"\\\1", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _INDENT.sub("", text)
    return _LINE_START.sub(_shown, text)


def _shown(start: re.Match[str]) -> str:
    indent, sign, number, after = start.groups()
    return f"{indent}\\{sign}" if sign else f"{indent}{number}\\{after}"


def code(text: str, language: str = "") -> str:
    """A block of code, whatever is in it; ``language`` counts where it looks like the name of one."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    named = _LANGUAGE.match(language.strip())
    shown = _HIDING.sub("{ %", text.strip("\n"))
    return f"{fence}{named[0] if named else ''}\n{shown}\n{fence}"


def code_span(text: str) -> str:
    """Code within a line, or text where Markdown has no sure way to write it as code."""
    simple = text.strip() and not set("`\n\r|") & set(text)
    return f"`{_HIDING.sub('{ %', text)}`" if simple else escaped(text)


def link(label: str, url: str) -> str:
    """A link to the web or a mail address; only its label for any other."""
    shown = escaped(_line(label))
    return f"[{shown}](<{url}>)" if shown and _WEB.fullmatch(url) else shown


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
