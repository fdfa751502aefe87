"""From a run to its figures: overall and by slice, each with its interval. Reads results one at a time; what is kept of each is a few numbers."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aver.evals.abstention import CurvePoint, risk_coverage
from aver.evals.running.file import Run
from aver.evals.running.service import seed_of
from aver.evals.scorers.answers import CONFIDENCE, RIGHT_IF_GIVEN
from aver.evals.statistics.intervals import LEAST, Array, Figure, Interval, area, interval, ratio
from aver.evals.statistics.sequential import anytime
from aver.evals.types import Result

__all__ = ["AUROC", "Latency", "Operating", "Report", "measured"]

AUROC = "auroc"
"""The chance that a case with an answer has a higher confidence than one without; see :func:`~aver.evals.abstention.auroc`."""
_TIMES = ("latency_ms", "first_ms")
_UNBOUNDED = ("_usd", "_ms", "_tokens")


@dataclass(frozen=True, slots=True)
class Operating:
    """Where on the risk-coverage curve the system stands: the share of cases it answered, and of those the share it got wrong."""

    coverage: float
    risk: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds. They are of the machine, and of what else it did."""

    p50: float
    p95: float
    n: int


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run. Measures lie between 0 and 1, and more is better, but for those that end in ``_usd``, ``_ms`` or ``_tokens`` and
    ``attack_success``, of which less is. ``n`` of an interval counts results; what depends on each other is taken together for its width."""

    cases: int
    results: int
    """Cases times repeats, as far as they were asked."""
    unanswerable: int
    """Results of cases that have no answer."""
    failed: Mapping[str, int]
    """Results that ended with an error, by its slug; neither right nor wrong."""
    overall: Mapping[str, Interval]
    slices: Mapping[str, Mapping[str, Interval]]
    curve: Sequence[CurvePoint] = ()
    operating: Operating | None = None
    latency: Mapping[str, Latency] = field(default_factory=dict)
    cost_usd: float | None = None
    """Of all responses; ``None`` when that of any is unknown."""
    tokens: int | None = None
    clusters: int = 0
    """Groups of results that depend on each other; as many as results where none do."""


@dataclass(slots=True)
class _Table:
    """What is kept of a run's results: numbers by measure, and for each result its cluster's number and its slices."""

    measures: dict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    """Of each result that has it, one after another: its place, and what it adds above and below."""
    clusters: array[int] = field(default_factory=lambda: array("q"))
    numbers: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    """Of each measure, the furthest place that it has among those of one result."""
    tags: dict[str, array[int]] = field(default_factory=lambda: defaultdict(lambda: array("q")))
    cases: set[str] = field(default_factory=set)
    failed: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        row = len(self.clusters)
        # A case asked again depends on itself; a cluster's name is never taken for that of a case.
        cluster = f"c{result.cluster}" if result.cluster else f"r{result.case}"
        self.clusters.append(self.numbers.setdefault(cluster, len(self.numbers)))
        self.cases.add(result.case)
        for tag in result.tags:
            self.tags[tag].append(row)
        if result.error:
            self.failed[result.error] += 1
        for place, (name, (above, below)) in enumerate(result.values.items()):
            self.measures[name].extend((row, above, below))
            self.places[name] = max(place, self.places.get(name, 0))

    def figures(self, seed: int, among: NDArray[np.bool_] | None = None, *, peeked: bool) -> dict[str, Interval]:
        """Every measure, of all results or of those ``among`` which it is true. ``peeked``: how many there are follows from what was found of them."""
        every = np.frombuffer(self.clusters, np.int64)
        found = {}
        for name, (columns, rows, figure) in self._columns().items():
            if among is not None:
                kept = among[rows]
                columns, rows = columns[kept], rows[kept]  # noqa: PLW2901 - narrowed
            if _defined(columns, figure):
                found[name] = (
                    _peeked(columns, figure) if peeked else _interval(name, columns, figure, seed, every[rows])
                )
        return found

    def _columns(self) -> dict[str, tuple[Array, NDArray[np.int64], Figure]]:
        found: dict[str, tuple[Array, NDArray[np.int64], Figure]] = {}
        # As the scorers are named, whichever case was done first: a case without a label lacks the measures of some.
        for name in sorted(self.measures, key=lambda each: (self.places[each], each)):
            rows, columns = self.of(name)
            if name != CONFIDENCE:
                found[name] = columns, rows, ratio
        if CONFIDENCE in self.measures:
            rows, columns = self.of(CONFIDENCE)
            kinds = np.isin(rows, self.of("answered")[0])
            found[AUROC] = np.column_stack((kinds.astype(float), columns[:, 0])), rows, area
        return found

    def of(self, measure: str) -> tuple[NDArray[np.int64], Array]:
        """The places of the results that have it, and what they add, shape ``(n, 2)``."""
        numbers = np.frombuffer(self.measures[measure], float) if measure in self.measures else np.empty(0)
        table = numbers.reshape(-1, 3)
        return table[:, 0].astype(np.int64), table[:, 1:]

    def by_row(self, measure: str) -> dict[int, float]:
        rows, columns = self.of(measure)
        return dict(zip(rows.tolist(), columns[:, 0].tolist(), strict=True))


def measured(run: Run, seed: int = 0) -> Report:
    """The report of a run. The same results and the same ``seed`` give the same report, in whichever order they finished.

    Raises as :meth:`~aver.evals.running.file.Run.results`.
    """
    table, peeked = _Table(), bool(run.header.stop_early)
    results: Iterable[Result] = run.results()
    if peeked:  # in the order in which they were taken
        results = sorted(results, key=lambda each: seed_of(run.header.seed, each.case, each.repeat))
    for result in results:
        table.add(result)
    count = len(table.clusters)
    slices = {}
    for tag, rows in sorted(table.tags.items()):
        among = np.zeros(count, bool)
        among[np.frombuffer(rows, np.int64)] = True
        slices[tag] = table.figures(seed, among, peeked=peeked)
    answered, held = table.by_row("answered"), table.by_row("held_back")
    return Report(
        cases=len(table.cases),
        results=count,
        unanswerable=len(held),
        failed=dict(sorted(table.failed.items())),
        overall=table.figures(seed, peeked=peeked),
        slices=slices,
        curve=_curve(table),
        operating=_operating(answered, held, table.by_row(RIGHT_IF_GIVEN)),
        latency={name: _latency(table.of(name)[1][:, 0]) for name in _TIMES if name in table.measures},
        cost_usd=_total(table, "cost_usd", count),
        tokens=_tokens(table),
        clusters=len(table.numbers),
    )


def _interval(name: str, columns: Array, figure: Figure, seed: int, clusters: NDArray[np.int64]) -> Interval:
    n, apart = len(columns), int(np.bincount(clusters).max(initial=0)) <= 1
    if name.endswith(_UNBOUNDED) and n >= LEAST and bool((columns == columns[0]).all()):
        # No share of anything, however it looks.
        value = float(columns[0, 0])
        return Interval(value, value, value, n, "student")
    return interval(columns, figure, seed, None if apart else clusters.tolist())


def _peeked(columns: Array, figure: Figure) -> Interval:
    if figure is ratio:
        return anytime(columns)
    return Interval(float(figure(np.ones((1, len(columns))), columns)[0]), None, None, len(columns), "anytime")


def _defined(columns: Array, figure: Figure) -> bool:
    if not len(columns):
        return False
    return len(np.unique(columns[:, 0])) == 2 if figure is area else bool(columns[:, 1].sum() > 0)


def _curve(table: _Table) -> list[CurvePoint]:
    """Over every result whose confidence is known."""
    right = table.by_row(RIGHT_IF_GIVEN)
    confidence = table.by_row(CONFIDENCE)
    rows = list(confidence)
    return risk_coverage(
        [confidence[row] for row in rows], [bool(right[row]) if row in right else None for row in rows]
    )


def _operating(
    answered: Mapping[int, float], held: Mapping[int, float], right: Mapping[int, float]
) -> Operating | None:
    count = len(answered) + len(held)
    if not count:
        return None
    given = [row for row, yes in answered.items() if yes] + [row for row, back in held.items() if not back]
    risk = 1 - sum(right.get(row, 0.0) for row in given) / len(given) if given else None
    return Operating(len(given) / count, risk, count)


def _latency(values: Array) -> Latency:
    p50, p95 = np.quantile(values, (0.5, 0.95))
    return Latency(round(float(p50), 1), round(float(p95), 1), len(values))


def _total(table: _Table, measure: str, count: int) -> float | None:
    rows, columns = table.of(measure)
    known = count - sum(table.failed.values())
    return float(columns[:, 0].sum()) if len(rows) and len(rows) >= known else None


def _tokens(table: _Table) -> int | None:
    found = [table.of(name)[1] for name in ("input_tokens", "output_tokens") if name in table.measures]
    return int(sum(each[:, 0].sum() for each in found)) if found else None
