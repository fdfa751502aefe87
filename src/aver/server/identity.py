"""Changes of people, roles and API keys as evidence has them, for whoever audits them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from operator import attrgetter
from typing import Any

from aver.evidence import Ledger, Step, StepKind

__all__ = ["KINDS", "changes_of", "every_change"]

KINDS: tuple[StepKind, ...] = (
    "person_changed",
    "group_changed",
    "identity_declared",
    "key_created",
    "key_revoked",
    "glass_broken",
    "signed_in",
    "session_ended",
)
"""What is about who may do what."""


def changes_of(ledger: Ledger, after: int = 0, limit: int = 200) -> list[dict[str, Any]]:
    """The first so many changes behind a number of the chain, oldest first. Of people who were erased it says what was done, and not of whom."""
    return list(islice(every_change(ledger, after), limit))


def every_change(ledger: Ledger, after: int = 0) -> Iterator[dict[str, Any]]:
    """As :func:`changes_of`, all of them, in flat memory."""
    steps = heapq.merge(*(ledger.of_kind(kind, after=after) for kind in KINDS), key=attrgetter("seq"))
    return map(_change, steps)


def _change(step: Step) -> dict[str, Any]:
    body = step.body or {}
    about = body.get("user") or body.get("name") or ""
    return {
        "seq": step.seq,
        "kind": step.kind,
        "at": step.at,
        "about": str(about),
        "by": str(body.get("by", "")),
        "facts": step.facts,
    }
