"""The turn's inputs, its events as it runs, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aver.gateway.types import Mode, Usage

__all__ = ["Answer", "Citation", "LookedAt", "Progressed", "Sentence", "SentenceReady", "TurnEvent"]


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


TurnEvent = Progressed | SentenceReady | Answer
