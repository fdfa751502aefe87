"""From outcomes to measures: overall and by slice, each with its interval; and how two runs compare."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from aver.evals.abstention import CurvePoint, risk_coverage
from aver.evals.statistics.intervals import Array, Figure, Interval, area, interval, ratio
from aver.evals.statistics.pairing import Difference, difference, verdicts
from aver.evals.types import Outcome

__all__ = [
    "AUROC",
    "Comparison",
    "Latency",
    "Operating",
    "Question",
    "Questions",
    "Report",
    "compared",
    "measured",
    "questions_of",
]

AUROC = "auroc"
Questions = Mapping[str, "Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """What of one question a report keeps, to be compared with another run. ``values`` as in :attr:`Outcome.values`."""

    values: dict[str, tuple[float, float]]
    tags: tuple[str, ...] = ()
    unanswerable: bool = False
    confidence: float | None = None
    """As in :attr:`Outcome.confidence`; ``None`` too where the passages answer nothing at all."""
    abstained: bool | None = None


@dataclass(frozen=True, slots=True)
class Operating:
    """Where on the risk-coverage curve the system stands: the share of questions it answered, and of those the share it got wrong."""

    coverage: float
    risk: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds. Never judged: they are of the machine, and of what else it did."""

    p50: float
    p95: float
    n: int


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run. All measures lie between 0 and 1, and more is better."""

    questions: int
    unanswerable: int
    unconfirmed: int
    failed: dict[str, int]
    """Turns that ended with an error, by its slug."""
    modes: dict[str, int]
    overall: dict[str, Interval]
    slices: dict[str, dict[str, Interval]]
    curve: list[CurvePoint] = field(default_factory=list)
    operating: Operating | None = None
    latency: dict[str, Latency] = field(default_factory=dict)
    cost_usd: float | None = None
    """Of all answers; ``None`` when that of any is unknown, or none was asked for."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """``questions`` are in both runs. Verdicts of ``overall`` are corrected together, and so are those of ``slices``."""

    questions: int
    only_before: int
    only_after: int
    overall: dict[str, Difference]
    slices: dict[str, dict[str, Difference]]


def measured(outcomes: Sequence[Outcome], seed: int = 0) -> Report:
    """The report of a run. The same outcomes and the same ``seed`` give the same report."""
    cases = [each.case for each in outcomes]
    answered = [each for each in outcomes if each.abstained is not None]
    every = questions_of(outcomes)
    failed, modes = _counted(each.error for each in outcomes), _counted(each.mode for each in outcomes)
    costs = [each.cost_usd for each in answered]
    latency = {"retrieval": [each.retrieval_ms for each in outcomes], "answer": _known(e.answer_ms for e in answered)}
    return Report(
        questions=len(cases),
        unanswerable=sum(case.unanswerable for case in cases),
        unconfirmed=sum(case.status == "draft" for case in cases),
        failed=failed,
        modes=modes,
        overall=_intervals(every, seed),
        slices={name: _intervals(some, seed) for name, some in _sliced(every).items()},
        curve=risk_coverage([_confidence(each.confidence) for each in answered], [each.right for each in answered]),
        operating=_operating(answered) if answered else None,
        latency={name: _latency(some) for name, some in latency.items() if some},
        cost_usd=sum(_known(costs)) if costs and None not in costs else None,
    )


def questions_of(outcomes: Iterable[Outcome]) -> dict[str, Question]:
    """What is kept of each question, by its case's id."""
    return {
        each.case.id: Question(
            each.values, each.case.tags, each.case.unanswerable, each.confidence, abstained=each.abstained
        )
        for each in outcomes
    }


def compared(before: Questions, after: Questions, seed: int = 0) -> Comparison:
    """``after`` less ``before`` over the questions of both; slices are those of ``after``."""
    both = [name for name in after if name in before]
    kept = {name: after[name] for name in both}
    overall = _differences(before, kept, seed)
    rows = {
        (name, measure): found
        for name, some in _sliced(kept).items()
        for measure, found in _differences(before, some, seed).items()
    }
    slices: dict[str, dict[str, Difference]] = defaultdict(dict)
    for (name, measure), verdict in verdicts(rows).items():
        slices[name][measure] = replace(rows[name, measure], verdict=verdict)
    decided = verdicts(overall)
    return Comparison(
        len(both),
        len(before) - len(both),
        len(after) - len(both),
        {name: replace(each, verdict=decided[name]) for name, each in overall.items()},
        dict(slices),
    )


def _intervals(every: Questions, seed: int) -> dict[str, Interval]:
    return {name: interval(_columns(every.values(), name), _figure(name), seed) for name in _measures(every.values())}


def _differences(before: Questions, after: Questions, seed: int) -> dict[str, Difference]:
    found = {}
    for measure in _measures(after.values()):
        pairs = [(before[name], each) for name, each in after.items()]
        pairs = [pair for pair in pairs if all(_has(each, measure) for each in pair)]
        sides = [_columns(side, measure) for side in zip(*pairs, strict=True)]
        if sides and all(_defined(side, measure) for side in sides):
            found[measure] = difference(sides[0], sides[1], _figure(measure), seed)
    return found


def _measures(every: Iterable[Question]) -> list[str]:
    """Those that some question has something to say about, in the order they first come."""
    every = list(every)
    names = list(dict.fromkeys(name for each in every for name in each.values))
    return names + [AUROC] * _defined(_columns(every, AUROC), AUROC)


def _columns(every: Iterable[Question], measure: str) -> Array:
    """Shape ``(n, 2)``, of the questions that have this measure; what a :data:`~aver.evals.statistics.intervals.Figure` reads."""
    some = [each for each in every if _has(each, measure)]
    if measure == AUROC:
        rows = [(float(not each.unanswerable), _confidence(each.confidence)) for each in some]
    else:
        rows = [each.values[measure] for each in some]
    return np.array(rows, float).reshape(len(rows), 2)


def _has(each: Question, measure: str) -> bool:
    return each.abstained is not None if measure == AUROC else measure in each.values


def _defined(columns: Array, measure: str) -> bool:
    if measure == AUROC:
        return len(set(columns[:, 0])) == 2
    return bool(columns[:, 1].sum() > 0)


def _figure(measure: str) -> Figure:
    return area if measure == AUROC else ratio


def _sliced(every: Questions) -> dict[str, dict[str, Question]]:
    found: dict[str, dict[str, Question]] = defaultdict(dict)
    for name, each in every.items():
        for tag in each.tags:
            found[tag][name] = each
    return dict(sorted(found.items()))


def _operating(answered: Sequence[Outcome]) -> Operating:
    given = [each for each in answered if not each.abstained]
    risk = 1 - sum(bool(each.right) for each in given) / len(given) if given else None
    return Operating(len(given) / len(answered), risk, len(answered))


def _latency(values: Sequence[float]) -> Latency:
    p50, p95 = np.quantile(values, (0.5, 0.95))
    return Latency(round(float(p50), 1), round(float(p95), 1), len(values))


def _counted(names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for name in names:
        if name:
            found[name] += 1
    return dict(sorted(found.items()))


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _confidence(value: float | None) -> float:
    return -math.inf if value is None else value
