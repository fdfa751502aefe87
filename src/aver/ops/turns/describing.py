"""From the steps of a turn to its row, and from the row to the sets that it is in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aver.evidence.clear import ClearStep
from aver.gateway.feedback import BAD
from aver.ops.measuring import ENDS, UNLABELLED, is_alone, turn_sums
from aver.ops.turns.types import Outcome, TurnRow

__all__ = ["DIGEST", "TOLD", "documents_of", "micros", "microseconds", "moment", "row_of", "sets_of"]

TOLD = frozenset(
    {
        "admitted", "retrieved", "generated", "called", "verified", "responded", "checked", "refused", "decided", "asked", "approved", "rejected", "expired", "intended",
        "executed", "resumed", "aborted", "remembered", "forgotten", "judged", *ENDS,
    }
)  # fmt: skip
"""The kinds of step that a turn has, or that are about one."""
_MARKS = ("failed", "unsuccessful", "abstained", "unsupported", "unsafe", "hits", "empty", "denied", "tools_failed")
_FOUND = frozenset({"flag", "redact", "block"})
DIGEST = 16
"""Characters by which a release is told from others, as the records of calls have it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Facts = Mapping[str, Any]


def row_of(steps: Sequence[ClearStep]) -> TurnRow | None:
    """The row of a turn, or of a call by itself, by all steps that it has so far; ``None`` for what is neither, and for what nobody was shown."""
    begun = next((step for step in steps if step.kind == "admitted" or is_alone(step)), None)
    if begun is None or begun.facts.get("shadow_of") or begun.facts.get("evaluation"):
        return None
    by_kind: dict[str, list[_Facts]] = {}
    for step in steps:
        by_kind.setdefault(step.kind, []).append(step.facts)
    called, responded = by_kind.get("called", []), by_kind.get("responded", [{}])[-1]
    _, sums = turn_sums(steps)
    last = next((by_kind[kind][-1] for kind in ("responded", "failed", "sealed") if kind in by_kind), {})
    end = next((step for step in steps if step.kind in ENDS or is_alone(step)), None)
    alone = begun.kind == "called"
    return TurnRow(
        id=begun.turn,
        first=begun.seq,
        last=steps[-1].seq,
        at=begun.at,
        ended=end.at if end else "",
        feature=_text(begun.facts.get("feature")) or UNLABELLED,
        release=_text(begun.facts.get("release")),
        arm=_text(begun.facts.get("arm")),
        subject=begun.subject,
        outcome=_outcome(by_kind, sums, alone=alone) if end else "open",
        mode=_text(responded.get("mode")),
        conversation=_text(begun.facts.get("conversation")),
        key=next(_texts(called, "key"), ""),
        claims=int(sums.get("claims", 0)),
        supported=int(sums.get("claims", 0) - sums.get("unsupported", 0)),
        asked=len(by_kind.get("asked", ())),
        denied=int(sums.get("denied", 0)),
        nano=sum(_whole(facts.get("nano_usd")) for facts in called),
        tokens=sum(_whole(facts.get("input_tokens")) + _whole(facts.get("output_tokens")) for facts in called),
        ms=_number((called[-1] if alone else last).get("ms")),
        feedback=_score(by_kind.get("judged", ())),
        models=_distinct(_texts(called, "model")),
        providers=_distinct(_texts(called, "provider")),
        tools=_distinct(_texts((*by_kind.get("executed", ()), *by_kind.get("decided", ())), "tool")),
        checks=_distinct(_hits(by_kind.get("checked", ()))),
        marks=tuple(each for each in _MARKS if sums.get(each, 0) > 0),
    )


def documents_of(steps: Iterable[ClearStep]) -> tuple[str, ...]:
    """The ids of the documents that passages were found in, as far as the steps name them."""
    found = (step.facts.get("found") for step in steps if step.kind == "retrieved")
    return _distinct(each for several in found if isinstance(several, list) for each in several if _text(each))


def sets_of(row: TurnRow) -> set[str]:
    """The names of the sets that a turn is in: each is a filter and its value."""
    named = {
        "feature": (row.feature,),
        "release": (row.release[:DIGEST],),
        "arm": (row.arm,),
        "outcome": (row.outcome,),
        "key": (row.key,),
        "model": row.models,
        "provider": row.providers,
        "tool": row.tools,
        "check": row.checks,
        "source": row.sources,
        "is": row.marks,
        "feedback": () if row.feedback is None else ("good" if row.feedback >= BAD else "bad",),
    }
    return {f"{name}:{value}" for name, several in named.items() for value in several if value}


def moment(at: str) -> int:
    """Microseconds of the Unix epoch; 0 for what is no moment: a turn that has not ended, a chain that was changed outside Aver."""
    try:
        return microseconds(datetime.fromisoformat(at))
    except (ValueError, TypeError):
        return 0


def microseconds(at: datetime) -> int:
    """Of the Unix epoch."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def micros(ms: float) -> int:
    """Microseconds, which are whole numbers."""
    return round(ms * 1000)


def _outcome(by_kind: Mapping[str, Sequence[_Facts]], sums: Mapping[str, float], *, alone: bool) -> Outcome:
    error = by_kind["called" if alone else "failed"][-1].get("error") if alone or "failed" in by_kind else None
    if error == "cancelled":
        return "cancelled"
    if error or "failed" in by_kind:
        return "failed" if sums.get("failed") else "blocked"
    return "abstained" if sums.get("abstained") else "answered"


def _hits(checked: Iterable[_Facts]) -> Iterator[str]:
    """The names of the checks that found something; a place that says no names says only that something was found."""
    for facts in checked:
        names, outcomes = facts.get("checks"), facts.get("outcomes")
        if isinstance(names, list) and isinstance(outcomes, list):
            yield from (_text(name) for name, outcome in zip(names, outcomes, strict=False) if outcome in _FOUND)


def _score(judged: Sequence[_Facts]) -> float | None:
    score = judged[-1].get("score") if judged else None
    return float(score) if isinstance(score, int | float) else None


def _texts(several: Iterable[_Facts], name: str) -> Iterator[str]:
    return (text for facts in several if (text := _text(facts.get(name))))


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, names)))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _whole(value: object) -> int:
    return int(_number(value))
