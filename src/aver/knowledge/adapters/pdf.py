# ruff: noqa: RUF001 - dashes and quotation marks as documents have them
"""PDF: the text of the pages, its lines joined to paragraphs again by where they stand."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from threading import Lock
from typing import Any
from unicodedata import bidirectional

import pypdfium2
import pypdfium2.raw as pdfium

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.draft import Draft

__all__ = ["read"]

_MOST_PAGES = 20_000
_MOST_CHARACTERS = 50_000_000
_ONE_AT_A_TIME = Lock()
"""PDFium may be called by one thread at a time."""

_BULLET = re.compile(r"[•◦▪●■□☐☑✓‣∙·○➢\x80-\x9f\uf000-\uf0ff]\s*|[-–—]\s+")
_NUMBER = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-z][.)])\s+(?=\S)")
_LINE_FEED, _CARRIAGE_RETURN = 10, 13
_SOFT_HYPHEN = "\x02"
"""What PDFium writes for a hyphen that divides a word at the end of a line, in place of the line's end."""
_DIVIDED = re.compile(r"(\w+)[\x02-]\n(\w+)")
_PAGE_NUMBER = re.compile(r"\W{0,3}(?:\d{1,4}(?:[-–./]\d{1,4})?|[ivxlc]{1,7})\W{0,3}")
_EMPTY_TITLE = re.compile(
    r"untitled.*|(?:new )?(?:document|presentation|slide)\s?\d*|(?:microsoft|powerpoint)\b.*|.*\.\w{2,5}", re.IGNORECASE
)
"""What programs write as a document's title when nobody gave it one."""
_LEADERS = re.compile(r"\s*(?:\.[ ]?){6,}")
_ENDED = re.compile(r"[.!?:;…。！？]['\"’”)\]]*$")

# Shares of a line's height, of a column's width, or of the size of running text.
_MORE_GAP = 0.35
_INDENT = 0.8
_SHORT = 0.7
_HEADING_SIZE = 1.12
_HEADING_WEIGHT = 600
_LONGEST_HEADING = 120
"""Characters."""
_FURNITURE_SHARE = 0.1
_MARGIN = 0.1
"""Of a page's height: where its header and its footer stand."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as printed; places in points from the page's lower left corner."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    bold: bool
    margin: bool
    """At the very top or bottom of its page."""

    @property
    def height(self) -> float:
        return self.top - self.bottom


def read(data: bytes, passwords: Sequence[str] = ()) -> Draft:
    draft = Draft()
    with _ONE_AT_A_TIME:
        title, pages = _open(data)
    draft.title = "" if _EMPTY_TITLE.fullmatch(title.strip()) else title
    pages = _without_furniture(pages)
    words = _Words(chain.from_iterable(pages))
    style = _Style(list(chain.from_iterable(pages)))
    for lines in _paragraphs(pages, style):
        text = words.join(lines)
        if bullet := _BULLET.match(text):
            draft.item(text[bullet.end() :], marker="-")
        elif level := style.heading(lines):
            draft.heading(text, level)
        elif number := _NUMBER.match(text):
            draft.item(text[number.end() :], marker=number[0].strip())
        else:
            draft.paragraph(text)
    return draft


# -- from the file to lines -------------------------------------------------------------------------------------------------


def _open(data: bytes) -> tuple[str, list[list[_Line]]]:
    """The title that the file states and the lines of its pages."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise InvalidInput("The PDF is encrypted", "Save it without a password and ingest it again.") from None
        raise InvalidInput("The PDF is damaged", "Export it again from its source.") from None
    try:
        return document.get_metadata_value("Title"), _pages(document)
    finally:
        document.close()


def _pages(document: Any) -> list[list[_Line]]:
    if len(document) > _MOST_PAGES:
        raise TooLarge(f"The PDF has more than {_MOST_PAGES} pages", "Split it.")
    pages: list[list[_Line]] = []
    characters = 0
    for number in range(len(document)):
        pages.append(_page(document, number))
        characters += sum(len(line.text) for line in pages[-1])
        if characters > _MOST_CHARACTERS:
            raise TooLarge(f"The PDF holds more than {_MOST_CHARACTERS} characters", "Split it.")
    return pages


def _page(document: Any, number: int) -> list[_Line]:
    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        raise InvalidInput(f"Page {number + 1} of the PDF is damaged", "Export it again from its source.") from None
    text_page = page.get_textpage()
    try:
        raw = text_page.raw
        codes = [pdfium.FPDFText_GetUnicode(raw, index) for index in range(text_page.count_chars())]
        return _joined(_lines(raw, codes, page.get_height()))
    finally:
        text_page.close()
        page.close()


