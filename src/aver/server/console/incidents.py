"""What the Incidents page shows: alerts that stand, objectives with their budgets, incidents; and of one incident all that evidence says. Blocking reads of sums
and rows; of one incident, of the evidence of its time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aver.core.errors import AverError
from aver.core.principal import Principal
from aver.evals.statistics.intervals import wilson
from aver.ops.alerts.desk import is_silenced
from aver.ops.burning import Standing, events
from aver.ops.incidents.corrections import Correction, Proposal
from aver.ops.incidents.desk import figures_of
from aver.ops.incidents.types import Affected, Entry, Figures, Incident
from aver.ops.mitigation.actions import kind_of
from aver.ops.mitigation.types import Mitigation
from aver.ops.runbooks.running import Came, fitting
from aver.ops.trends import Trends, trends
from aver.ops.types import Objective
from aver.policy.access import Permission, allowed
from aver.server.console.charts import Mark, Point
from aver.server.console.lines import Line, day_of, span_of
from aver.server.console.rooms import address
from aver.server.console.rooms import period as named
from aver.server.tenancy import TenantServices

__all__ = ["IncidentView", "IncidentsView", "ObjectiveView", "incident_view", "incidents_view"]

_ROWS = 50
_LINES = 200
_FIRST = 5
"""Things to look at first."""
_FEATURES = "feature:"
_BAD: Mapping[str, Mapping[str, object]] = {
    "availability": {"outcome": "failed"},
    "task_success": {"outcome": "abstained"},
    "groundedness": {"unsupported": 1},
}
"""The turns that are bad for an indicator, as their addresses say it; of the others, all turns of the time."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What kept something from being done."""

    cause: str
    next_step: str


@dataclass(frozen=True, slots=True)
class AlertView:
    rule: str
    severity: str
    said: str
    fired: datetime
    incident: str
    silenced: bool
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BurnView:
    """How many times as fast as it lasts the budget is spent, over a pair of windows in words."""

    words: str
    rate: float
    limit: float
    holds: bool


@dataclass(frozen=True, slots=True)
class ObjectiveView:
    """An objective as it stands, its line over the period, and the address of the turns that are bad for it."""

    name: str
    indicator: str
    feature: str
    target: float
    promised: str
    value: float | None
    left: float | None
    events: float
    reason: str
    burns: tuple[BurnView, ...]
    line: Line
    link: str

    @property
    def state(self) -> str:
        """In a word: ``pass``, ``flag`` where little is left or it burns, ``block`` where nothing is."""
        if self.left is None:
            return "muted"
        if self.left <= 0:
            return "block"
        return "flag" if self.left < 0.25 or any(each.holds for each in self.burns) else "pass"


