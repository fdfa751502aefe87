# ruff: noqa: RUF001 - dashes and quotation marks as documents have them
"""From printed pages to a document: lines joined to paragraphs again by where they stand, headings by their size."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from aver.knowledge.adapters.printed import Line, Page, box_of
from aver.knowledge.adapters.printed_order import in_reading_order
from aver.knowledge.adapters.printed_tables import Table, split_tables
from aver.knowledge.draft import Draft

__all__ = ["SOFT_HYPHEN", "write_pages"]

_BULLET = re.compile(r"[•◦▪●■□☐☑✓‣∙·○➢\x80-\x9f\uf000-\uf0ff]\s*|[-–—]\s+")
_NUMBER = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-z][.)])\s+(?=\S)")
_CAPTION = re.compile(
    r"(?:fig(?:ure)?|table|tab|chart|exhibit|listing|abbildung|abb|tabelle|diagram|scheme)\.?\s+(?:[A-Z]?\d{1,3}(?:[.-]\d{1,3})*|[IVX]{1,5})\s*(?:[.:|–—-]|$)",
    re.IGNORECASE,
)
SOFT_HYPHEN = "\x02"
"""What PDFium writes for a hyphen that divides a word at the end of a line, in place of the line's end."""
_DIVIDED = re.compile(r"(\w+)[\x02-]\n(\w+)")
_DIVIDES = re.compile(r"\w[\x02-]$")
_PAGE_NUMBER = re.compile(
    r"\W{0,3}(?:(?:page|seite)\s+)?(?:\d{1,4}(?:(?:[-–./]|\s+(?:of|von)\s+)\d{1,4})?|[ivxlc]{1,7})\W{0,3}",
    re.IGNORECASE,
)
_RUNNING_HEAD = re.compile(r"\d{1,4}\s+\D.{0,90}|.{0,90}\D\s+\d{1,4}")
_LEADERS = re.compile(r"\s*(?:\.[ ]?){6,}")
_ENDED = re.compile(r"[.!?:;…。！？]['\"’”)\]]*$")

# Shares of a line's height, of a column's width, or of the size of running text.
_MORE_GAP = 0.35
_INDENT = 0.8
_SHORT = 0.7
_HEADING_SIZE = 1.12
_LONGEST_HEADING = 120
"""Characters."""
_FURNITURE_SHARE = 0.1
_OUTERMOST = 0.07
"""Of a page's height."""
_ALONE = 1.5
"""Line heights from a running head to the text."""


def write_pages(pages: Sequence[Page], draft: Draft) -> None:
    """Append what the pages say to ``draft``, without what they repeat in their margins."""
    kept = _without_furniture(pages)
    words = _Words(line for lines in kept for line in lines)
    style = _Style([line for lines in kept for line in lines])
    by_number = {page.number: page for page in pages}
    for part in _parts(pages, kept, style):
        if isinstance(part, _PlacedTable):
            _write_table(part.page, part.table, draft)
        else:
            _write_lines(by_number, part, draft, words, style)


@dataclass(frozen=True, slots=True)
class _PlacedTable:
    page: Page
    table: Table


def _parts(pages: Sequence[Page], kept: Sequence[list[Line]], style: _Style) -> Iterator[list[Line] | _PlacedTable]:
    """Paragraphs, as their lines, and tables, in reading order. A paragraph may go on over columns and pages."""
    flow: list[list[Line]] = []
    for page, lines in zip(pages, kept, strict=True):
        bare = replace(page, lines=lines)
        run: list[Line] = []
        for part in in_reading_order(bare, split_tables(bare)):
            if isinstance(part, Table):
                yield from _paragraphs([*flow, run], style)
                flow, run = [], []
                yield _PlacedTable(page, part)
            else:
                run.append(part)
        flow.append(run)
    yield from _paragraphs(flow, style)


def _write_table(page: Page, table: Table, draft: Draft) -> None:
    draft.gap()
    left, _, right, _ = table.box
    for number, row in enumerate(table.rows):
        draft.at(page.number, page.fractions(left, row.bottom, right, row.top))
        draft.row(row.cells, number < table.header)
    draft.gap()


def _write_lines(pages: dict[int, Page], lines: Sequence[Line], draft: Draft, words: _Words, style: _Style) -> None:
    places = list(_places(lines))
    first, *others = words.join(places)
    draft.at(places[0][0].page, pages[places[0][0].page].fractions(*box_of(places[0])))
    if bullet := _BULLET.match(first):
        draft.item(first[bullet.end() :], marker="-")
    elif level := style.heading(lines):
        draft.heading(first, level)
    elif number := _NUMBER.match(first):
        draft.item(first[number.end() :], marker=number[0].strip())
    elif _CAPTION.match(first):
        draft.caption(first)
    else:
        draft.paragraph(first)
    for text, place in zip(others, places[1:], strict=True):
        draft.at(place[0].page, pages[place[0].page].fractions(*box_of(place)))
        draft.more(text)


