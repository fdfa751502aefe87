"""The scorecard on paper: A4, drawn with PDFium, which reads documents anyway. Its fonts are those that every reader of PDF has, so letters beyond Western
Europe's are written as question marks; the page of one file has them all."""

from __future__ import annotations

import ctypes
import io
import textwrap
from collections.abc import Sequence
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from aver.ops.scorecard.types import GROUPS, Figure, Lack, Scorecard
from aver.server.scorecard.saying import TRENDS, between, bound, changed, of, sampled, short, tally

__all__ = ["scorecard_pdf"]

_WIDE, _HIGH, _MARGIN = 595.0, 842.0, 42.0
_SPARK = 82.0
"""Points that a line takes, within the column of intervals."""
_PLAIN, _BOLD = b"Helvetica", b"Helvetica-Bold"
_INK, _MUTED, _ACCENT, _LINE = (28, 27, 31), (93, 90, 100), (11, 95, 107), (228, 225, 219)
_TONES = {"met": (26, 107, 60), "missed": (164, 38, 29), "undecided": (91, 74, 156)}
_COLUMNS = (("KPI", 42), ("value", 186), ("95 %", 268), ("target", 360), ("standing", 436), ("trend", 494))
_ROW = 26.0
Colour = tuple[int, int, int]


def scorecard_pdf(card: Scorecard) -> bytes:
    """Two parts: the figures, each with its line over the period, and how each is measured. Not to be called by two threads at once."""
    paper = _Paper()
    paper.text(_MARGIN, "Scorecard", 20, _BOLD)
    paper.down(18)
    wanted = card.wanted
    said = [
        card.tenant,
        wanted.feature or "all features",
        *([f"release {wanted.release[:12]}"] if wanted.release else []),
    ]
    paper.text(
        _MARGIN,
        " \N{MIDDLE DOT} ".join([*said, f"{card.since:%d %b %Y} to {card.until:%d %b %Y, %H:%M} UTC"]),
        10,
        colour=_MUTED,
    )
    paper.down(14)
    counts = tally(card.figures)
    paper.text(_MARGIN, ", ".join(f"{count} {name}" for name, count in counts.items() if count), 10)
    paper.down(10)
    for group, words in GROUPS.items():
        figures = [each for each in card.figures if each.kpi.group == group]
        paper.keep(_ROW * (len(figures) if len(figures) < 3 else 2) + 40)
        _heading(paper, words)
        for figure in figures:
            paper.keep(_ROW)
            _row(paper, figure)
    paper.turn()
    paper.text(_MARGIN, "How each is measured", 14, _BOLD)
    paper.down(8)
    for figure in card.figures:
        kpi = figure.kpi
        told = [kpi.about, f"Of: {kpi.over}.", f"Over: {kpi.under}."]
        if isinstance(figure.found, Lack):
            told.append(f"{figure.reason}. {figure.found.todo}".capitalize())
        paper.keep(16 + 11 * len(told))
        paper.down(16)
        paper.text(_MARGIN, kpi.name, 9, _BOLD)
        for line in told:
            for part in _wrapped(line, 118):
                paper.down(11)
                paper.keep(11)
                paper.text(_MARGIN, part, 8, colour=_MUTED)
    return paper.saved()


def _heading(paper: _Paper, words: str) -> None:
    paper.down(22)
    paper.text(_MARGIN, words, 11, _BOLD)
    for name, x in _COLUMNS[1:]:
        paper.text(x, name, 7.5, colour=_MUTED)
    paper.down(5)
    paper.line([(_MARGIN, paper.y), (_WIDE - _MARGIN, paper.y)], _LINE)


