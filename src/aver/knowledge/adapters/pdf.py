"""PDF: the words of the pages where they stand, through PDFium; pages without text through text recognition."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import pi
from threading import Lock
from typing import Any
from unicodedata import bidirectional

import pypdfium2
import pypdfium2.raw as pdfium

from aver.core.errors import InvalidInput, MissingExtra, TooLarge
from aver.knowledge.adapters.printed import Edge, Line, Page, Rules, Word
from aver.knowledge.adapters.printed_text import SOFT_HYPHEN, write_pages
from aver.knowledge.draft import Draft

__all__ = ["read"]

_MOST_PAGES = 20_000
_MOST_CHARACTERS = 50_000_000
_ONE_AT_A_TIME = Lock()
"""PDFium may be called by one thread at a time."""

_LINE_FEED, _CARRIAGE_RETURN = 10, 13
_EMPTY_TITLE = re.compile(
    r"untitled.*|(?:new )?(?:document|presentation|slide)\s?\d*|(?:microsoft|powerpoint)\b.*|.*\.\w{2,5}", re.IGNORECASE
)
"""What programs write as a document's title when nobody gave it one."""
_HEADING_WEIGHT = 600
_MARGIN = 0.1
"""Of a page's height: where its header and its footer stand."""
_MOST_PATHS, _MOST_SEGMENTS = 4000, 20_000
"""Of a page; what draws more is a picture."""
_THIN = 3.0
"""Points: how far a rule may lean."""

_FEW_LETTERS, _COVERS = 30, 0.5
"""A page with fewer characters, more of which is a picture, is a scan with a stamp on it."""
_SCAN_SCALE = 200 / 72
"""Pixels a point at which a page is looked at: 200 dots an inch."""
_MOST_PIXELS = 16_000_000

Place = Callable[[float, float], tuple[float, float]]
"""From a file's coordinates to points from the lower left corner of the page as it is read."""
_ANGLES = 200
"""Characters of a page that are asked which way up they stand."""


def read(data: bytes, passwords: Sequence[str] = ()) -> Draft:
    draft = Draft()
    with _ONE_AT_A_TIME:
        title, pages = _read(data, passwords)
    draft.title = "" if _EMPTY_TITLE.fullmatch(title.strip()) else title
    write_pages(pages, draft)
    return draft


def _read(data: bytes, passwords: Sequence[str]) -> tuple[str, list[Page]]:
    """The title that the file states, and its pages."""
    document = _open(data, passwords)
    try:
        pages = _pages(document)
        return document.get_metadata_value("Title"), _with_scans(document, pages)
    finally:
        document.close()


def _open(data: bytes, passwords: Sequence[str]) -> Any:
    for password in (None, *passwords):
        try:
            return pypdfium2.PdfDocument(data, password)
        except pypdfium2.PdfiumError as error:
            if error.err_code not in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
                raise InvalidInput("The PDF is damaged", "Export it again from its source.") from None
    if passwords:
        raise InvalidInput("The PDF is encrypted, and none of the passwords given opens it", "Give its own password.")
    raise InvalidInput("The PDF is encrypted", "Give its password with --password-file, or save it without one.")


def _pages(document: Any) -> list[Page]:
    if len(document) > _MOST_PAGES:
        raise TooLarge(f"The PDF has more than {_MOST_PAGES} pages", "Split it.")
    pages: list[Page] = []
    characters = 0
    for number in range(1, len(document) + 1):
        pages.append(_page(document, number))
        characters += sum(len(line.text) for line in pages[-1].lines)
        if characters > _MOST_CHARACTERS:
            raise TooLarge(f"The PDF holds more than {_MOST_CHARACTERS} characters", "Split it.")
    return pages


