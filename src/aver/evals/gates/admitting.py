"""Why a run cannot pass a gate, whatever its figures are: it is not whole, or its cases are none to decide by."""

from __future__ import annotations

from collections.abc import Iterable

from aver.evals.gates.saying import counted
from aver.evals.gates.sheet import Sheet
from aver.evals.types import Case

__all__ = ["incomparable", "objections"]


def objections(run: Sheet, cases: Iterable[Case] | None, digest: str = "") -> tuple[str, ...]:
    """In sentences. ``cases`` are those of the run's set, gone through once, ``None`` where nobody has them; ``digest`` is the set's as it is now."""
    found = []
    wanted = run.header.cases * run.header.repeats
    if not run.complete or (run.asked != wanted and not run.early):
        found.append(f"the run is not whole: {run.asked:,} of {wanted:,} results are there")
    if not run.rows:
        found.append("there is nothing in it")
    if cases is None:
        return (*found, "its cases are not at hand, so nobody can tell whether people stand behind them")
    if digest and digest != run.header.dataset_digest:
        found.append(f"the set {run.header.dataset} has changed since it was asked")
    asked = drafts = synthetic = 0
    for case in cases:
        if case.id in run.rows:
            asked += 1
            drafts += case.status == "draft"
            synthetic += case.origin == "synthetic"
    if asked < len(run.rows):
        missing = len(run.rows) - asked
        found.append(f"{counted(missing, 'case')} of the run {'is' if missing == 1 else 'are'} not in the set")
    if drafts:
        found.append(f"{counted(drafts, 'case is a draft', 'cases are drafts')} that nobody confirmed")
    if asked and synthetic == asked:
        found.append("all of its cases are synthetic, which never decide alone")
    return tuple(found)


def incomparable(run: Sheet, baseline: Sheet) -> tuple[str, ...]:
    """Why nothing of ``run`` can be held against ``baseline``, in sentences; nothing where it can."""
    found = []
    if not baseline.complete:
        found.append("the baseline's run is not whole")
    if baseline.header.stop_early or run.header.stop_early:
        found.append(
            "a run that may be left early is not compared: how many cases it has follows from what was found of them"
        )
    changed = sorted(
        name for name, digest in run.header.scorers.items() if baseline.header.scorers.get(name, digest) != digest
    )
    if changed:
        found.append(f"the baseline was scored otherwise: {', '.join(changed)} changed since")
    if not any(name in baseline.rows for name in run.rows):
        found.append("the two runs have no case in common")
    return tuple(found)
