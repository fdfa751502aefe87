"""Drills on record: each is a step ``drilled`` with its figures, and what they come to over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aver.core.ids import new_id
from aver.evidence import Draft, Ledger
from aver.ops.drills.types import Drill

__all__ = ["PastDrill", "Trend", "drafted", "past", "trends"]


@dataclass(frozen=True, slots=True)
class PastDrill:
    """A drill as evidence tells it."""

    id: str
    at: datetime
    name: str
    passed: bool
    place: str
    mttd_s: float | None
    mttm_s: float | None
    lost: int
    leaked: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Trend:
    """One scenario over time: how often it was drilled and passed, the last figures, and by how many seconds they differ from the mean of those before."""

    name: str
    drills: int
    passed: int
    mttd_s: float | None
    mttm_s: float | None
    mttd_change_s: float | None
    mttm_change_s: float | None


def drafted(drill: Drill, by: str) -> Draft:
    """The step of a drill; ``by`` is who ran it."""
    facts = {
        "drill": drill.name,
        "passed": drill.passed,
        "in_place": drill.place == "in place",
        "mttd_s": drill.mttd_s,
        "mttm_s": drill.mttm_s,
        "lost": drill.lost,
        "leaked": drill.leaked,
        "wrong": drill.wrong,
        "samples": drill.samples,
    }
    body = {key: value for key, value in drill.record().items() if key not in facts and key != "at"} | {"by": by}
    return Draft(new_id("drill"), "drilled", None, facts, body)


def past(ledger: Ledger) -> list[PastDrill]:
    """Those on record, newest first."""
    found = [_past(step.turn, step.at, step.facts) for step in ledger.of_kind("drilled")]
    return found[::-1]


def trends(drills: Iterable[PastDrill]) -> list[Trend]:
    """By scenario, in order of name."""
    by_name: dict[str, list[PastDrill]] = {}
    for each in sorted(drills, key=lambda each: each.at):
        by_name.setdefault(each.name, []).append(each)
    return [
        Trend(
            name,
            len(several),
            sum(each.passed for each in several),
            several[-1].mttd_s,
            several[-1].mttm_s,
            _change([each.mttd_s for each in several]),
            _change([each.mttm_s for each in several]),
        )
        for name, several in sorted(by_name.items())
    ]


def _change(values: Sequence[float | None]) -> float | None:
    before = [each for each in values[:-1] if each is not None]
    last = values[-1]
    return round(last - sum(before) / len(before), 1) if before and last is not None else None


def _past(drill: str, at: datetime, facts: dict[str, Any]) -> PastDrill:
    return PastDrill(
        drill,
        at,
        str(facts.get("drill", "")),
        bool(facts.get("passed")),
        "in place" if facts.get("in_place") else "copy",
        facts.get("mttd_s"),
        facts.get("mttm_s"),
        int(facts.get("lost") or 0),
        int(facts.get("leaked") or 0),
        int(facts.get("wrong") or 0),
    )
