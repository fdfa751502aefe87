"""How far those who labelled the same cases agree: on what kind of case it is, and on how good an answer was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aver.evals.labelling.labels import Label
from aver.evals.statistics.agreement import Level, alpha, codes, kappa, percent
from aver.evals.statistics.intervals import Interval

__all__ = ["Agreement", "Labeller", "agreement", "labellers"]

SUBSTANTIAL = 0.667
"""Krippendorff's alpha below which he advises against drawing conclusions ("Content analysis", 2004, page 241)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """On one thing that labels say. ``items`` are cases that two labelled at least. Of all three figures nothing is known where everybody says the same of
    everything; ``kappa`` is of two labellers alone."""

    on: Literal["kind", "grade"]
    level: Level
    items: int
    labellers: int
    percent: Interval | None
    alpha: Interval | None
    kappa: Interval | None

    @property
    def is_enough(self) -> bool:
        """Whether conclusions can be drawn from such labels."""
        return self.alpha is not None and self.alpha.value >= SUBSTANTIAL


@dataclass(frozen=True, slots=True)
class Labeller:
    """``agrees`` is the share of the cases that others labelled too in which most of them said the same; ``None`` where there is none."""

    name: str
    cases: int
    agrees: float | None


def agreement(labels: Iterable[Label], seed: int = 0) -> list[Agreement]:
    """On the kind of case, nominal; and on the grade, where any is given, as an interval."""
    last = {(label.case, label.labeller): label for label in labels}
    found = [_of("kind", "nominal", {key: label.kind for key, label in last.items() if label.says}, seed)]
    grades = {key: label.grade for key, label in last.items() if label.grade is not None}
    if grades:
        found.append(_of("grade", "interval", grades, seed))
    return found


def labellers(labels: Iterable[Label]) -> list[Labeller]:
    """Everybody who labelled, by name: who stands apart needs the guideline explained, or knows better."""
    last = {(label.case, label.labeller): label for label in labels if label.says}
    by_case: dict[str, dict[str, str]] = {}
    for (case, name), label in last.items():
        by_case.setdefault(case, {})[name] = label.kind
    found = []
    for name in sorted({name for _, name in last}):
        same = []
        for said in by_case.values():
            others = Counter(kind for other, kind in said.items() if other != name)
            if name in said and others:
                most = max(others.values())
                same.append(said[name] in {kind for kind, times in others.items() if times == most})
        cases = sum(name in said for said in by_case.values())
        found.append(Labeller(name, cases, sum(same) / len(same) if same else None))
    return found


def _of(
    on: Literal["kind", "grade"],
    level: Level,
    said: Mapping[tuple[str, str], str | float],
    seed: int,
) -> Agreement:
    names = sorted({name for _, name in said})
    cases = sorted({case for case, _ in said})
    rows: Sequence[Sequence[str | float | None]] = [[said.get((case, name)) for name in names] for case in cases]
    rows = [row for row in rows if sum(each is not None for each in row) > 1]
    if not rows:
        return Agreement(on, level, 0, len(names), None, None, None)
    ratings = codes(rows)
    two = len(names) == 2
    return Agreement(
        on,
        level,
        len(rows),
        len(names),
        percent(ratings, seed),
        alpha(ratings, level, seed),
        kappa(ratings, "none" if level == "nominal" else "quadratic", seed) if two else None,
    )
