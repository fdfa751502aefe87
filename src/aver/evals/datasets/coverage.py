"""Which critical flows have how many cases, and of what kind they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aver.evals.datasets.declaration import Flow
from aver.evals.types import Case

__all__ = ["Covered", "cover", "only_synthetic"]


@dataclass(frozen=True, slots=True)
class Covered:
    """``counted`` cases count: confirmed, and not made by rule or model. ``wanted`` is ``None`` for a flow that cases name and nobody declared."""

    flow: str
    wanted: int | None
    counted: int
    drafts: int
    synthetic: int

    @property
    def is_enough(self) -> bool:
        return self.wanted is not None and self.counted >= self.wanted


def cover(flows: Mapping[str, Flow], suites: Mapping[str, Iterable[Case]]) -> list[Covered]:
    """Each declared flow in its order, then those that cases name and nobody declared. A case counts once, whatever suites it is in; the cases of
    each suite are gone through once, and only counts are kept of them."""
    found: dict[str, Counter[str]] = {name: Counter() for name in flows}
    seen: set[tuple[str, str]] = set()
    for suite, cases in suites.items():
        for case in cases:
            named = flows.get(case.flow)
            if not case.flow or (case.flow, case.id) in seen or (named and named.suites and suite not in named.suites):
                continue
            seen.add((case.flow, case.id))
            kind = "drafts" if case.status == "draft" else "synthetic" if case.origin == "synthetic" else "counted"
            found.setdefault(case.flow, Counter())[kind] += 1
    return [
        Covered(
            name, flows[name].at_least if name in flows else None, each["counted"], each["drafts"], each["synthetic"]
        )
        for name, each in found.items()
    ]


def only_synthetic(cases: Iterable[Case]) -> bool:
    """Whether there are cases and all of them are synthetic: such a set says what changed, and never alone whether something may be released."""
    origins = {case.origin for case in cases}
    return origins == {"synthetic"}