def _lines(raw: Any, codes: Sequence[int], height: float) -> Iterator[_Line]:
    start = 0
    for index, code in enumerate([*codes, _LINE_FEED]):
        if code not in (_LINE_FEED, _CARRIAGE_RETURN, ord(_SOFT_HYPHEN)):
            continue
        shown = range(start, index + (code == ord(_SOFT_HYPHEN)))
        start = index + 1
        text = "".join(chr(codes[index]) for index in shown).strip()
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        visible = [index for index in shown if not chr(codes[index]).isspace()]
        if visible:
            samples = [visible[0], visible[len(visible) // 2], visible[-1]]
            boxes = [_box(raw, index) for index in samples]
            left, right = min(box.left for box in boxes), max(box.right for box in boxes)
            if _is_right_to_left(text):
                left, right = -right, -left  # so that every line begins at its left
            _, bottom, top = sorted((box.top - box.bottom, box.bottom, box.top) for box in boxes)[1]
            bold = all(pdfium.FPDFText_GetFontWeight(raw, index) >= _HEADING_WEIGHT for index in samples)
            margin = bottom > (1 - _MARGIN) * height or top < _MARGIN * height
            yield _Line(text, left, right, bottom, top, bold, margin)


def _is_right_to_left(text: str) -> bool:
    directions = [bidirectional(character) for character in text]
    return directions.count("R") + directions.count("AL") > directions.count("L")


def _box(raw: Any, index: int) -> Any:
    box = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(raw, index, ctypes.byref(box))
    return box


def _joined(lines: Iterator[_Line]) -> list[_Line]:
    """Pieces that PDFium reports apart but that stand in one line, such as a raised figure, put together."""
    joined: list[_Line] = []
    for line in lines:
        before = joined[-1] if joined else None
        if before is not None:
            overlap = min(before.top, line.top) - max(before.bottom, line.bottom)
            gap = line.left - before.right
            if overlap > 0.5 * min(before.height, line.height) and -0.5 * before.height < gap < before.height:
                text = before.text + (" " if gap > 0.2 * line.height else "") + line.text
                bottom, top = (
                    (before.bottom, before.top) if len(before.text) > len(line.text) else (line.bottom, line.top)
                )
                joined[-1] = _Line(text, before.left, line.right, bottom, top, before.bold and line.bold, before.margin)
                continue
        joined.append(line)
    return joined


def _without_furniture(pages: list[list[_Line]]) -> list[list[_Line]]:
    """The pages without page numbers and without what many of them repeat in the same place of their margins."""
    seen = Counter(key for lines in pages for key in {_key(line) for line in lines if line.margin})
    least = max(3, _FURNITURE_SHARE * len(pages))

    def is_furniture(line: _Line) -> bool:
        return line.margin and (seen[_key(line)] >= least or _PAGE_NUMBER.fullmatch(line.text) is not None)

    return [[line for line in lines if not is_furniture(line)] for lines in pages]


def _key(line: _Line) -> tuple[str, int]:
    return re.sub(r"\d+", "#", line.text), round(line.bottom / 10)


# -- from lines to paragraphs -----------------------------------------------------------------------------------------------


class _Style:
    """How the document is set: the size and spacing of its running text, and the sizes of its headings."""

    def __init__(self, lines: Sequence[_Line]) -> None:
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

    def heading(self, lines: Sequence[_Line]) -> int:
        """The level of the heading that these lines are, 0 for none."""
        text = " ".join(line.text for line in lines)
        if len(text) > _LONGEST_HEADING or not any(character.isalpha() for character in text):
            return 0
        level = self._levels.get(round(lines[0].height * 2) / 2, 0)
        bold = self._bold_stands_out and all(line.bold and line.height > 0.95 * self._body for line in lines)
        if not level and bold and not _ENDED.search(text):
            level = min(max(self._levels.values(), default=0) + 1, 5)
        return level

    def alike(self, one: _Line, other: _Line) -> bool:
        """Whether both may belong to one paragraph."""
        same_weight = one.bold == other.bold or not self._bold_stands_out
        return same_weight and abs(one.height - other.height) <= 0.1 * max(one.height, other.height)


def _gap(before: _Line, line: _Line) -> float:
    return (before.bottom - line.top) / max(before.height, 0.1)


def _paragraphs(pages: Sequence[list[_Line]], style: _Style) -> Iterator[list[_Line]]:
    paragraph: list[_Line] = []
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


def _breaks(paragraph: Sequence[_Line], line: _Line, right: float, style: _Style) -> bool:
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

    def __init__(self, lines: Iterator[_Line]) -> None:
        self._written = Counter(word for line in lines for word in re.findall(r"\w+(?:-\w+)*", line.text.lower()))

    def join(self, lines: Sequence[_Line]) -> str:
        text = _LEADERS.sub(" … ", "\n".join(line.text for line in lines))
        return _DIVIDED.sub(self._whole, text).replace(_SOFT_HYPHEN, "-").replace("\n", " ")

    def _whole(self, divided: re.Match[str]) -> str:
        first, second = divided.groups()
        compound = self._written[f"{first}-{second}".lower()] > self._written[f"{first}{second}".lower()]
        names = second[0].isupper() and not first.isupper()  # Anglo-American, but OPTIONAL
        return f"{first}-{second}" if compound or names else first + second
