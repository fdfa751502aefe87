"""What of a query must be found to the letter: identifiers and quoted phrases.

Scores rank by likeness. Who asks for ``ERR-1042`` or for ``"force majeure"`` means these characters, and a passage that holds them
must not be lost behind passages that are merely alike.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from aver.knowledge.lexical import analyze

__all__ = ["MOST_EXACT", "Exact", "exacts"]

MOST_EXACT = 6
"""Identifiers and phrases of one query that are looked up; of more, the first."""
_LEAST_PHRASE, _LONGEST_PHRASE = 3, 200
"""Characters between quotation marks."""

_QUOTED = re.compile('"([^"\n]+)"|\u201c([^\u201c\u201d\n]+)\u201d|\u00ab([^\u00ab\u00bb\n]+)\u00bb|`([^`\n]+)`')
_TOKEN = re.compile(r"#\d{2,}\b|\b[A-Za-z](?:\+\+|#)(?![\w+#])|[^\W_]+(?:[._@:/+\-]+[^\W_]+)*_*")
_PART = re.compile(r"[^\W_]+")
_COMPOUNDS = 3
"""Terms at most that the analysis puts before a part, for what it is a part of."""
_SPACE = re.compile(r"\s+")

# What a token must look like to be a name that somebody gave, rather than a word or a figure.
_SHAPES = (
    re.compile(r"#\d+|[A-Za-z](?:\+\+|#)"),  # #4711, C++
    re.compile(r"\w+(?:[.+-]\w+)*@\w[\w.-]*"),  # ann@example.com
    re.compile(r".*[^\W_]_+[^\W_].*", re.DOTALL),  # max_connections
    re.compile(r"v?\d+(?:\.\d+){2,}(?:[-+]\w+)*|v\d+(?:\.\d+)+", re.IGNORECASE),  # 10.0.3, v2.1
    re.compile(r"\d{6,}|\d+(?:-\d+){2,}"),  # 40063813, 978-3-16-148410-0
    re.compile(r"(?=.*\d)[A-Z][A-Z\d]*(?:[-/:.][A-Z\d]+)*"),  # ABC-123, E1042, COVID-19
    re.compile(r"(?=(?:\D*\d){2})[a-z]+(?:[-_.:/][a-z]+)*[-_.:/]?\d+(?:[-_.:/][a-z\d]+)*", re.IGNORECASE),  # err-1042
    re.compile(r"[\w/:-]*[^\W\d_]\w+(?:[.\-]\w+)*\.[A-Za-z][A-Za-z\d]{1,4}"),  # notes.md, example.com
)


@dataclass(frozen=True, slots=True)
class Exact:
    """``text`` is what must stand in a passage, in any case; ``terms`` are the terms of every passage it stands in, one after another but for
    a few between."""

    text: str
    quoted: bool
    terms: tuple[str, ...]
    whole: str
    """Of an identifier with parts, the one term for all of it, which narrows the search most; else ``""``."""

    def stands_in(self, text: str) -> bool:
        """Whether ``text`` holds it, case and white space aside, and not as a part of a longer word or number."""
        edges = r"(?<![^\W_])" if self.text[:1].isalnum() else "", r"(?![^\W_])" if self.text[-1:].isalnum() else ""
        return re.search(edges[0] + re.escape(_plain(self.text)) + edges[1], _plain(text)) is not None

    def may_stand_in(self, terms: str) -> bool:
        """Whether a passage with these terms, joined by spaces, is worth looking at: it has those of the text, in order and close together."""
        if not self.terms:
            return True
        padded = f" {terms} "
        if not all(f" {term} " in padded for term in self.terms):
            return False
        # Before a part there may be its whole, its piece and its version without the v, and what is left out here may be kept there.
        left_out = max(0, len(_PART.findall(self.text)) - len(self.terms))
        furthest = (1 + left_out) * (1 + _COMPOUNDS)
        there = terms.split(" ")
        reached = [place for place, term in enumerate(there) if term == self.terms[0]]
        for wanted in self.terms[1:]:
            reached = [
                place
                for place, term in enumerate(there)
                if term == wanted and any(0 < place - before <= furthest for before in reached)
            ]
        return bool(reached)


def exacts(query: str) -> tuple[Exact, ...]:
    """Quoted phrases, then identifiers outside of them, in the order of the query, each once."""
    found: dict[str, Exact] = {}
    rest = query
    for match in _QUOTED.finditer(query):
        phrase = next(group for group in match.groups() if group is not None).strip()
        if _LEAST_PHRASE <= len(phrase) <= _LONGEST_PHRASE and any(map(str.isalnum, phrase)):
            found.setdefault(_plain(phrase), Exact(phrase, True, _terms(phrase), ""))
            rest = rest.replace(match[0], " ")
    for token in _TOKEN.findall(rest):
        if any(shape.fullmatch(token) for shape in _SHAPES):
            whole = _plain(token) if _plain(token) in analyze(token) else ""
            found.setdefault(_plain(token), Exact(token, False, _terms(token), whole))
    return tuple(found.values())[:MOST_EXACT]


def _terms(text: str) -> tuple[str, ...]:
    """Of ``text`` inside a longer one, wherever its words may be joined to others: its parts, not its compounds."""
    return tuple(term for term in analyze(text.casefold()) if term.isalnum())


def _plain(text: str) -> str:
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
