"""A turn as the index has it, which turns are asked for, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

__all__ = ["OUTCOMES", "SORTS", "Filters", "Found", "Outcome", "Slot", "Sort", "TurnRow"]

Outcome = Literal["answered", "abstained", "failed", "blocked", "cancelled", "open"]
"""``failed``: something that Aver, a model or a tool should have done was not. ``blocked``: a check held it back, or it asked for what there is not.
``cancelled``: whoever asked left. ``open``: it has not ended."""
Sort = Literal["newest", "cost", "latency"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
SORTS: tuple[Sort, ...] = get_args(Sort)


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn in clear: what it came to, and nothing that anybody wrote. ``first`` and ``last`` are the places of its first and its last step in the chain;
    ``at`` is when it began and ``ended`` when it ended, RFC 3339; the latter is empty while it is open. ``subject`` is the opaque id of whose key its content is under."""

    id: str
    first: int
    last: int
    at: str
    ended: str
    feature: str
    release: str
    arm: str
    subject: str
    outcome: Outcome
    mode: str
    conversation: str
    key: str
    claims: int
    supported: int
    asked: int
    """Approvals that people were asked for."""
    denied: int
    """Calls of tools that policy denied."""
    nano: int
    """Cost in 10⁻⁹ US dollars."""
    tokens: int
    ms: float
    feedback: float | None
    """From 0 (useless) to 1 (right), as it was said last; ``None`` where nobody said."""
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    """Those that found something."""
    sources: tuple[str, ...] = ()
    """Those that its passages came from, as far as their documents are still there."""
    marks: tuple[str, ...] = ()
    """What it counts as where shares are watched: the names of :mod:`aver.ops.measuring` that it has a part in."""

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "turn": self.id,
            "at": self.at,
            "ended": self.ended or None,
            "feature": self.feature,
            "release": self.release or None,
            "arm": self.arm or None,
            "outcome": self.outcome,
            "mode": self.mode or None,
            "claims": self.claims,
            "supported": self.supported,
            "models": self.models,
            "providers": self.providers,
            "tools": self.tools,
            "checks": self.checks,
            "sources": self.sources,
            "denied": self.denied,
            "asked": self.asked,
            "tokens": self.tokens,
            "cost_usd": self.nano / 1e9,
            "ms": self.ms,
            "feedback": self.feedback,
            "key": self.key or None,
            "conversation": self.conversation or None,
            "subject": self.subject,
            "steps": [self.first, self.last],
        }


@dataclass(frozen=True, slots=True)
class Filters:
    """Which turns: those of which everything holds that is given. ``release`` may be the beginning of a digest."""

    feature: str = ""
    release: str = ""
    arm: str = ""
    outcome: str = ""
    model: str = ""
    provider: str = ""
    tool: str = ""
    key: str = ""
    source: str = ""
    check: str = ""
    unsupported: bool = False
    denied: bool = False
    feedback: str = ""
    incident: str = ""
    since: datetime | None = None
    until: datetime | None = None
    turn: str = ""
    sort: Sort = "newest"
    after: str = ""
    """Where the page begins: the end of the one before."""


@dataclass(frozen=True, slots=True)
class Slot:
    """How many turns began in a stretch of time, by outcome."""

    start: datetime
    seconds: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of turns. ``total`` is exact."""

    turns: Sequence[TurnRow]
    total: int
    following: str
    """The ``after`` of the next page; empty on the last one."""
    slots: Sequence[Slot] = field(default_factory=tuple)
    behind: int = 0
    """Steps of evidence that the index has not read yet."""
