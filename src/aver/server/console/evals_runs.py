"""Runs on the Evals page: as their steps of evidence have them, with their cases where their files are kept, and two beside each other. Blocking reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aver.core.errors import AverError, NotFound
from aver.evals.gates.comparing import Change, Flip, compare
from aver.evals.gates.saying import amount, change_between, moved
from aver.evals.gates.sheet import Sheet, sheet_of, shown_value
from aver.evals.gates.types import fewer_is_better, unbounded
from aver.evals.running.file import Run
from aver.evidence import Step
from aver.server.application import Application, TenantServices
from aver.server.console.charts import Mark, Point
from aver.server.console.lines import Line
from aver.server.console.rooms import address
from aver.server.runs import kept_run

__all__ = ["ComparisonView", "RunRow", "RunView", "comparison", "lines", "opened", "row_of", "run_of"]

_LINES = 8
_CASES = 50
_SLICES = 40
_LARGEST = 32 * 2**20
"""Bytes of a run's file that are gone through for a page."""
_LEADING = (
    "right_of_answered",
    "task_success",
    "exact",
    "gold_in_citations",
    "groundedness",
    "answered",
    "attack_success",
    "ndcg@10",
)
"""What a run is first known by, as :mod:`aver.evals.gates.comparing` has it."""

Ends = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of a run, or of a slice of it, with its interval and its sample."""

    measure: str
    ends: Ends
    n: int

    @property
    def told(self) -> str:
        return "" if self.ends[0] is None else amount(self.measure, self.ends[0])

    @property
    def between(self) -> str:
        _, low, high = self.ends
        return "" if low is None or high is None else f"{amount(self.measure, low)} to {amount(self.measure, high)}"


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as its step of evidence has it. ``kept`` is whether its file is here, with every case in it."""

    turn: str
    at: datetime
    suite: str
    dataset: str
    version: str
    target: str
    release: str
    cases: int
    failed: int
    whole: bool
    early: str
    leading: Figure | None
    kept: bool
    link: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case of a run that came out badly: its figure of the leading measure, and errors it ended with."""

    case: str
    value: str
    tags: tuple[str, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunView:
    """A run, opened. ``cases`` are ``None`` where its file is not kept, or is too large for a page; ``why`` says which."""

    row: RunRow
    figures: tuple[Figure, ...]
    slices: tuple[tuple[str, tuple[Figure, ...]], ...]
    slices_more: int
    measure: str
    cases: tuple[CaseRow, ...] | None
    bad: int
    why: str
    file: str


@dataclass(frozen=True, slots=True)
class Beside:
    """One measure of two runs. ``verdict`` is empty where only figures are known, and not which cases moved."""

    measure: str
    before: str
    after: str
    change: str
    between: str
    verdict: str
    better: int
    worse: int


@dataclass(frozen=True, slots=True)
class FlipView:
    """A case that moved from one run to the other."""

    case: str
    before: str
    after: str
    way: str


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """Two runs beside each other; ``why`` says what keeps the cases from being told."""

    before: RunRow
    after: RunRow
    rows: tuple[Beside, ...]
    measure: str
    flips: tuple[FlipView, ...]
    flips_more: int
    shared: int
    doubts: tuple[str, ...]
    why: str


def run_of(services: TenantServices, turn: str) -> Step:
    """The step of a run. Raises :class:`~aver.core.errors.NotFound` where this tenant's evidence has none."""
    steps = services.ledger.turns([turn]).get(turn, ()) if turn.isprintable() else ()
    for step in steps:
        if step.kind == "evaluated" and step.body is not None:
            return step
    raise NotFound("There is no such run on record", "Go to Evals, and choose one.")


def row_of(step: Step, kept: Mapping[str, Path]) -> RunRow:
    """A run as its step ``evaluated`` has it; ``kept`` are files by the digests of their runs."""
    facts, body = step.facts, step.body or {}
    figures = _figures(body)
    return RunRow(
        step.turn,
        step.at,
        str(body.get("suite") or facts.get("suite") or "unnamed"),
        str(body.get("dataset") or facts.get("suite") or ""),
        str(facts.get("dataset", ""))[:12],
        str(body.get("target", "")),
        str(facts.get("release") or ""),
        int(facts.get("questions", 0)),
        int(facts.get("failed", 0)),
        bool(facts.get("complete", True)),
        str(body.get("stopped_early") or ""),
        _leading(figures),
        str(facts.get("run", "")) in kept,
        address("/evals", run=step.turn) + "#run",
    )