def _places(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """The lines of a paragraph, those of each column apart."""
    place = [lines[0]]
    for before, line in pairwise(lines):
        if line.page != before.page or line.bottom >= before.top:
            yield place
            place = []
        place.append(line)
    yield place


def _without_furniture(pages: Sequence[Page]) -> list[list[Line]]:
    """The pages without page numbers, without what many of them repeat in the same place of their margins, and without a running
    head that carries the page's number."""
    seen = Counter(key for page in pages for key in {_key(line) for line in page.lines if line.margin})
    least = max(3, _FURNITURE_SHARE * len(pages))

    def is_furniture(page: Page, line: Line) -> bool:
        repeated = seen[_key(line)] >= least or _PAGE_NUMBER.fullmatch(line.text) is not None
        return line.margin and (repeated or _is_running_head(page, line))

    return [[line for line in page.lines if not is_furniture(page, line)] for page in pages]


def _is_running_head(page: Page, line: Line) -> bool:
    others = [each for each in page.lines if each is not line and not _PAGE_NUMBER.fullmatch(each.text)]
    if not others or not _RUNNING_HEAD.fullmatch(line.text):
        return False
    least = _ALONE * line.height
    above = line.bottom > (1 - _OUTERMOST) * page.height and line.bottom - max(each.top for each in others) > least
    below = line.top < _OUTERMOST * page.height and min(each.bottom for each in others) - line.top > least
    sizes = sorted(each.height for each in others)
    return (above or below) and line.height <= 1.05 * sizes[len(sizes) // 2]


def _key(line: Line) -> tuple[str, int]:
    return re.sub(r"\d+", "#", line.text), round(line.bottom / 10)


class _Style:
    """How the document is set: the size and spacing of its running text, and the sizes of its headings."""

    def __init__(self, lines: Sequence[Line]) -> None:
        sizes: Counter[float] = Counter()
        gaps: Counter[float] = Counter()
        bold = 0
        for before, line in pairwise(lines):
            if -0.5 <= (gap := round(_gap(before, line), 1)) <= 2:
                gaps[gap] += len(line.text)
        for line in lines:
            sizes[round(line.height * 2) / 2] += len(line.text)
            bold += len(line.text) * line.bold
        self._body = sizes.most_common(1)[0][0] if sizes else 1.0
        self.gap = gaps.most_common(1)[0][0] if gaps else 0.2
        """The usual distance between two lines, as a share of a line's height."""
        self._bold_stands_out = bold < 0.3 * sizes.total()
        larger = {size for size in sizes if size >= self._body * _HEADING_SIZE}
        self._levels = {size: min(rank, 4) for rank, size in enumerate(sorted(larger, reverse=True), 1)}

    def heading(self, lines: Sequence[Line]) -> int:
        """The level of the heading that these lines are, 0 for none."""
        text = " ".join(line.text for line in lines)
        if len(text) > _LONGEST_HEADING or not any(character.isalpha() for character in text):
            return 0
        level = self._levels.get(round(lines[0].height * 2) / 2, 0)
        bold = self._bold_stands_out and all(line.bold and line.height > 0.95 * self._body for line in lines)
        if not level and bold and not _ENDED.search(text):
            level = min(max(self._levels.values(), default=0) + 1, 5)
        return level

    def alike(self, one: Line, other: Line) -> bool:
        """Whether both may belong to one paragraph."""
        same_weight = one.bold == other.bold or not self._bold_stands_out
        return same_weight and abs(one.height - other.height) <= 0.1 * max(one.height, other.height)


def _gap(before: Line, line: Line) -> float:
    return (before.bottom - line.top) / max(before.height, 0.1)


def _paragraphs(pages: Sequence[list[Line]], style: _Style) -> Iterator[list[Line]]:
    paragraph: list[Line] = []
    for lines in pages:
        right = {round(line.left / 20): 0.0 for line in lines}
        for line in lines:
            column = round(line.left / 20)
            right[column] = max(right[column], line.right)
        for line in lines:
            if paragraph and _breaks(paragraph, line, right.get(round(paragraph[-1].left / 20), 0.0), style):
                yield paragraph
                paragraph = []
            paragraph.append(line)
    if paragraph:
        yield paragraph


def _breaks(paragraph: Sequence[Line], line: Line, right: float, style: _Style) -> bool:
    """Whether ``line`` begins a paragraph; ``right`` is where the column of the line before ends."""
    before = paragraph[-1]
    if not style.alike(before, line) or _BULLET.match(line.text) or _NUMBER.match(line.text):
        return True
    if line.bottom >= before.bottom or before.bottom - line.top > 5 * before.height:  # another column or page
        return bool(_ENDED.search(before.text)) or not line.text[0].islower()
    if _gap(before, line) > style.gap + _MORE_GAP:
        return True
    hangs = bool(_BULLET.match(paragraph[0].text) or _NUMBER.match(paragraph[0].text))
    if not hangs and line.left - before.left > _INDENT * line.height and len(paragraph) > 1:
        return True
    words = line.text.split()
    next_word = (line.right - line.left) * (len(words[0]) + 1) / max(len(line.text), 1)
    if _ENDED.search(before.text):
        return before.right + next_word < right - 0.5 * before.height
    return not line.text[0].islower() and before.right - before.left < _SHORT * (right - before.left)


class _Words:
    """Puts words together that a line's end divides: without the hyphen, unless the document writes it elsewhere."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._written = Counter(word for line in lines for word in re.findall(r"\w+(?:-\w+)*", line.text.lower()))

    def join(self, places: Sequence[Sequence[Line]]) -> list[str]:
        """The text of each place; a word that the end of one divides is whole at its end."""
        texts = [[line.text for line in place] for place in places]
        for before, after in pairwise(texts):
            if _DIVIDES.search(before[-1]):
                head, _, after[0] = after[0].partition(" ")
                before.append(head)
        return [self._joined("\n".join(text)) for text in texts]

    def _joined(self, text: str) -> str:
        whole = _DIVIDED.sub(self._whole, _LEADERS.sub(" … ", text))
        return whole.replace(SOFT_HYPHEN, "-").replace("\n", " ")

    def _whole(self, divided: re.Match[str]) -> str:
        first, second = divided.groups()
        compound = self._written[f"{first}-{second}".lower()] > self._written[f"{first}{second}".lower()]
        names = second[0].isupper() and not first.isupper()  # Anglo-American, but OPTIONAL
        return f"{first}-{second}" if compound or names else first + second
