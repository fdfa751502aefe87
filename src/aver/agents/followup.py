"""Follow-up questions, made complete by rules: ``and for contractors?`` is about what was asked before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aver.knowledge.lexical import analyze

__all__ = ["Asked", "Resolved", "depends", "resolve"]

_MOST_TERMS = 12
"""Words taken over from the question before."""
_CONTINUES = 4
"""Content words up to which a question that opens with ``and`` or ``what about`` goes on from the one before."""

_OPENING = re.compile(
    r"(?:and|but|or|so|then|also|plus|what about|how about|what if|what else|why not|same for|anything else)\b",
    re.IGNORECASE,
)
_REFERRING = re.compile(
    r"\b(?:it|its|they|them|their|theirs|those|these|he|she|him|his|her|hers|one|ones|such|the same|former|latter|"
    r"this|that(?= (?:is|was|apply|applies|mean|means|include|includes|work|works|case|one|policy|rule|limit)\b|\W*$))\b",
    re.IGNORECASE,
)
# "How long does it take", "is it possible": such an "it" stands for nothing.
_EMPTY_IT = re.compile(
    r"\bit (?:takes?|costs?|(?:possible|allowed|okay|ok|necessary|required|mandatory|true|legal|permitted|safe)\b)"
    r"|\bif it (?:rains|snows)\b",
    re.IGNORECASE,
)
# A verb near the start: a whole question, however short.
_SENTENCE = re.compile(
    r"(?:[^\W_]+(?:['\u2019]s)? ){0,2}(?:is|are|was|were|do|does|did|can|could|may|must|should|will|has|have|tell|explain|define|describe)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_QUESTIONING = {
    "many",
    "much",
    "long",
    "often",
    "far",
    "old",
    "soon",
    "else",
    "more",
    "happen",
    "mean",
    "work",
    "get",
    "know",
    "need",
    "tell",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """An earlier question of the conversation as it was resolved then, and the titles its answer cited."""

    question: str
    titles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """``question`` holds the user's words alone, of this question and those before; ``query`` adds words of cited titles."""

    question: str
    query: str


def resolve(question: str, history: Sequence[Asked]) -> Resolved:
    """``question``, with the words it leaves out taken from the last of ``history``; unchanged where it stands alone."""
    if not history or not depends(question):
        return Resolved(question, question)
    before = history[-1]
    kept = _missing(before.question, question)[:_MOST_TERMS]
    complete = f"{question} ({' '.join(kept)})" if kept else question
    titles = _missing(" ".join(before.titles), complete)[: _MOST_TERMS - len(kept)]
    return Resolved(complete, " ".join([complete, *titles]))


def depends(question: str) -> bool:
    """Whether a question leans on the one before: it opens as a continuation, refers back, or hardly says anything."""
    words = question.strip()
    content = _content(words)
    if _OPENING.match(words) and len(content) <= _CONTINUES:
        return True
    if not content or (len(content) == 1 and not _SENTENCE.match(words)):
        return True
    for reference in _REFERRING.finditer(_EMPTY_IT.sub(" ", words)):
        # Two things named before the pronoun, and it stands for one of them: "can employees take leave when they move".
        if len(_content(words[: reference.start()])) < 2:
            return True
    return False


def _content(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if analyze(word) and word.lower() not in _QUESTIONING]


def _missing(text: str, present: str) -> list[str]:
    """The content words of ``text`` that ``present`` lacks, in order, each once."""
    seen = set(analyze(present))
    found: list[str] = []
    for word in _content(text):
        terms = set(analyze(word))
        if not terms <= seen:
            found.append(word)
            seen |= terms
    return found
