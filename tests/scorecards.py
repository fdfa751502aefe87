"""A tenant with five weeks of made-up traffic on record, for whoever reads figures of it: the evidence is real, what happened is not."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from aver.core.ids import new_id
from aver.evidence import Draft, Ledger
from aver.store import TenantStore
from aver.testing import FixedClock
from tests.operations import turn

__all__ = ["event", "live"]

_PEOPLE = 24
_OLD, _NEW = "a" * 64, "b" * 64


def event(kind: Any, **facts: Any) -> list[Draft]:
    """A step that belongs to no turn."""
    return [Draft(new_id("event"), kind, None, facts)]


def live(store: TenantStore, ledger: Ledger, clock: FixedClock, days: int = 35, turns: int = 24, seed: int = 1) -> None:
    """``days`` days up to where the clock is then, of two features, of which a new release of the assistant fails half as often."""
    made = random.Random(seed)

    def write(*drafts: list[Draft]) -> None:
        with store.begin() as tx:
            ledger.append_all(tx, [draft for each in drafts for draft in each])

    write(event("ingested", added=120, changed=0), _evaluated(_OLD))
    for day in range(days):
        if day == days * 2 // 3:
            write(_evaluated(_NEW), _attacked(_NEW))
        for _ in range(4):
            write(*(_turn(made, day, days) for _turn_of in range(turns // 4)))
            clock.advance(6 * 3600)
        if day % 3 == 0:
            write(event("surveyed", score=made.choice([3, 4, 4, 5, 5])), event("ingested", added=2, changed=1))


def _turn(made: random.Random, day: int, days: int) -> list[Draft]:
    new = day >= days * 2 // 3
    chance = made.random()
    tokens = max(int(made.gauss(1400 if new else 1800, 300)), 50)
    given: Mapping[str, Any] = {
        "feature": "desk" if made.random() < 0.3 else "assistant",
        "failed": "provider-error" if chance < (0.01 if new else 0.03) else "",
        "abstained": 0.03 < chance < (0.06 if new else 0.1),
        "supported": 2 if made.random() < (0.02 if new else 0.06) else None,
        "ms": made.lognormvariate(7.0, 0.5),
        "tokens": tokens,
        "nano": tokens * 3000,
        "user": f"user{made.randrange(_PEOPLE)}",
        "more": {"release": _NEW if new else _OLD},
        "checked": {
            "place": "output",
            "outcome": "flag" if made.random() < 0.002 else "pass",
            "checks": ["personal"],
            "outcomes": ["pass"],
            "modes": ["redact"],
            "failures": [None],
        },
    }
    return turn(**given)


def _evaluated(release: str) -> list[Draft]:
    facts = {"precision.5": 0.62, "ndcg.10": 0.81}
    return event("evaluated", release=release, feature="assistant", questions=120, unanswerable=20, **facts)


def _attacked(release: str) -> list[Draft]:
    return event(
        "evaluated",
        release=release,
        feature="assistant",
        suite="redteam",
        questions=80,
        injections=60,
        injection_success=1 / 60,
    )