def _page(document: Any, number: int) -> Page:
    try:
        page = document[number - 1]
    except pypdfium2.PdfiumError:
        raise InvalidInput(f"Page {number} of the PDF is damaged", "Export it again from its source.") from None
    text_page = page.get_textpage()
    try:
        raw = text_page.raw
        codes = [pdfium.FPDFText_GetUnicode(raw, index) for index in range(text_page.count_chars())]
        turns = _turns_of_text(raw, len(codes))
        place, width, height = _placing(page, turns)
        lines = _joined(_lines(raw, codes, place, number, height))
        turned = (page.get_rotation() // 90 - turns) % 4
        return Page(number, width, height, lines, _rules(page, place), turned=turned)
    finally:
        text_page.close()
        page.close()


def _turns_of_text(raw: Any, characters: int) -> int:
    """By how many quarter turns, with the clock, most of a page's text is turned to be read."""
    angles: Counter[int] = Counter()
    for index in range(0, characters, max(characters // _ANGLES, 1)):
        angle = pdfium.FPDFText_GetCharAngle(raw, index)
        if angle >= 0:
            angles[-round(angle / (pi / 2)) % 4] += 1  # PDFium counts with the clock
    return angles.most_common(1)[0][0] if angles else 0


def _placing(page: Any, turns: int) -> tuple[Place, float, float]:
    """From the file's coordinates to those of the page after so many quarter turns with the clock; its width and height then."""
    left, bottom, right, top = page.get_cropbox()

    def place(x: float, y: float) -> tuple[float, float]:
        if turns == 1:
            return y - bottom, right - x
        if turns == 2:
            return right - x, top - y
        if turns == 3:
            return top - y, x - left
        return x - left, y - bottom

    width, height = right - left, top - bottom
    return (place, height, width) if turns % 2 else (place, width, height)


# -- scans ------------------------------------------------------------------------------------------------------------------


def _with_scans(document: Any, pages: list[Page]) -> list[Page]:
    """The pages, those that are pictures recognised. Without text recognition they stay empty, unless all pages are."""
    has_text = any(page.lines for page in pages)
    for at, page in enumerate(pages):
        if sum(len(line.text) for line in page.lines) < _FEW_LETTERS and _is_picture(document[at], page):
            try:
                pages[at] = _recognised(document[at], page)
            except MissingExtra:
                if not has_text:
                    raise
                break
    return pages


def _is_picture(page: Any, shown: Page) -> bool:
    """Whether pictures cover most of a page that has next to no text, or there is one on a page that has none at all."""
    covered = 0.0
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        if not shown.lines:
            return True
        left, bottom, right, top = item.get_bounds()
        covered += abs((right - left) * (top - bottom))
    return covered > _COVERS * shown.width * shown.height


def _recognised(page: Any, shown: Page) -> Page:
    from aver.knowledge.adapters.ocr import recognise

    area = max(shown.width * shown.height, 1.0)
    scale = min(_SCAN_SCALE, (_MOST_PIXELS / area) ** 0.5)
    bitmap = page.render(scale=scale, rev_byteorder=False)
    try:
        picture = bitmap.to_numpy()[:, :, :3].copy()
    finally:
        bitmap.close()
    return recognise(picture, shown.number, 1 / scale)


# -- words ------------------------------------------------------------------------------------------------------------------


def _lines(raw: Any, codes: Sequence[int], place: Place, number: int, height: float) -> Iterator[Line]:
    start = 0
    for index, code in enumerate([*codes, _LINE_FEED]):
        if code not in (_LINE_FEED, _CARRIAGE_RETURN, ord(SOFT_HYPHEN)):
            continue
        shown = range(start, index + (code == ord(SOFT_HYPHEN)))
        start = index + 1
        text = "".join(chr(codes[index]) for index in shown).strip()
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        spans = list(_spans([chr(codes[index]) for index in shown], shown.start))
        if not spans:
            continue
        words, edges = [], []
        for first, last in spans:
            boxes = [_box(raw, first, place), _box(raw, last, place)]
            edges += [(box[3] - box[1], box[1], box[3]) for box in boxes]
            spelled = "".join(chr(codes[index]) for index in range(first, last + 1))
            spelled = spelled.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            words.append(Word(spelled, min(box[0] for box in boxes), max(box[2] for box in boxes)))
        _, bottom, top = sorted(edges)[len(edges) // 2]
        samples = (spans[0][0], spans[len(spans) // 2][0], spans[-1][1])
        bold = all(pdfium.FPDFText_GetFontWeight(raw, index) >= _HEADING_WEIGHT for index in samples)
        margin = bottom > (1 - _MARGIN) * height or top < _MARGIN * height
        yield Line(text, tuple(words), bottom, top, bold, _is_right_to_left(text), number, margin)


def _spans(characters: Sequence[str], start: int) -> Iterator[tuple[int, int]]:
    """The first and last index of each run of visible characters."""
    first = -1
    for index, character in enumerate([*characters, " "], start):
        if character.isspace():
            if first >= 0:
                yield first, index - 1
            first = -1
        elif first < 0:
            first = index


def _is_right_to_left(text: str) -> bool:
    directions = [bidirectional(character) for character in text]
    return directions.count("R") + directions.count("AL") > directions.count("L")


def _box(raw: Any, index: int, place: Place) -> tuple[float, float, float, float]:
    box = pdfium.FS_RECTF()
    pdfium.FPDFText_GetLooseCharBox(raw, index, ctypes.byref(box))
    (x, y), (other_x, other_y) = place(box.left, box.bottom), place(box.right, box.top)
    return min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)


def _joined(lines: Iterator[Line]) -> list[Line]:
    """Pieces that PDFium reports apart but that stand in one line, such as a raised figure, put together."""
    joined: list[Line] = []
    for line in lines:
        before = joined[-1] if joined else None
        if before is not None:
            overlap = min(before.top, line.top) - max(before.bottom, line.bottom)
            gap = line.left - before.right
            if overlap > 0.5 * min(before.height, line.height) and -0.5 * before.height < gap < before.height:
                text = before.text + (" " if gap > 0.2 * line.height else "") + line.text
                larger = before if len(before.text) > len(line.text) else line
                joined[-1] = replace(
                    before,
                    text=text,
                    words=before.words + line.words,
                    bottom=larger.bottom,
                    top=larger.top,
                    bold=before.bold and line.bold,
                )
                continue
        joined.append(line)
    return joined


# -- rules ------------------------------------------------------------------------------------------------------------------


def _rules(page: Any, place: Place) -> Rules:
    """The horizontal and vertical strokes and edges that the page draws."""
    rules = Rules([], [])
    paths = 0
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=1):
        paths += 1
        if paths > _MOST_PATHS:
            return Rules([], [])
        for one, other in pairwise(_corners(item.raw, place)):
            if one is None or other is None:
                continue
            (x, y), (other_x, other_y) = one, other
            if abs(y - other_y) <= _THIN < abs(x - other_x):
                rules.horizontal.append(Edge((y + other_y) / 2, min(x, other_x), max(x, other_x)))
            elif abs(x - other_x) <= _THIN < abs(y - other_y):
                rules.vertical.append(Edge((x + other_x) / 2, min(y, other_y), max(y, other_y)))
        if len(rules.horizontal) + len(rules.vertical) > _MOST_SEGMENTS:
            return Rules([], [])
    return rules


def _corners(path: Any, place: Place) -> Iterator[tuple[float, float] | None]:
    """The points that a path joins by straight lines; ``None`` where it lifts its pen."""
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(path, ctypes.byref(matrix))
    x, y = ctypes.c_float(), ctypes.c_float()
    begun: tuple[float, float] | None = None
    for index in range(min(pdfium.FPDFPath_CountSegments(path), _MOST_SEGMENTS)):
        segment = pdfium.FPDFPath_GetPathSegment(path, index)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        pdfium.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        at = place(
            matrix.a * x.value + matrix.c * y.value + matrix.e, matrix.b * x.value + matrix.d * y.value + matrix.f
        )
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            yield None
            begun = at
        elif kind != pdfium.FPDF_SEGMENT_LINETO:
            yield None
        yield at
        if pdfium.FPDFPathSegment_GetClose(segment) and begun is not None:
            yield begun
