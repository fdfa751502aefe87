# ruff: noqa: RUF001 - the quotation marks of many scripts are looked for
"""What a few sentences speak of, in the terms of attacks on a model.

Each word stands for the concepts that ``concepts.txt`` lists for it, in a dozen languages. What counts is which concepts a window has and
which stand close together, in which order: "disregard" before "instructions" says what neither says alone, in whatever words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["NAMES", "SIZE", "Signs", "signs"]

_NEAR = 6
"""Words between which two concepts are taken to belong together."""
_TOKEN = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*|[@$!|]?[^\W_]*[@$!|0-9][^\W_]+")
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LEET = str.maketrans("013457@$!|", "oieastasil")


class _Mark(NamedTuple):
    """Looked for in the window in lower case, where it holds any of ``needs``: that is far cheaper to see."""

    pattern: re.Pattern[str]
    needs: tuple[str, ...] = ("",)


_DIGITS = tuple("1023456789")
_MARKS: dict[str, _Mark] = {
    "template": _Mark(
        re.compile(
            r"<\|[a-z_]{2,20}\|>|\[/?inst\]|<</?sys>>|</?(?:system|instructions?|user|assistant|admin)\b[^>]{0,40}>"
            r"|(?:^|\n|\*\*|[{\[#])\s{0,9}#{0,4}\s{0,9}(?:system|assistant|instructions?|new instructions?|admin|developer)(?: \w{1,40})?\s{0,9}[:\]]"
        ),
        ("<", "[inst", "[/inst", "system", "assistant", "instruction", "admin", "developer"),
    ),
    "fence": _Mark(
        re.compile(
            r"([-=#*%_~+])\1{4,}|%%%|#{3,}\s{0,9}end\b|end of (?:the )?(?:document|text|prompt|context|message)"
        ),
        ("-----", "=====", "#####", "*****", "%%%", "_____", "~~~~~", "+++++", "###", "end of "),
    ),
    "comment": _Mark(
        re.compile(r"<!--|/\*|display:\s*none|font-size:\s*0|color:\s*(?:white|#fff)"),
        ("<!--", "/*", "display:", "font-size:", "color:"),
    ),
    "address": _Mark(
        re.compile(r"https?://|\bwww\.|[\w+-]@[\w-]+\.[a-z]|\b[a-z]{2}\d{2}[a-z0-9]{10,30}\b"),
        ("://", "www.", "@", *_DIGITS),
    ),
    "named": _Mark(
        re.compile(
            r"\bid[s:# ]{1,2}\w*\d|\b(?:user|account|patient|server|student|order|case|employee|client|project) (?:id )?#?[a-z]*\d"
        ),
        _DIGITS,
    ),
    "code": _Mark(
        re.compile(
            r"```|\bimport \w+\n|\bdef \w+\(|subprocess|os\.system|socket\.|requests\.(?:post|get)|eval\(|exec\("
        ),
        ("```", "import ", "def ", "subprocess", "os.system", "socket.", "requests.", "eval(", "exec("),
    ),
    "shout": _Mark(re.compile(r"\b[A-Z]{4,}\b[^a-z]{0,3}\b[A-Z]{3,}\b|!!+")),
    "quoted": _Mark(re.compile(r"[\"“'‘][^\"”'’\n]{2,80}[\"”'’]")),
    "slot": _Mark(re.compile(r"\[[A-Z][A-Za-z ]{3,40}\]|\{[a-z_ ]{3,30}\}|<[a-z][a-z ]{3,30}>"), ("[", "{", "<")),
    "question": _Mark(re.compile(r"\?\s*$|？\s*$"), ("?", "？")),
    "number": _Mark(re.compile(r"[0-9]"), _DIGITS),
    "first": _Mark(re.compile(r"\b(?:we|our|us|i|my)\b")),
    "third": _Mark(re.compile(r"\b(?:he|she|they|his|her|their|its?|was|were|has|had)\b")),
}
_WRITTEN = frozenset({"shout", "slot"})
"""Looked for in the window as it is written."""


def _read() -> tuple[list[str], dict[str, list[int]], dict[str, list[int]], dict[str, list[int]]]:
    names: list[str] = []
    whole: dict[str, list[int]] = {}
    begun: dict[str, list[int]] = {}
    phrases: dict[str, list[int]] = {}
    for line in files("aver.guard.injection").joinpath("concepts.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, *words = line.split()
        for word in words:
            kind = phrases if "_" in word else begun if word.endswith("*") else whole
            kind.setdefault(word.rstrip("*").replace("_", " "), []).append(len(names))
        names.append(name)
    return names, whole, begun, phrases


NAMES, _WHOLE, _BEGUN, _PHRASES = _read()
_COUNT = len(NAMES)
_PHRASED: dict[str, list[str]] = {}
"""Phrases by their first word."""
for _phrase in _PHRASES:
    _PHRASED.setdefault(_phrase.partition(" ")[0], []).append(_phrase)
_WIDE_WORDS = {word: each for words in (_WHOLE, _BEGUN) for word, each in words.items() if _WIDE.search(word)}
_WIDE_PHRASE = re.compile("|".join(sorted(map(re.escape, _WIDE_WORDS), key=len, reverse=True)))
_STARTS = 2 * _COUNT + _COUNT * _COUNT
SIZE = _STARTS + len(_MARKS) + 4
"""Of a window's signs: concepts; the one it begins with; ordered pairs; marks; length and the share of concepts."""


