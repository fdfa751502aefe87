"""What the Evals page shows: labelled sets of the bundle in force, runs and what they measured, two runs beside each other, and the cases that wait for labels. Blocking
reads of the last steps of rare kinds, of files of the bundle, and of run files where they are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.core.errors import AverError
from aver.core.principal import Principal
from aver.evals.datasets.coverage import Covered
from aver.evals.datasets.fields import fields_of
from aver.evals.declaration import Evals
from aver.evals.labelling.queue import Queue, Waiting
from aver.policy.access import allowed
from aver.server.application import Application, TenantServices
from aver.server.console.charts import Mark
from aver.server.console.evals_runs import ComparisonView, RunRow, RunView, comparison, lines, opened, row_of, run_of
from aver.server.console.evals_sets import SetView, sets
from aver.server.console.lines import Line
from aver.server.console.rooms import address
from aver.server.runs import kept_runs

__all__ = ["EvalsView", "evals"]

_RUNS = 50
_DRAWN = 200
"""The last runs that lines are drawn of."""
_WAITING = 50


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A case of the queue. ``mine`` is whether whoever looks has said something of it."""

    case: str
    question: str
    status: str
    labels: int
    mine: bool
    turn: str
    tags: tuple[str, ...]
    link: str


@dataclass(frozen=True, slots=True)
class LabelView:
    """What somebody said of a case."""

    labeller: str
    kind: str
    said: str
    grade: float | None
    settles: bool


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case of the queue, opened. ``labels`` are empty until whoever looks has said something themselves, or there is something to decide."""

    row: WaitingView
    history: tuple[tuple[str, str], ...]
    known: tuple[tuple[str, str], ...]
    labels: tuple[LabelView, ...]
    following: str


@dataclass(frozen=True, slots=True)
class EvalsView:
    """Everything on the page. ``queue`` is ``None`` to those who may not read what others asked."""

    suite: str
    suites: tuple[str, ...]
    sets: tuple[SetView, ...]
    flows: tuple[Covered, ...]
    lines: tuple[Line, ...]
    marks: Mapping[str, tuple[Mark, ...]]
    ends: Mapping[str, tuple[str, str]]
    runs: tuple[RunRow, ...]
    older: str
    opened: RunView | None
    comparison: ComparisonView | None
    queue: tuple[WaitingView, ...] | None
    counts: Mapping[str, int]
    case: CaseView | None
    labellers: int
    problem: AverError | None = None


def evals(
    application: Application,
    services: TenantServices,
    principal: Principal,
    *,
    suite: str = "",
    run: str = "",
    before: str = "",
    after: str = "",
    case: str = "",
    older: int | None = None,
    labellers: int = 2,
    problem: AverError | None = None,
) -> EvalsView:
    """The page at an address. :class:`~aver.core.errors.NotFound` for a run or a case that is not there."""
    kept = kept_runs(application)
    steps = [each for each in services.ledger.latest("evaluated", _DRAWN, older) if each.body is not None]
    rows = [row_of(each, kept) for each in steps]
    mine = [each for each in rows if suite in ("", each.suite)]
    declared = application.bundle().evals or Evals()
    declared_sets, flows = sets(application.bundle().folder, declared, rows)
    queue = Queue(services.store, services.ledger, labellers)
    waiting = queue.latest(_WAITING) if allowed(principal, "triage") else None
    drawn, marks, ends = lines(mine, suite)
    last = steps[-1].seq if steps else 0
    return EvalsView(
        suite=suite,
        suites=tuple(dict.fromkeys([*declared.suites, *(each.suite for each in rows)])),
        sets=declared_sets,
        flows=flows,
        lines=drawn,
        marks=marks,
        ends=ends,
        runs=tuple(mine[:_RUNS]),
        older=address("/evals", suite=suite, older=last) + "#runs" if len(steps) == _DRAWN else "",
        opened=opened(application, run_of(services, run), kept) if run else None,
        comparison=comparison(application, services, before, after, kept) if before and after else None,
        queue=None if waiting is None else tuple(_waiting(each, principal) for each in waiting),
        counts=dict(Counter(each.settled.status for each in waiting or ())),
        case=_case(queue, principal, case, waiting) if case and waiting is not None else None,
        labellers=labellers,
        problem=problem,
    )


def _waiting(each: Waiting, principal: Principal) -> WaitingView:
    case = each.case
    turn = case.metadata.get("turn")
    return WaitingView(
        case.id,
        case.question,
        each.settled.status,
        len(each.labellers),
        principal.user in each.labellers,
        turn if isinstance(turn, str) else "",
        case.tags,
        address("/evals", case=case.id) + "#case",
    )


def _case(queue: Queue, principal: Principal, name: str, waiting: Sequence[Waiting]) -> CaseView:
    found = queue.case(name)
    row = _waiting(found, principal)
    shown = row.mine or found.settled.status != "waiting"
    others = [each.case.id for each in waiting if each.settled.status != "settled"]
    mine = {each.case.id for each in waiting if principal.user in each.labellers}
    following = next((each for each in others if each != name and each not in mine), "")
    said = {key: value for key, value in fields_of(found.case).items() if key not in ("id", "question", "history")}
    return CaseView(
        row,
        tuple((each.role, each.content) for each in found.case.history),
        tuple((key, _words(value)) for key, value in said.items()),
        tuple(
            LabelView(each.labeller, each.kind, _words(dict(each.says)), each.grade, each.settles)
            for each in found.settled.labels
        )
        if shown
        else (),
        address("/evals", case=following) + "#case" if following else "",
    )


def _words(value: Any) -> str:
    """A label's fields, or a case's, as people read them."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_words(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return "yes" if value is True else str(value)
