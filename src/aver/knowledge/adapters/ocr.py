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


_TRIED = 8
"""Lines that are read to learn which way up a page is."""

Pixels = NDArray[np.uint8]
Corners = NDArray[np.float32]
"""Of a line, shape (4, 2): upper left, upper right, lower right, lower left."""


class _Found(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float
    text: str
    score: float


def recognise(picture: Pixels, number: int, points: float) -> Page:
    """The lines of page ``number``, shown by ``picture`` of shape (height, width, 3) in blue, green and red, a pixel of which
    is ``points`` wide. A picture that lies on its side or stands on its head is turned.

    Raises :class:`~aver.core.errors.MissingExtra` when RapidOCR is not installed.
    """
    engine = _engine()
    boxes = _boxes(engine, picture)
    turned, best = 0, -1.0
    for turn in (1, 3) if _stand(boxes) else (0, 2):
        longest = sorted(boxes, key=lambda box: -float(np.ptp(box[:, 0]) + np.ptp(box[:, 1])))[:_TRIED]
        score = _mean(_read(engine, *_turn(picture, longest, turn)))
        if score > best:
            turned, best = turn, score
        if score > _SURE:
            break
    found = _read(engine, *_turn(picture, boxes, turned))
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


def _boxes(engine: Any, picture: Pixels) -> list[Corners]:
    """The lines of a picture, from the top down, sought in a copy of moderate size."""
    import cv2

    scale = min(1.0, _LOOKED_AT / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    boxes, _ = engine.text_det(small)
    return [] if boxes is None else [np.asarray(box, np.float32) / np.float32(scale) for box in boxes]


def _stand(boxes: list[Corners]) -> bool:
    """Whether most lines run up or down the picture."""
    tall = sum(float(np.ptp(box[:, 1])) > _UPRIGHT * float(np.ptp(box[:, 0])) for box in boxes)
    return 2 * tall > len(boxes)


def _turn(picture: Pixels, boxes: list[Corners], turns: int) -> tuple[Pixels, list[Corners]]:
    """Both after so many quarter turns against the clock. A box begins at the corner where its line does."""
    for _ in range(turns):
        width = picture.shape[1]
        picture = np.rot90(picture)
        boxes = [np.stack([box[:, 1], width - box[:, 0]], axis=1)[[1, 2, 3, 0]] for box in boxes]
    return np.ascontiguousarray(picture), boxes


def _read(engine: Any, picture: Pixels, boxes: list[Corners]) -> list[_Found]:
    """What the lines say. Those with small letters are enlarged: without that the spaces between words are lost."""
    import cv2

    if not boxes:
        return []
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
