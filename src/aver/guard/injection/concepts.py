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

import numpy as np
from numpy.typing import NDArray

__all__ = ["NAMES", "SIZE", "Signs", "signs"]

_NEAR = 6
"""Words between which two concepts are taken to belong together."""
_TOKEN = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*|[@$!|]?[^\W_]*[@$!|0-9][^\W_]+")
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LEET = str.maketrans("013457@$!|", "oieastasil")

_MARKS: dict[str, re.Pattern[str]] = {
    "template": re.compile(
        r"<\|[a-z_]{2,20}\|>|\[/?INST\]|<</?SYS>>|</?(?:system|instructions?|user|assistant|admin)\b[^>]{0,40}>"
        r"|(?:^|\n|\*\*|[{\[#])\s*#{0,4}\s*(?:system|assistant|instructions?|new instructions?|admin|developer)(?: \w+)?\s*[:\]]",
        re.IGNORECASE,
    ),
    "fence": re.compile(
        r"([-=#*%_~+])\1{4,}|%%%|#{3,}\s*end\b|end of (?:the )?(?:document|text|prompt|context|message)", re.IGNORECASE
    ),
    "comment": re.compile(r"<!--|/\*|display:\s*none|font-size:\s*0|color:\s*(?:white|#fff)", re.IGNORECASE),
    "address": re.compile(r"https?://|\bwww\.|[\w.+-]+@[\w-]+\.[a-z]|\b[A-Z]{2}\d{2}[A-Z0-9]{10,30}\b"),
    "named": re.compile(
        r"\bid[s:# ]{1,2}\w*\d|\b(?:user|account|patient|server|student|order|case|employee|client|project) (?:id )?#?[A-Z]*\d",
        re.IGNORECASE,
    ),
    "code": re.compile(
        r"```|\bimport \w+\n|\bdef \w+\(|subprocess|os\.system|socket\.|requests\.(?:post|get)|eval\(|exec\("
    ),
    "shout": re.compile(r"\b[A-Z]{4,}\b[^a-z]{0,3}\b[A-Z]{3,}\b|!!+"),
    "quoted": re.compile(r"[\"“'‘][^\"”'’\n]{2,80}[\"”'’]"),
    "slot": re.compile(r"\[[A-Z][A-Za-z ]{3,40}\]|\{[a-z_ ]{3,30}\}|<[a-z][a-z ]{3,30}>"),
    "question": re.compile(r"\?\s*$|？\s*$"),
    "number": re.compile(r"\d"),
    "first": re.compile(r"\b(?:we|our|us|i|my)\b", re.IGNORECASE),
    "third": re.compile(r"\b(?:he|she|they|his|her|their|its?|was|were|has|had)\b", re.IGNORECASE),
}


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
_PHRASE = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, _PHRASES), key=len, reverse=True)) + r")\b")
_WIDE_WORDS = {word: each for words in (_WHOLE, _BEGUN) for word, each in words.items() if _WIDE.search(word)}
_WIDE_PHRASE = re.compile("|".join(sorted(map(re.escape, _WIDE_WORDS), key=len, reverse=True)))
_MARK_NAMES = tuple(_MARKS)
_STARTS = 2 * _COUNT + _COUNT * _COUNT
SIZE = _STARTS + len(_MARK_NAMES) + 4
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
    for number, (_, word) in enumerate(starts):
        if of := _concepts(word):
            found.append((number, of))
    count = len(starts)
    if " " in lower:
        found += [(lower.count(" ", 0, match.start()), tuple(_PHRASES[match[0]])) for match in _PHRASE.finditer(lower)]
    if not text.isascii() and _WIDE.search(text):
        found += [(match.start() // 2, tuple(_WIDE_WORDS[match[0]])) for match in _WIDE_PHRASE.finditer(lower)]
        count = max(count, len(text) // 2)
    found.sort()
    return _signs(text, found, count)


def _signs(text: str, found: Sequence[tuple[int, tuple[int, ...]]], count: int) -> Signs:
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
    for place, name in enumerate(_MARK_NAMES, _STARTS):
        if _MARKS[name].search(text):
            values[place] = 1.0
    last = _STARTS + len(_MARK_NAMES)
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
    return "".join(char for char in marks if not "\u0300" <= char <= "\u036f")