def _row(paper: _Paper, figure: Figure) -> None:
    paper.down(14)
    kpi = figure.kpi
    (_, name), (_, value), (_, ends), (_, target), (_, standing), (_, trend) = _COLUMNS
    paper.text(name, kpi.name, 9, _BOLD)
    if isinstance(figure.found, Lack):
        lines = _wrapped(figure.reason, 90)[:2]
        for line in lines:
            paper.text(value, line, 8, colour=_MUTED)
            paper.down(10)
        paper.down(-10 * len(lines))
    else:
        counted = figure.found.method == "counted"
        paper.text(value, short(figure.value, kpi), 9, _BOLD)
        paper.text(ends, between(figure), 8, colour=_MUTED)
        paper.text(target, bound(figure), 8)
        paper.text(standing, figure.standing, 8, _BOLD, _TONES.get(figure.standing, _MUTED))
        paper.text(trend, TRENDS[figure.trend] if figure.trend != "unknown" else "", 8, colour=_MUTED)
        paper.down(9)
        paper.text(value, of(kpi).strip() or ("" if counted else f"of {sampled(figure)}"), 7, colour=_MUTED)
        paper.text(trend, changed(figure).replace("\N{MINUS SIGN}", "-"), 7, colour=_MUTED)
        _spark(paper, figure, ends, paper.y - 3)
        paper.down(-9)
    paper.down(_ROW - 14)


def _spark(paper: _Paper, figure: Figure, x: float, y: float) -> None:
    """The line over the period, with the target as a rule where it lies within."""
    known = [(place, each.value) for place, each in enumerate(figure.series) if each.value is not None]
    if len(known) < 2:
        return
    least, most = min(value for _, value in known), max(value for _, value in known)
    reach, wide = most - least or 1.0, _SPARK / max(len(figure.series) - 1, 1)
    points = [(x + place * wide, y + (value - least) / reach * 7) for place, value in known]
    runs: list[list[tuple[float, float]]] = [[]]
    for (place, _), point in zip(known, points, strict=True):
        if runs[-1] and figure.series[place - 1].value is None:
            runs.append([])
        runs[-1].append(point)
    for run in runs:
        if len(run) > 1:
            paper.line(run, _ACCENT, 0.8)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width) or [""]


class _Paper:
    """Pages, written from the top down. ``y`` is in points from the foot."""

    def __init__(self) -> None:
        self._document = pypdfium2.PdfDocument.new()
        self._page: Any = None
        self.y = 0.0
        self.turn()

    def turn(self) -> None:
        """Begin another page."""
        if self._page is not None:
            self._page.gen_content()
        self._page = self._document.new_page(_WIDE, _HIGH)
        self.y = _HIGH - _MARGIN - 14

    def down(self, points: float) -> None:
        self.y -= points

    def keep(self, points: float) -> None:
        """Begin another page where so much does not fit on this one."""
        if self.y - points < _MARGIN:
            self.turn()

    def text(self, x: float, words: str, size: float, font: bytes = _PLAIN, colour: Colour = _INK) -> None:
        drawn = pdfium.FPDFPageObj_NewTextObj(self._document.raw, font, size)
        known = words.encode("cp1252", "replace").decode("cp1252")
        text = ctypes.create_string_buffer(f"{known}\0".encode("utf-16-le"))
        pdfium.FPDFText_SetText(drawn, ctypes.cast(text, ctypes.POINTER(ctypes.c_ushort)))
        pdfium.FPDFPageObj_SetFillColor(drawn, *colour, 255)
        pdfium.FPDFPageObj_Transform(drawn, 1, 0, 0, 1, x, self.y)
        pdfium.FPDFPage_InsertObject(self._page.raw, drawn)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float = 0.6) -> None:
        path = pdfium.FPDFPageObj_CreateNewPath(*points[0])
        for point in points[1:]:
            pdfium.FPDFPath_LineTo(path, *point)
        pdfium.FPDFPageObj_SetStrokeColor(path, *colour, 255)
        pdfium.FPDFPageObj_SetStrokeWidth(path, width)
        pdfium.FPDFPath_SetDrawMode(path, pdfium.FPDF_FILLMODE_NONE, True)
        pdfium.FPDFPage_InsertObject(self._page.raw, path)

    def saved(self) -> bytes:
        self._page.gen_content()
        held = io.BytesIO()
        self._document.save(held)
        self._document.close()
        return held.getvalue()
