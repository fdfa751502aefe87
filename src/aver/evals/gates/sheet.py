"""A run as figures are made from it: a row a case, its repeats taken together."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aver.evals.gates.types import EACH
from aver.evals.running.file import Run
from aver.evals.running.service import seed_of
from aver.evals.statistics.intervals import Array
from aver.evals.types import Result, RunHeader, Values

__all__ = ["Row", "Sheet", "columns", "measures", "sheet_of", "shown_value", "slices"]


_WHOLE = {pair: pair for pair in ((0.0, 1.0), (1.0, 1.0))}
"""What most cases have of most measures."""


@dataclass(slots=True)
class Row:
    """One case. ``values`` as in :data:`~aver.evals.types.Values`, a mean over the repeats that were scored."""

    values: dict[str, tuple[float, float]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    cluster: str = ""
    asked: int = 0
    errors: tuple[str, ...] = ()
    """The slugs of the repeats that ended with one."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole run, in memory; rows by the case's id, in the order in which they finished."""

    header: RunHeader
    complete: bool
    rows: Mapping[str, Row]
    early: str = ""
    """Why the rest of the cases did not have to be asked, where it was left."""

    @property
    def asked(self) -> int:
        """Results there are: cases times repeats, once it is whole."""
        return sum(row.asked for row in self.rows.values())

    @property
    def errors(self) -> int:
        return sum(len(row.errors) for row in self.rows.values())


def sheet_of(run: Run) -> Sheet:
    """Reads the run's results once. Memory is by case and measure, what many cases have in common once; responses are let go.

    Raises as :meth:`~aver.evals.running.file.Run.results`.
    """
    sums: dict[str, Row] = {}
    repeated: dict[str, dict[str, int]] = {}
    common: dict[Any, Any] = {}
    for result in run.results():
        row = sums.get(result.case)
        if row is None:
            tags, cluster = common.setdefault(result.tags, result.tags), sys.intern(result.cluster)
            sums[result.case] = row = Row(_shared(result.values), tags, cluster)
        else:
            _add(row, repeated.setdefault(result.case, dict.fromkeys(row.values, 1)), result)
        row.asked += 1
        if result.error:
            row.errors = (*row.errors, result.error)
    for case, counts in repeated.items():
        row = sums[case]
        row.values = {name: (above / counts[name], below / counts[name]) for name, (above, below) in row.values.items()}
    if run.header.stop_early:  # in the order in which they were taken
        sums = {name: sums[name] for name in sorted(sums, key=lambda each: seed_of(run.header.seed, each, 0))}
    return Sheet(run.header, run.complete, sums, run.early)


def _shared(values: Values) -> dict[str, tuple[float, float]]:
    return {sys.intern(name): _WHOLE.get(pair, pair) for name, pair in values.items()}


def _add(row: Row, counts: dict[str, int], result: Result) -> None:
    for name, (above, below) in result.values.items():
        old = row.values.get(name, (0.0, 0.0))
        row.values[name] = old[0] + above, old[1] + below
        counts[name] = counts.get(name, 0) + 1


def measures(rows: Iterable[Row]) -> list[str]:
    """Those that some case has a value of, in the order they first come."""
    return list(dict.fromkeys(name for row in rows for name, (_, below) in row.values.items() if below))


def slices(sheet: Sheet, measure: str = "") -> list[str]:
    """Every tag, sorted; with ``measure``, those of cases that have it."""
    rows = sheet.rows.values()
    return sorted({tag for row in rows if not measure or shown_value(row, measure) is not None for tag in row.tags})


def columns(sheet: Sheet, measure: str, tag: str = "", among: Iterable[str] | None = None) -> tuple[list[str], Array]:
    """The cases that have the measure, and of each what it adds above and below: shape ``(n, 2)``, with a third column that numbers their
    clusters. ``tag`` keeps a slice, ``among`` certain cases in their order."""
    names, values, numbers = [], [], dict[str, int]()
    for name, row in _picked(sheet, tag, among):
        above, below = row.values.get(measure, (0.0, 0.0))
        if below:
            names.append(name)
            values.append((above, below, numbers.setdefault(row.cluster or f"\0{name}", len(numbers))))
    return names, np.array(values, float).reshape(len(values), 3)


def _picked(sheet: Sheet, tag: str, among: Iterable[str] | None) -> Iterator[tuple[str, Row]]:
    for name in sheet.rows if among is None else among:
        row = sheet.rows[name]
        if not tag or tag == EACH or tag in row.tags:
            yield name, row


def shown_value(row: Row, measure: str) -> float | None:
    """The case's own figure; ``None`` where it has none."""
    above, below = row.values.get(measure, (0.0, 0.0))
    return above / below if below else None