class Signs:
    """Places of one window's signs in a vector of :data:`SIZE`, and their values."""

    __slots__ = ("places", "values")

    def __init__(self, places: Sequence[int], values: Sequence[float]) -> None:
        self.places = np.array(places, np.int64)
        self.values = np.array(values, np.float32)

    def dense(self) -> NDArray[np.float32]:
        vector = np.zeros(SIZE, np.float32)
        vector[self.places] = self.values
        return vector


def signs(text: str) -> Signs:
    """Of one window in plain characters."""
    lower = _folded(text.lower())
    found: list[tuple[int, tuple[int, ...]]] = []
    starts = [(match.start(), match[0]) for match in _TOKEN.finditer(lower)]
    for number, (start, word) in enumerate(starts):
        if of := _concepts(word):
            found.append((number, of))
        for phrase in _PHRASED.get(word, ()):
            end = start + len(phrase)
            if lower.startswith(phrase, start) and not lower[end : end + 1].isalnum():
                found.append((number, tuple(_PHRASES[phrase])))
    count = len(starts)
    if not text.isascii() and _WIDE.search(text):
        found += [(match.start() // 2, tuple(_WIDE_WORDS[match[0]])) for match in _WIDE_PHRASE.finditer(lower)]
        count = max(count, len(text) // 2)
    found.sort()
    return _signs(text, lower, found, count)


def _signs(text: str, lower: str, found: Sequence[tuple[int, tuple[int, ...]]], count: int) -> Signs:
    values: dict[int, float] = {}
    for index, (number, of) in enumerate(found):
        for concept in of:
            values[concept] = 1.0
            if number == 0:
                values[_COUNT + concept] = 1.0
            row = 2 * _COUNT + concept * _COUNT
            for after in range(index + 1, len(found)):
                if found[after][0] - number > _NEAR:
                    break
                for other in found[after][1]:
                    values[row + other] = 1.0
    for place, (name, mark) in enumerate(_MARKS.items(), _STARTS):
        if any(need in lower for need in mark.needs) and mark.pattern.search(text if name in _WRITTEN else lower):
            values[place] = 1.0
    last = _STARTS + len(_MARKS)
    values[last] = min(count, 80) / 40
    values[last + 1] = len(found) / (count + 5)
    values[last + 2] = 1.0 if count < 8 else 0.0
    values[last + 3] = 1.0
    return Signs(tuple(values), tuple(values.values()))


@lru_cache(65_536)
def _concepts(word: str) -> tuple[int, ...]:
    of = _looked_up(word)
    if not of and not word.isalpha() and any(char.isalpha() for char in word):
        of = _looked_up(word.translate(_LEET))
    return of


def _looked_up(word: str) -> tuple[int, ...]:
    of = list(_WHOLE.get(word, ()))
    for end in range(3, len(word) + 1):
        of += _BEGUN.get(word[:end], ())
    if not of and (cut := re.split("[-'’.]", word, maxsplit=1)[0]) != word:
        return _looked_up(cut)
    return tuple(sorted(set(of)))


def _folded(text: str) -> str:
    if text.isascii():
        return text
    marks = unicodedata.normalize("NFKD", text)
    # Composed again: Hangul and kana come apart, too, and are listed whole.
    return unicodedata.normalize("NFC", "".join(char for char in marks if not "\u0300" <= char <= "\u036f"))
