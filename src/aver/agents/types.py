"""The turn's inputs, its events as it runs, and its answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aver.gateway.types import Mode, Usage

__all__ = [
    "Answer",
    "Citation",
    "Conflict",
    "ConflictKind",
    "Conversation",
    "ConversationSummary",
    "LookedAt",
    "PastTurn",
    "Progressed",
    "Sentence",
    "SentenceReady",
    "TurnEvent",
    "TurnStatus",
    "remarks",
    "render",
]


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim's pointer: ``stored_text(document, version)[start:end] == quote``, checked before it is shown."""

    document: str
    title: str
    uri: str
    version: int
    start: int
    end: int
    quote: str


ConflictKind = Literal["figure", "date", "negation", "opposite"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another document seems to contradict what is cited: it gives another figure or date, denies it, or says the opposite.
    ``citation`` is a position (from 0) in the answer's citations."""

    kind: ConflictKind
    citation: int
    other: Citation


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer. ``citations`` are positions (from 0) in the answer's citations."""

    text: str
    supported: bool
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A passage that was considered and did not answer the question, shown with an abstention."""

    document: str
    title: str
    uri: str
    version: int
    start: int
    end: int
    section: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole outcome of a turn. An abstention has no sentences and no citations; ``answer`` then says so in words."""

    turn: str
    conversation: str
    mode: Mode
    abstained: bool
    answer: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    looked_at: tuple[LookedAt, ...]
    release: str
    usage: Usage
    latency_ms: float
    conflicts: tuple[Conflict, ...] = ()
    """What other documents say against it."""
    outdated: tuple[int, ...] = ()
    """Positions (from 0) of citations of a version that had been replaced when the answer was given."""
    notices: tuple[str, ...] = ()
    """What checks of texts, and the state of what is cited, have to tell a reader, in sentences."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """The turn reached a stage; for a thin line of progress."""

    stage: Literal["admitted", "retrieved", "generating"]
    turn: str
    conversation: str
    passages: int = 0


@dataclass(frozen=True, slots=True)
class SentenceReady:
    """A verified sentence, with the citations it introduces (positions continue from those already sent)."""

    sentence: Sentence
    citations: tuple[Citation, ...]


TurnStatus = Literal["open", "sealed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class PastTurn:
    """An earlier turn as it may be shown now. ``answer`` is ``None`` unless the turn was sealed; ``withheld`` counts the
    sentences left out of it because what they rest on was deleted or may no longer be read."""

    turn: str
    created: datetime
    status: TurnStatus
    question: str
    resolved: str
    """The question with the words it took from those before it."""
    answer: Answer | None
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Conversation:
    """A principal's own conversation, its turns in order. Erased turns are not among them."""

    id: str
    created: datetime
    turns: tuple[PastTurn, ...]


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A conversation as listed; ``question`` is its first."""

    id: str
    created: datetime
    question: str


def render(sentences: Iterable[Sentence]) -> str:
    """Sentences as one text: each with ``[n]`` for its citations, counted from 1, or the words that it has none."""
    return " ".join(
        sentence.text + "".join(f"[{position + 1}]" for position in sentence.citations)
        if sentence.supported
        else f"{sentence.text} (not found in the sources)"
        for sentence in sentences
    )


def remarks(answer: Answer) -> tuple[str, ...]:
    """What a reader must know beside the sentences, each in one plain sentence: contradictions, versions that were replaced, what checks say."""
    said = []
    for conflict in answer.conflicts:
        title = " ".join(conflict.other.title.split())
        quote = " ".join(conflict.other.quote.split())
        said.append(
            f"Documents disagree with each other: against [{conflict.citation + 1}], {title} says \u201c{quote}\u201d"
        )
    if answer.outdated:
        numbers = ", ".join(f"[{position + 1}]" for position in answer.outdated)
        said.append(
            f"{numbers} cite{'s' * (len(answer.outdated) == 1)} an earlier version; the document has changed since."
        )
    return (*said, *answer.notices)


TurnEvent = Progressed | SentenceReady | Answer
