"""Text recognition: what a picture of a page says, through RapidOCR (extra ``ocr``), whose models come with it."""

from __future__ import annotations

from functools import cache
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aver.core.errors import MissingExtra
from aver.knowledge.adapters.printed import Line, Page, Rules, Word

__all__ = ["recognise"]

_LEAST_SCORE = 0.5
_SURE = 0.8
"""Mean score of a page that is the right way up."""
_MARGIN = 0.1
_SHORTEST, _TALLEST = 0.65, 1.4
"""Of the usual height of a line: what is of that size."""
_LOOKED_AT = 2000
"""Pixels of the longer side of a picture in which lines are sought."""
_LETTERS, _MOST_TIMES = 64, 4.0
"""Pixels to which the height of a line is enlarged, and by how much at most."""
_UPRIGHT = 1.5
"""How many times taller than wide a line is that runs up or down the page."""


class _Found(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float
    text: str
    score: float


def recognise(picture: NDArray[np.uint8], number: int, points: float) -> Page:
    """The lines of page ``number``, shown by ``picture`` of shape (height, width, 3) in blue, green and red, a pixel of which
    is ``points`` wide. A picture that lies on its side or stands on its head is turned.

    Raises :class:`~aver.core.errors.MissingExtra` when RapidOCR is not installed.
    """
    engine = _engine()
    found, turned = _look(engine, picture), 0
    for turn in () if _lies(found) and _mean(found) > _SURE else (3, 1, 2):
        other = _look(engine, np.ascontiguousarray(np.rot90(picture, turn)))
        if (_lies(other), _mean(other)) > (_lies(found), _mean(found)):
            found, turned = other, turn
            if _lies(found) and _mean(found) > _SURE:
                break
    height, width = picture.shape[:2] if turned % 2 == 0 else picture.shape[1::-1]
    usual = median(each.bottom - each.top for each in found) if found else 0.0
    lines = [_line(_evened(each, usual), number, height, points) for each in found]
    return Page(number, width * points, height * points, _sorted(lines), Rules([], []), in_order=False, turned=turned)


@cache
def _engine() -> Any:
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError:
        raise MissingExtra("Text recognition", "ocr") from None
    return RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)


def _look(engine: Any, picture: NDArray[np.uint8]) -> list[_Found]:
    """Lines are sought in a picture of moderate size and read from the whole one, enlarged where letters are small: without that
    the spaces between words are lost."""
    import cv2

    scale = min(1.0, _LOOKED_AT / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    boxes, _ = engine.text_det(small)
    if boxes is None or not len(boxes):
        return []
    boxes = np.asarray(boxes, np.float32) / np.float32(scale)
    pieces = []
    for piece in engine.get_crop_img_list(picture, boxes):
        times = min(max(_LETTERS / max(piece.shape[0], 1), 1.0), _MOST_TIMES)
        pieces.append(cv2.resize(piece, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC))
    read, _ = engine.text_rec(pieces)
    found = []
    for box, (text, score, *_) in zip(boxes, read, strict=True):
        if score >= _LEAST_SCORE and text.strip():
            (left, top), (right, bottom) = box.min(axis=0).tolist(), box.max(axis=0).tolist()
            found.append(_Found(left, top, right, bottom, text, float(score)))
    return found


def _lies(found: list[_Found]) -> bool:
    """Whether most lines run from left to right."""
    words = [each for each in found if len(each.text) > 2]
    tall = sum(each.bottom - each.top > _UPRIGHT * (each.right - each.left) for each in words)
    return bool(words) and 2 * tall < len(words)


def _mean(found: list[_Found]) -> float:
    letters = sum(len(each.text) for each in found)
    return sum(each.score * len(each.text) for each in found) / letters if letters else 0.0


def _evened(found: _Found, usual: float) -> _Found:
    """Lines of one size are found more or less tall, by the letters in them."""
    if not _SHORTEST * usual < found.bottom - found.top < _TALLEST * usual:
        return found
    middle = (found.top + found.bottom) / 2
    return found._replace(top=middle - usual / 2, bottom=middle + usual / 2)


def _line(found: _Found, number: int, height: float, points: float) -> Line:
    """A line of words, which stand where they would if every letter were as wide as the others."""
    words, at = [], 0
    step = (found.right - found.left) / max(len(found.text), 1)
    for word in found.text.split():
        start = found.text.index(word, at)
        at = start + len(word)
        words.append(Word(word, (found.left + start * step) * points, (found.left + at * step) * points))
    bottom, top = (height - found.bottom) * points, (height - found.top) * points
    margin = bottom > (1 - _MARGIN) * height * points or top < _MARGIN * height * points
    return Line(found.text.strip(), tuple(words), bottom, top, page=number, margin=margin)


def _sorted(lines: list[Line]) -> list[Line]:
    """By the rows that they make, from the top down; in a row from the left."""
    if not lines:
        return lines
    rows: list[list[Line]] = []
    usual = median(line.height for line in lines)
    for line in sorted(lines, key=lambda line: -(line.bottom + line.top)):
        middle = (line.bottom + line.top) / 2
        if rows and abs((rows[-1][0].bottom + rows[-1][0].top) / 2 - middle) < 0.5 * usual:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: line.left)]
