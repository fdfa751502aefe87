"""What office drawings share: text with its paragraphs, tables, and the words that stand for a picture."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from aver.knowledge.adapters.numerals import numeral
from aver.knowledge.draft import Draft

__all__ = ["Line", "alternative", "authored", "lines", "write_lines", "write_table"]

_MACHINE_MADE = re.compile(
    r"AI-generated content|automatically generated|generated with (?:very )?(?:high|low)", re.IGNORECASE
)
_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|gif|bmp|tiff?|svg|emf|wmf|webp)", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"(?:picture|image|photo|chart|graphic|diagram|grafik|bild)\s*\d*", re.IGNORECASE)
"""What a program writes where the author wrote nothing."""
_DEEPEST_LEVEL = 8
_MOST_SPAN = 500


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph of a text body: its text, its depth from 0, and what stands before it (empty for running text, else
    ``-`` or the style of a number such as ``arabicPeriod``)."""

    text: str
    depth: int
    bullet: str
    start: int = 1


def lines(body: Element, inherited: Callable[[int], Element | None] = lambda _: None) -> Iterator[Line]:
    """The paragraphs of a ``txBody``. ``inherited`` gives the properties of a depth that come from elsewhere."""
    for paragraph in body.findall("a.p"):
        text = "".join(_inline(paragraph))
        own = paragraph.find("a.pPr")
        level = own.get("lvl", "0") if own is not None else "0"
        depth = min(int(level), _DEEPEST_LEVEL) if level.isdigit() and level.isascii() else 0
        listed = body.find(f"a.lstStyle/a.lvl{depth + 1}pPr")
        layers = (layer for layer in (own, listed, inherited(depth)) if layer is not None)
        yield Line(text, depth, *next((found for layer in layers if (found := _bullet(layer))), ("", 1)))


def write_lines(found: Iterator[Line], draft: Draft) -> None:
    """Append paragraphs and list items, numbered as they are shown."""
    counts: dict[int, int] = {}
    for line in found:
        if not line.text.strip():
            continue
        for deeper in [depth for depth in counts if depth > line.depth or (depth == line.depth and not line.bullet)]:
            del counts[deeper]
        if not line.bullet:
            draft.paragraph(line.text)
        elif line.bullet == "-":
            draft.item(line.text, depth=line.depth, marker="-")
        else:
            counts[line.depth] = counts.get(line.depth, line.start - 1) + 1
            draft.item(line.text, depth=line.depth, marker=_number(counts[line.depth], line.bullet))
    draft.gap()


def write_table(table: Element, draft: Draft) -> None:
    """Append a table; a merged cell's text stands in each row and column it covers."""
    properties = table.find("a.tblPr")
    has_header = properties is None or properties.get("firstRow", "0") in ("1", "true")
    draft.gap()
    above: dict[int, str] = {}
    for index, row in enumerate(table.findall("a.tr")):
        texts: list[str] = []
        for column, cell in enumerate(row.findall("a.tc")):
            if _is_set(cell, "hMerge"):
                texts.append(texts[-1] if texts else "")
            elif _is_set(cell, "vMerge"):
                texts.append(above.get(column, ""))
            else:
                body = cell.find("a.txBody")
                texts.append(" ".join(line.text for line in lines(body)) if body is not None else "")
            above[column] = texts[-1]
        draft.row(texts, header=has_header and index == 0)
    draft.gap()


def alternative(properties: Element | None) -> str:
    """The words an author gave for a picture, from its ``cNvPr``."""
    return authored(properties.get("descr") or properties.get("title") or "") if properties is not None else ""


def authored(words: str) -> str:
    """``words`` if a person wrote them for a picture; nothing where a program made them up or put the file's name there."""
    text = words.strip()
    made_up = _MACHINE_MADE.search(text) or _FILE_NAME.fullmatch(text) or _PLACEHOLDER.fullmatch(text) or "://" in text
    return "" if made_up else text


def _inline(paragraph: Element) -> Iterator[str]:
    for node in paragraph.iter():
        if node.tag in ("a.t", "m.t"):
            yield node.text or ""
        elif node.tag == "a.br":
            yield "\n"


def _bullet(properties: Element) -> tuple[str, int] | None:
    """What ``pPr`` says stands before a paragraph; ``None`` when it says nothing."""
    for node in properties:
        if node.tag == "a.buNone":
            return "", 1
        if node.tag in ("a.buChar", "a.buBlip"):
            return "-", 1
        if node.tag == "a.buAutoNum":
            start = node.get("startAt", "1")
            return node.get("type") or "arabicPeriod", int(start) if re.fullmatch(r"\d{1,5}", start) else 1
    return None


def _number(value: int, style: str) -> str:
    case = "upper" if "Uc" in style else "lower"
    kinds = {"alpha": f"{case}Letter", "roman": f"{case}Roman"}
    shown = numeral(value, next((kind for name, kind in kinds.items() if style.startswith(name)), "decimal"))
    if style.endswith("ParenBoth"):
        return f"({shown})"
    return f"{shown})" if style.endswith("ParenR") else f"{shown}."


def _is_set(cell: Element, name: str) -> bool:
    return cell.get(name, "0") in ("1", "true")
