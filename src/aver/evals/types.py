"""A labelled question, what an answer to it must hold, and what came of asking it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from aver.core import Principal

__all__ = ["Case", "CaseStatus", "Dataset", "Gold", "Outcome", "Quote", "Span"]

CaseStatus = Literal["draft", "confirmed"]
"""Whether a person has looked at it."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage of a document, named as in :attr:`Case.documents`, by its words."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Case:
    """A question with what is known of its answer. Without ``documents``, ``answers`` and ``passages`` it is ``unanswerable``: nothing
    that the person may read answers it."""

    id: str
    question: str
    place: str = ""
    """``FILE:LINE``."""
    user: str = ""
    """Who asks; empty for whoever the run says."""
    groups: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    """Those that answer it, by path, ``SOURCE/PATH``, title, uri or id."""
    answers: tuple[str, ...] = ()
    """Strings that an answer quotes, any of them, as they stand in the documents."""
    passages: tuple[Quote, ...] = ()
    unanswerable: bool = False
    tags: tuple[str, ...] = ()
    """The slices it belongs to."""
    status: CaseStatus = "confirmed"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A labelled set. ``digest`` is SHA-256 of the file, hexadecimal."""

    name: str
    digest: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` of a document's current version."""

    document: str
    start: int
    end: int

    def meets(self, document: str, start: int, end: int) -> bool:
        """Whether they have at least half of the shorter of the two in common."""
        common = min(self.end, end) - max(self.start, start)
        return self.document == document and 2 * common >= min(self.end - self.start, end - start)


@dataclass(frozen=True, slots=True)
class Gold:
    """What a case's labels come to for the person who asks. ``passages`` are the (document, start) of all passages that meet one of
    ``spans``; ``anywhere`` are strings that count in whatever document they stand."""

    documents: frozenset[str] = frozenset()
    spans: tuple[Span, ...] = ()
    passages: frozenset[tuple[str, int]] = frozenset()
    anywhere: tuple[str, ...] = ()


@dataclass(slots=True)
class Outcome:
    """What came of one case, filled in while it is asked. ``values`` are, by measure, what it adds to the sum above and below; a mean's is ``(value, 1)``."""

    case: Case
    principal: Principal
    values: dict[str, tuple[float, float]] = field(default_factory=dict)
    confidence: float | None = None
    """Log odds that the passages looked at answer the question, by the built-in judgement; ``None`` when none was asked for."""
    right: bool | None = None
    """Whether the answer, or the one that was held back, is right; ``None`` when that is not known."""
    abstained: bool | None = None
    mode: str = ""
    error: str = ""
    """The slug of why the turn failed."""
    retrieval_ms: float = 0.0
    answer_ms: float | None = None
    cost_usd: float | None = None
