"""Sentences and their citation marks, taken from a text while it is being written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aver.core.sentences import sentences

__all__ = ["Cited", "SentenceStream", "uncite"]

_NUMBERS = r"\s*\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*\s*"
_MARK = re.compile(rf"\[{_NUMBERS}\](?!\()|\u3010{_NUMBERS}(?:\u2020[^\u3011\n]*)?\u3011")
"""``[1]``, ``[1, 2]``, ``[1-3]``, and the same in lenticular brackets; not the text of a markdown link."""
_UNFINISHED = re.compile(r"(?:\[[\d\s,;\u2013-]*|\u3010[^\u3011\n]*)$")
_NUMBER = re.compile(r"\d+")
_LONGEST_RANGE = 20
_WORD = re.compile(r"\S+\s")


@dataclass(frozen=True, slots=True)
class Cited:
    """A sentence without its marks, and the passage numbers they named, in order, each once."""

    text: str
    numbers: tuple[int, ...]


def uncite(sentence: str) -> Cited:
    """Take the marks out of a sentence, wherever in it they stand."""
    numbers: dict[int, None] = {}
    for mark in _MARK.findall(sentence):
        for part in re.split(r"[,;]", mark.partition("\u2020")[0].strip("[]\u3010\u3011 ")):
            first, *rest = (int(number) for number in _NUMBER.findall(part))
            last = rest[-1] if rest else first
            numbers.update(dict.fromkeys(range(first, min(last, first + _LONGEST_RANGE) + 1)))
    text = re.sub(r"\s+", " ", _MARK.sub(" ", sentence)).strip()
    return Cited(re.sub(r" ([.,;:!?])(?=\s|$)", r"\1", text), tuple(numbers))


class SentenceStream:
    """Splits a text that arrives in pieces into sentences with their marks.

    A sentence is given out once a whole word of the next is there, so that marks after its full stop stay with it. What
    comes out depends on the text alone, never on how it was cut into pieces: every decision is taken at the end of a word.
    """

    def __init__(self) -> None:
        self._text = ""
        self._decided = 0

    def feed(self, piece: str) -> Iterator[str]:
        """The sentences that ``piece`` completes."""
        self._text += piece
        while word := _WORD.search(self._text, self._decided):
            self._decided = word.end()
            yield from self._complete()

    def close(self) -> Iterator[str]:
        """The sentences that the end of the text completes."""
        rest, self._text, self._decided = self._text, "", 0
        yield from (rest[start:end] for start, end in _split(rest))

    def _complete(self) -> Iterator[str]:
        head = self._text[: self._decided]
        if _UNFINISHED.search(head):
            return
        found = _split(head)
        if len(found) > 1:
            for start, end in found[:-1]:
                yield head[start:end]
            begun = found[-1][0]
            self._text, self._decided = self._text[begun:], self._decided - begun


def _split(text: str) -> list[tuple[int, int]]:
    """The spans of the sentences of ``text``; marks that stand alone belong to the sentence before them, if any."""
    marks = [mark.span() for mark in _MARK.finditer(text)]
    # Every mark in the shape that sentence boundaries are known to keep, and as long as it is.
    plain = _MARK.sub(lambda mark: "[1]".ljust(len(mark[0])), text)
    found: list[tuple[int, int]] = []
    for start, end in sentences(plain):
        whole = max([end, *(stop for begin, stop in marks if begin < end <= stop)])
        if found and not _MARK.sub("", text[start:whole]).strip():
            found[-1] = (found[-1][0], whole)
        else:
            found.append((start, whole))
    return found