@dataclass(frozen=True, slots=True)
class IncidentsView:
    """The page of all. ``may`` is whether whoever looks may act."""

    period: str
    since: str
    ends: tuple[str, str]
    counted: datetime | None
    may: bool
    alerts: tuple[AlertView, ...]
    alerts_total: int
    objectives: tuple[ObjectiveView, ...]
    marks: tuple[Mark, ...]
    mitigations: tuple[Mitigation, ...]
    incidents: tuple[Incident, ...]
    total: int
    figures: Figures
    earlier: str
    later: str
    which: str
    turn: str
    """A turn that is to be reported."""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class RunbookView:
    """A runbook for this incident; ``steps`` only of the one that is open."""

    name: str
    title: str
    link: str
    steps: tuple[Came, ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentView:
    """The page of one. ``may`` is whether whoever looks may act on it, ``lacks`` says which permissions they lack for steps of the
    runbook that is open."""

    incident: Incident
    may: bool
    lacks: tuple[str, ...]
    affected: Affected
    interval: tuple[float, float] | None
    entries: tuple[Entry, ...]
    left_out: int
    first: tuple[Entry, ...]
    alerts: tuple[tuple[str, str, str], ...]
    mitigations: tuple[Mitigation, ...]
    runbooks: tuple[RunbookView, ...]
    opened: RunbookView | None
    corrections: tuple[Correction, ...]
    proposed: tuple[Proposal, ...]
    problem: Problem | None = None


def incidents_view(
    services: TenantServices,
    principal: Principal,
    now: datetime,
    *,
    period: str = "",
    which: str = "",
    page: int = 1,
    turn: str = "",
    problem: AverError | None = None,
) -> IncidentsView:
    """The page of all at an address."""
    operations, chosen = services.operations, named(period, "7d")
    found = operations.incidents.incidents(under_way=which == "open")
    alerts, desk = operations.alerts.alerts(), operations.alerts
    silences = desk.silences()
    drawn = trends(services.store, now, chosen.length, ("feature",))
    pages = max(1, -(-len(found) // _ROWS))
    page = min(max(page, 1), pages)

    def to(number: int) -> str:
        return address("/incidents", period=chosen.name, which=which, page=number) if 1 <= number <= pages else ""

    since = span_of(chosen)
    return IncidentsView(
        chosen.name,
        since,
        (day_of(drawn.starts[0]), "now"),
        drawn.counted,
        allowed(principal, "stop"),
        tuple(
            AlertView(
                each.rule, each.severity, each.said, each.fired, each.incident, is_silenced(each, silences), each.labels
            )
            for each in alerts[:_ROWS]
        ),
        len(alerts),
        tuple(_objective(each, drawn, since) for each in operations.standings()),
        tuple(_releases(services, now - chosen.length)),
        tuple(operations.mitigations.mitigations(standing=True)),
        tuple(found[(page - 1) * _ROWS : page * _ROWS]),
        len(found),
        figures_of(found),
        to(page - 1),
        to(page + 1),
        which,
        turn,
        _said(problem),
    )


def incident_view(
    services: TenantServices,
    principal: Principal,
    incident: str,
    *,
    runbook: str = "",
    problem: AverError | None = None,
) -> IncidentView:
    """The page of one at an address. Raises :class:`~aver.core.errors.NotFound` where there is none."""
    operations = services.operations
    report = operations.report(incident)
    found, affected = report.incident, report.affected
    books = _runbooks(services, found, runbook)
    entries = report.timeline.entries
    return IncidentView(
        found,
        allowed(principal, "stop"),
        tuple(_lacking(principal, next((each.steps for each in books if each.steps), ()))),
        affected,
        wilson(affected.count / affected.of, affected.of) if affected.of else None,
        tuple(entries[-_LINES:]),
        max(len(entries) - _LINES, 0),
        tuple([each for each in report.timeline.suspects if each.what != "gate"][:_FIRST]),
        tuple((each.rule, each.severity, each.said) for each in report.alerts[:_ROWS]),
        report.mitigations,
        books,
        next((each for each in books if each.steps), None),
        report.corrections,
        report.proposed,
        _said(problem),
    )


def _runbooks(services: TenantServices, incident: Incident, opened: str) -> tuple[RunbookView, ...]:
    operations = services.operations
    known: Mapping[str, Any] = operations.runbooks()
    fit = list(fitting(known, incident.rule, incident.feature))
    fit += [known[opened]] if opened in known and known[opened] not in fit else []
    chosen = opened or (fit[0].name if fit and incident.rule else "")
    return tuple(
        RunbookView(
            each.name,
            each.title,
            f"{address(f'/incidents/{incident.id}', runbook=each.name)}#runbook",
            tuple(operations.run_of(each.name, incident.id).stands()) if each.name == chosen else (),
        )
        for each in fit
    )


def _lacking(principal: Principal, steps: Sequence[Came]) -> Iterator[str]:
    needed: dict[Permission, list[str]] = {}
    for each in steps:
        if each.step.action is not None:
            permission = kind_of(each.step.action).permission
            needed.setdefault(permission, []).append(str(each.step.number))
    for permission, numbers in needed.items():
        if not allowed(principal, permission):
            several = f"Steps {', '.join(numbers)} take" if len(numbers) > 1 else f"Step {numbers[0]} takes"
            yield f"{several} the permission {permission!r}, which you do not have."


def _objective(found: Standing, drawn: Trends, since: str) -> ObjectiveView:
    objective = found.objective
    series = _FEATURES + objective.feature
    slots = drawn if objective.feature else drawn.together("feature")
    points = []
    for start, sums in slots.each(series):
        counted = events(objective, sums)
        share = max(1 - counted.rate, 0.0) if counted.total else None
        low, high = wilson(share, counted.total) if share is not None else (None, None)
        points.append(Point(start.timestamp(), share, low, high))
    query = {"feature": objective.feature, **_BAD.get(objective.indicator, {}), "since": since}
    link = "/knowledge" if objective.indicator == "freshness" else address("/turns", **query)
    burns = tuple(
        BurnView(
            _windows(each.window.long, each.window.short),
            min(each.rates(objective)),
            each.window.burn,
            each.holds,
        )
        for each in found.burns
    )
    title = f"{objective.name}: {objective.indicator.replace('_', ' ')}"
    line = Line(title, "share", tuple(points), found.events.total, link)
    return ObjectiveView(
        objective.name,
        objective.indicator.replace("_", " "),
        objective.feature,
        objective.target,
        _promised(objective),
        found.value,
        found.left,
        found.events.total,
        found.reason,
        burns,
        line,
        link,
    )


def _promised(objective: Objective) -> str:
    bound = f" within {_length(objective.within)}" if objective.within else ""
    bound = f" for {objective.usd:g} dollars" if objective.usd else bound
    return f"{objective.target * 100:.6g} %{bound}, over {_length(objective.period)}"


def _windows(long: float, short: float) -> str:
    return f"{_length(long)} and {_length(short)}"


def _length(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size and (word != "days" or seconds >= 4 * size):
            return f"{seconds / size:g} {word}"
    return f"{seconds:g} s"


def _releases(services: TenantServices, since: datetime) -> list[Mark]:
    """The releases that came into force."""
    kinds = ("release_promoted", "release_rolled_back")
    steps = [step for kind in kinds for step in services.ledger.of_kind(kind, since)]  # type: ignore[arg-type]
    return [
        Mark(
            step.at.timestamp(),
            f"{'rolled back to' if step.kind == 'release_rolled_back' else 'release'} {str(step.facts.get('release') or '')[:12]}",
            address("/releases", release=step.facts.get("release")),
        )
        for step in steps[-_ROWS:]
    ]


def _said(problem: AverError | None) -> Problem | None:
    return Problem(problem.cause, problem.next_step) if problem is not None else None