def _figures(body: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Of a run, or of a red-team campaign, whose step names its two figures."""
    overall = body.get("overall")
    if not isinstance(overall, Mapping):
        overall = {name: body.get(name) for name in ("attack_success", "false_refusals")}
    return tuple(_figure(name, each) for name, each in overall.items() if each is not None)


def _figure(name: str, found: Mapping[str, Any]) -> Figure:
    return Figure(str(name), (found.get("value"), found.get("low"), found.get("high")), int(found.get("n", 0)))


def _leading(figures: Sequence[Figure]) -> Figure | None:
    known = {each.measure: each for each in figures}
    bounded = [each for each in figures if not unbounded(each.measure)]
    return next((known[name] for name in _LEADING if name in known), bounded[0] if bounded else None)


def lines(
    rows: Sequence[RunRow], wanted: str
) -> tuple[tuple[Line, ...], dict[str, tuple[Mark, ...]], dict[str, tuple[str, str]]]:
    """The leading measure of each suite and target over time, where there are two runs at least; releases that changed are marked."""
    found: dict[tuple[str, str, str], list[RunRow]] = {}
    for row in reversed(rows):
        if row.leading is not None and not unbounded(row.leading.measure):
            found.setdefault((row.suite, row.target, row.leading.measure), []).append(row)
    drawn, marks, ends = [], {}, {}
    for (suite, target, measure), several in found.items():
        if len(several) < 2:
            continue
        title = f"{suite}: {measure.replace('_', ' ')}" + (f" of {target}" if wanted else "")
        title = title if title not in marks else f"{title} of {target}"
        points = (Point(each.at.timestamp(), *each.leading.ends) for each in several if each.leading is not None)
        drawn.append(Line(title, "share", tuple(points), len(several), address("/evals", suite=suite)))
        marks[title] = tuple(_changed(several))
        ends[title] = (f"{several[0].at:%-d %b}", f"{several[-1].at:%-d %b}")
    return tuple(drawn[:_LINES]), marks, ends


def _changed(rows: Sequence[RunRow]) -> Iterable[Mark]:
    release = rows[0].release
    for row in rows[1:]:
        if row.release and row.release != release:
            link = f"{address('/releases', release=row.release[:16])}#opened"
            yield Mark(row.at.timestamp(), f"release {row.release[:12]}", link)
        release = row.release


def opened(application: Application, step: Step, kept: Mapping[str, Path]) -> RunView:
    """A run with its figures, and the cases that came out badly where its file is kept."""
    body = step.body or {}
    row, figures = row_of(step, kept), _figures(body)
    sliced = body.get("slices") or {f"{kind}": some for kind, some in body.get("by", {}).get("category", {}).items()}
    slices = [(str(tag), _slice(some)) for tag, some in sliced.items()]
    measure = row.leading.measure if row.leading else ""
    run, why = _file(application, str(step.facts.get("run", "")))
    cases, bad = _bad(sheet_of(run), measure) if run is not None else (None, 0)
    file = "" if run is None else run.path.name
    more = max(0, len(slices) - _SLICES)
    return RunView(row, figures, tuple(slices[:_SLICES]), more, measure, cases, bad, why, file)


def _slice(some: Mapping[str, Any]) -> tuple[Figure, ...]:
    """A slice's figures; of a red-team campaign its one interval."""
    if "value" in some:
        return (_figure("attack_success", some),)
    return tuple(_figure(name, each) for name, each in some.items() if each is not None)


def _file(application: Application, digest: str) -> tuple[Run | None, str]:
    """The run's file, or why it is not opened."""
    run = kept_run(application, digest)
    if run is None:
        return None, (
            "Its file is not kept here: single cases are told of runs in evals/runs of the bundle, or of the data directory."
        )
    if run.path.stat().st_size > _LARGEST:
        return None, f"Its file is too large for a page: aver eval report {run.path.name} --html report.html"
    return run, ""


def _bad(sheet: Sheet, measure: str) -> tuple[tuple[CaseRow, ...], int]:
    """Cases that ended with an error, or whose figure is not the best there is, the worst first."""
    less = fewer_is_better(measure)
    found: list[tuple[float, CaseRow]] = []
    for name, row in sheet.rows.items():
        value = shown_value(row, measure) if measure else None
        goodness = 0.0 if value is None else (1 - value if less else value)
        if row.errors or (value is not None and goodness < 1 - 1e-9):
            told = "" if value is None else amount(measure, value)
            found.append((-1.0 if row.errors else goodness, CaseRow(name, told, row.tags[:6], row.errors)))
    found.sort(key=lambda each: (each[0], each[1].case))
    return tuple(case for _, case in found[:_CASES]), len(found)


def comparison(
    application: Application, services: TenantServices, before: str, after: str, kept: Mapping[str, Path]
) -> ComparisonView:
    """Two runs by their steps' turns: which cases moved where both files are kept, else figures alone."""
    steps = [run_of(services, turn) for turn in (before, after)]
    rows = [row_of(each, kept) for each in steps]
    files = [_file(application, str(each.facts.get("run", ""))) for each in steps]
    why = next((said for _, said in files if said), "")
    runs = [run for run, _ in files if run is not None]
    if len(runs) == 2:
        try:
            found = compare(sheet_of(runs[0]), sheet_of(runs[1]))
        except AverError as error:
            why = f"{error.cause}."
        else:
            changes = tuple(_beside(name, each) for name, each in found.changes.items())
            flips = tuple(_flip(each) for each in found.flips[:_CASES])
            more = max(0, len(found.flips) - _CASES)
            return ComparisonView(rows[0], rows[1], changes, found.leading, flips, more, found.shared, found.doubts, "")
    figures = [{each.measure: each for each in _figures(step.body or {})} for step in steps]
    told = tuple(_two(figures[0][name], figures[1][name]) for name in figures[0] if name in figures[1])
    return ComparisonView(rows[0], rows[1], told, "", (), 0, 0, (), why)


def _beside(name: str, each: Change) -> Beside:
    found = each.difference
    sides = (amount(name, found.before), amount(name, found.after), moved(name, found.value))
    return Beside(name, *sides, change_between(name, found.low, found.high), found.verdict, each.better, each.worse)


def _two(before: Figure, after: Figure) -> Beside:
    value = (after.ends[0] or 0.0) - (before.ends[0] or 0.0)
    said = moved(before.measure, value) if None not in (before.ends[0], after.ends[0]) else ""
    return Beside(before.measure, before.told, after.told, said, "", "", 0, 0)


def _flip(flip: Flip) -> FlipView:
    return FlipView(flip.case, amount(flip.measure, flip.before), amount(flip.measure, flip.after), flip.way)
