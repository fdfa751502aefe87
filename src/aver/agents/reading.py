"""What a sentence says, in parts that can be compared with another's: terms, polarity, quantities, names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

from aver.agents.opposites import FOLDED, FORBIDDING, NEGATORS, fold_phrases
from aver.agents.quantities import NUMBER_WORDS, Quantity, quantities
from aver.knowledge.lexical import analyze

__all__ = ["Reading", "merge", "read"]

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*(?:st|nd|rd|th|k|m|mn|bn|b)?\b|[½¼¾$€£%]|\d+(?:[.,]\d+)*|[^\W_]+|[.,;:!?()\n-]")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_BEFORE = " \t\"'\u201c\u201d\u2018\u2019([*_"
_BREAKS = frozenset(",;:.!?()\n") | {"but", "however", "although", "though", "because", "and", "or", "while", "unless"}
_OPENING = frozenset({"", ".", "!", "?", ":", "\n", "-", "•"})
_NOT_TERMS = NUMBER_WORDS | FOLDED
_SCOPE = 3
"""How many content terms a negation reaches, unless the clause ends before."""

_CONNECTIVES = frozenset(
    """
    however therefore moreover furthermore otherwise whether whenever wherever neither either another other after under over
    before because although until unless through which each such both much more former latter never ever per your our
    """.split()  # noqa: SIM905 - words read better as words
)
# Words of sentences about an answer rather than about the world: alone they claim nothing.
_META = frozenset(
    term
    for word in """
    here found find answer answers based provided provide passage passages source sources document documents context
    information follow following follows below above summary summarise summarize detail details relevant according
    sure certainly course yes no help helps hope question questions additionally furthermore moreover also overall
    conclusion short note say says state states mention mentioned available regarding see key point points
    """.split()  # noqa: SIM905 - words read better as words
    for term in analyze(word)
)


@dataclass(frozen=True, slots=True)
class Reading:
    """``asserted`` and ``denied`` cover ``terms``; ``names`` are terms too; ``words`` are lower-case, with phrases folded."""

    terms: frozenset[str]
    asserted: frozenset[str]
    denied: frozenset[str]
    quantities: frozenset[Quantity]
    names: frozenset[str]
    words: frozenset[str]
    negated: bool

    @property
    def claims(self) -> bool:
        """Whether there is anything here that could be true or false of the world."""
        return bool(self.terms - _META) or any(quantity.stated for quantity in self.quantities)


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    tokens = _TOKEN.findall(fold_phrases(text))
    asserted: set[str] = set()
    denied: set[str] = set()
    reach = 0
    for word, after in zip_longest(tokens, tokens[1:], fillvalue=""):
        if word in NEGATORS:
            reach = 0 if after[:1].isdigit() else 1 if after == "-" else _SCOPE  # no. 1; no-confidence
        elif word in _BREAKS:
            reach = 0
        elif word == "-":
            continue
        else:
            found = _terms(word)
            (denied if reach else asserted).update(found)
            reach -= bool(found and reach)
    terms = frozenset(asserted | denied)
    words = frozenset(tokens)
    return Reading(
        terms,
        frozenset(asserted),
        frozenset(denied),
        quantities([word for word in tokens if word != "-"]),
        _names(text) & terms,
        words,
        not words.isdisjoint(NEGATORS | FORBIDDING),
    )


def merge(readings: Iterable[Reading]) -> Reading:
    """What several texts say together."""
    parts = list(readings)
    return Reading(
        frozenset().union(*(part.terms for part in parts)),
        frozenset().union(*(part.asserted for part in parts)),
        frozenset().union(*(part.denied for part in parts)),
        frozenset().union(*(part.quantities for part in parts)),
        frozenset().union(*(part.names for part in parts)),
        frozenset().union(*(part.words for part in parts)),
        any(part.negated for part in parts),
    )


@lru_cache(maxsize=65536)
def _terms(token: str) -> tuple[str, ...]:
    """The content terms of one token; numbers are quantities, not terms."""
    return tuple(analyze(token)) if token[0].isalpha() and len(token) > 1 and token not in _NOT_TERMS else ()


def _names(text: str) -> frozenset[str]:
    """Terms of the words written as names: capitals within a sentence, acronyms, words with a digit. Where every word is
    capitalised, as in a title, none stands out."""
    words = list(_WORD.finditer(text))
    capitals = [word for word in words if word[0][0].isupper()]
    if len(words) > 3 and len(capitals) > 0.8 * len(words):
        return frozenset()
    found: set[str] = set()
    for index, match in enumerate(words):
        word = match[0]
        begins = index == 0 or text[: match.start()].rstrip(_BEFORE)[-1:] in _OPENING
        acronym = len(word) > 1 and word.isupper()
        mixed = any(map(str.isdigit, word)) and any(map(str.isalpha, word)) and not word[0].isdigit()
        capital = word[0].isupper() and (_singular(word) if begins else word != "I")
        if acronym or mixed or capital:
            found.update(analyze(word))
    return frozenset(found)


def _singular(word: str) -> bool:
    """Whether a word that opens a sentence could be somebody's name, going by its ending alone."""
    return (
        word.lower() not in _CONNECTIVES
        and not word.lower().endswith(("s", "ing", "ed", "ly", "e", "y", "n", "t"))
        and len(word) > 2
    )
