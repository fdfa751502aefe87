"""What a Word paragraph's style makes of it: a heading, a list item, its number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from aver.knowledge.adapters.numerals import numeral

__all__ = ["Numbering", "Style", "Styles"]

_HEADING = re.compile(r"heading ?([1-9])", re.IGNORECASE)
_BODY_LEVEL = 9
"""The outline level of running text."""
_LEVELS = 9
_LONGEST_CHAIN = 50


@dataclass(frozen=True, slots=True)
class Style:
    level: int = 0
    """Of a heading, 1 to 6; 0 otherwise."""
    numbering: tuple[str, int] | None = None
    """The list it belongs to and its depth from 0."""
    is_contents: bool = False
    """A line of a table of contents."""
    is_caption: bool = False


class Styles:
    def __init__(self, root: Element | None) -> None:
        styles = root.findall("style") if root is not None else []
        self._styles = {style.get("styleId", ""): style for style in styles}

    def of(self, properties: Element | None) -> Style:
        """The style of a paragraph with these properties (``pPr``)."""
        chain = self._chain(_value(properties, "pStyle"))
        names = [_value(style, "name") or style.get("styleId", "") for style in chain]
        names = names or [_value(properties, "pStyle")]
        layers = [properties, *(style.find("pPr") for style in chain)]
        number = next((value for layer in layers if (value := _value(layer, "numPr/numId"))), "")
        depth = next((value for layer in layers if (value := _value(layer, "numPr/ilvl"))), "0")
        return Style(
            level=_level(names, layers),
            numbering=(number, min(int(depth), _LEVELS - 1)) if number not in ("", "0") and depth.isdigit() else None,
            is_contents=any(name.lower().startswith(("toc ", "toc1", "table of ")) for name in names[:1]),
            is_caption=any(name.lower() == "caption" for name in names),
        )

    def _chain(self, name: str) -> list[Element]:
        """The style called ``name`` and those it is based on."""
        chain: list[Element] = []
        while name in self._styles and len(chain) < _LONGEST_CHAIN:
            chain.append(self._styles[name])
            name = _value(chain[-1], "basedOn")
        return chain


def _level(names: list[str], layers: list[Element | None]) -> int:
    outline = next((value for layer in layers if (value := _value(layer, "outlineLvl"))), "")
    if outline.isdigit() and int(outline) < _BODY_LEVEL:
        return min(int(outline) + 1, 6)
    for name in names:
        if name.lower() == "title":
            return 1
        if heading := _HEADING.fullmatch(name):
            return min(int(heading[1]), 6)
    return 0


@dataclass(frozen=True, slots=True)
class _Level:
    format: str
    text: str
    start: int


class Numbering:
    """Counts the items of the document's lists as they are read, and labels each."""

    def __init__(self, root: Element | None) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}
        self._lists: dict[str, str] = {}
        self._restarts: dict[str, set[int]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        for kind in root if root is not None else ():
            if kind.tag == "abstractNum":
                self._levels[kind.get("abstractNumId", "")] = {
                    int(level.get("ilvl", "0")): _read_level(level)
                    for level in kind.findall("lvl")
                    if level.get("ilvl", "0").isdigit()
                }
            elif kind.tag == "num":
                number = kind.get("numId", "")
                self._lists[number] = _value(kind, "abstractNumId")
                restarted = [each for each in kind.findall("lvlOverride") if each.find("startOverride") is not None]
                self._restarts[number] = {int(level) for each in restarted if (level := each.get("ilvl", "")).isdigit()}

    def label(self, number: str, depth: int) -> str:
        """The label of the next item at ``depth`` of the list ``number``: ``-``, ``3.``, ``(b)``, ``2.1``."""
        kind = self._lists.get(number, "")
        levels = self._levels.get(kind, {})
        level = levels.get(depth, _Level("bullet", "", 1))
        counts = self._counts.setdefault(kind, {})
        if depth in self._restarts.get(number, ()):
            self._restarts[number].discard(depth)
            counts.pop(depth, None)
        counts[depth] = counts.get(depth, level.start - 1) + 1
        for deeper in [each for each in counts if each > depth]:
            del counts[deeper]
        if level.format == "bullet":
            return "-"

        def shown(place: re.Match[str]) -> str:
            at = int(place[1]) - 1
            of = levels.get(at, level)
            return numeral(counts.setdefault(at, of.start), of.format)

        return re.sub(r"%([1-9])", shown, level.text).strip()


def _read_level(level: Element) -> _Level:
    start = _value(level, "start")
    return _Level(_value(level, "numFmt") or "decimal", _value(level, "lvlText"), int(start) if start.isdigit() else 1)


def _value(parent: Element | None, path: str) -> str:
    """The ``val`` of the element at ``path``; empty without one."""
    found = parent.find(path) if parent is not None else None
    return found.get("val", "") if found is not None else ""
