# ruff: noqa: RUF001 - the punctuation of many scripts is what this file is about
"""Where sentences begin and end in readable text."""

from __future__ import annotations

import re

__all__ = ["sentences"]

# A line of readable text is a paragraph, a heading, a list item, a table row or a line of code: no sentence spans two.
_MARKER = re.compile(
    r"[ \t]*(?:(?:[-*•◦▪‣·]|\(?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[ivx]{1,5})[.)]|\(?[A-Za-z]\))[ \t]+){0,3}"
)
_CELL = " | "

# Candidates: terminators, what closes after them, and citation marks such as [2] that belong to the sentence they follow.
_CLOSERS = "\"'”’»›)\\]}」』）】〉》*_"
_END = re.compile(
    rf"(?:(?P<stop>[.!?…؟۔]+)[{_CLOSERS}]*(?:[ \t]?\[\d{{1,3}}(?:[,;–-][ \t]?\d{{1,3}})*\])*(?:[ \t]+|$)"
    rf"|[。！？｡．।॥]+[{_CLOSERS}]*(?:\[\d{{1,3}}\])*[ \t]*)"
)
_OPENERS = "\"'“‘„«‹([{「『（【*_¿¡-–—"
_LAST_WORD = re.compile(r"[\w.&'’-]{1,24}$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]$")

# Never the end of a sentence: something always follows them.
_TITLES = frozenset(
    """mr mrs ms mx dr prof hon rev fr gen col maj capt lt sgt sen rep gov pres st mt ft vs e.g i.e eg ie cf viz al approx ca
    bzw z.b d.h u.a vgl nr bspw mme mlle""".split()  # noqa: SIM905 - words, read as words
)
# The end of a sentence only when what follows begins one.
_ABBREVIATIONS = frozenset(
    """etc inc ltd co corp llc llp plc bros dept div est jr sr esq ph.d a.m p.m am pm u.s u.k u.n e.u d.c b.c a.d jan feb mar
    apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun ave blvd rd hwy ext tel govt univ assn
    bldg rm min max avg temp ed eds usw""".split()  # noqa: SIM905
)
# The end of a sentence unless a number or a single mark follows: No. 5, Fig. 2, Sec. IV.
_NUMBERED = frozenset(
    "no nos fig figs sec secs art arts ch chap vol vols p pp para paras eq eqs tab ref §".split()  # noqa: SIM905
)
_STARTERS = frozenset(
    """a about after all although an and any are as at be because before but by can do does each every for from he her here his
    how however i if in is it its many may most my no not on once one only or our please she since so some such that the their
    then there these they this those to under until use we what when where which while who why will with you your
    """.split()  # noqa: SIM905
)
_WORD = re.compile(r"[\w'’]+")


def sentences(text: str) -> list[tuple[int, int]]:
    """The spans of the sentences of ``text``, in order, not overlapping, without surrounding white space.

    Every line holds sentences of its own. A list item's marker belongs to no sentence; a table row (cells joined by
    `` | ``) is one sentence. Closing quotes, brackets and citation marks (``[2]``) stay with the sentence they end. Where a
    full stop is ambiguous the sentence goes on: a quotation that is too long is still a quotation. Linear in ``len(text)``.
    """
    spans: list[tuple[int, int]] = []
    start, length = 0, len(text)
    while start < length:
        newline = text.find("\n", start)
        end = length if newline < 0 else newline
        _line(text, start, end, spans)
        start = end + 1
    return spans


def _line(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    marker = _MARKER.match(text, start, end)
    if marker and marker.end() < end:
        start = marker.end()
    if text.find(_CELL, start, end) < 0:
        for match in _END.finditer(text, start, end):
            if match.end() < end and _ends(text, start, match):
                _add(text, start, match.end(), spans)
                start = match.end()
    _add(text, start, end, spans)


def _add(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> None:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether the candidate ends the sentence that began at ``start``."""
    stop = match["stop"]
    if stop is None:  # CJK and Indic full stops are unambiguous
        return True
    after = match.end()
    while after < len(text) and text[after] in _OPENERS:
        after += 1
    following = text[after : after + 1]
    if following.islower():
        return False
    if stop != ".":
        return True
    last = _LAST_WORD.search(text, max(start, match.start() - 24), match.start())
    return last is None or _full_stop(last[0].lstrip("'’-&."), following, text, after)


def _full_stop(word: str, following: str, text: str, after: int) -> bool:
    """Whether the dot after ``word`` ends a sentence when ``text[after:]`` follows."""
    lower = word.lower()
    if lower in _TITLES:
        return False
    if lower in _NUMBERED:
        return not (following.isdigit() or _is_mark(text, after))
    if lower in _ABBREVIATIONS or _INITIALS.fullmatch(word):
        if following.isdigit():
            return lower not in _ABBREVIATIONS
        if not following.isalpha():
            return True
        starter = _WORD.match(text, after)
        return starter is not None and starter[0].lower() in _STARTERS
    return True


def _is_mark(text: str, after: int) -> bool:
    """Whether a lone capital or a Roman numeral stands at ``after``."""
    word = _WORD.match(text, after)
    return word is not None and (len(word[0]) == 1 or not word[0].strip("IVXLCDM"))
