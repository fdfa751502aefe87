"""Rollouts and experiments on the Releases page: stages, arms, live intervals, what happened, and how those that are over ended. Blocking reads of the registry's rows,
of rollouts' figures, and of their own steps of evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from aver.core.errors import NotFound, VerificationFailed
from aver.evidence.clear import clear_turns
from aver.releases.rollout.analysis import Analysis, Finding
from aver.releases.rollout.assignment import expected
from aver.releases.rollout.experiments import result
from aver.releases.rollout.measures import MEASURES
from aver.releases.rollout.state import Rollout
from aver.server.application import Application, TenantServices
from aver.server.console.rooms import address
from aver.server.console.whiskers import whisker
from aver.server.rolling import controller, desk

__all__ = ["Named", "Past", "RolloutView", "Rollouts", "called"]

_PAST = 20


@dataclass(frozen=True, slots=True)
class Named:
    """A release by what people call it: its first tag, else the beginning of its digest."""

    digest: str
    words: str
    link: str


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm of a rollout: what it has of the traffic, and how many turns in this stage."""

    name: str
    release: Named
    part: float
    turns: int
    stopped: bool
    link: str


@dataclass(frozen=True, slots=True)
class StageView:
    """A stage of a rollout's plan; ``state`` is ``done``, ``now`` or ``to come``."""

    number: int
    percent: float
    said: str
    state: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """What a metric says of a variant; ``unit`` tells whether a change is in points or percent, or a level."""

    finding: Finding
    unit: str
    reach: float

    def tell(self, value: float | None) -> str:
        """A change, or a level, in words."""
        if value is None:
            return "not known"
        return f"{value:.4g}" if self.unit == "level" else f"{value * 100:+.1f} {self.unit}"

    @property
    def drawn(self) -> Markup:
        """The interval beside no change; empty for a level, which has no such place."""
        found = self.finding
        if found.change is None or found.low is None or found.high is None or self.unit == "level":
            return Markup("")
        tone = {"pass": "pass", "fail": "block"}.get(found.outcome, "undecided")
        said = f"{found.metric}: {self.tell(found.change)}, between {self.tell(found.low)} and {self.tell(found.high)}"
        return whisker(found.change, found.low, found.high, self.reach, said, tone)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a rollout, from evidence."""

    at: str
    kind: str
    stage: int
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A rollout or an experiment as it stands: ``reasons`` say why its verdict is no success, ``result`` what came of an experiment so far."""

    id: str
    kind: str
    environment: str
    status: str
    reason: str
    began: datetime
    changed: datetime
    stages: tuple[StageView, ...]
    arms: tuple[Arm, ...]
    verdict: str
    findings: tuple[FindingView, ...]
    reasons: tuple[str, ...]
    result: str
    events: tuple[Happened, ...]
    going: bool
    paused: bool
    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """A rollout that has ended."""

    id: str
    kind: str
    environment: str
    status: str
    reason: str
    began: datetime
    changed: datetime
    candidates: tuple[Named, ...]


def called(digest: str, tags: Sequence[str]) -> Named:
    """What people call a release with these tags."""
    return Named(digest, tags[0] if tags else digest[:12], f"{address('/releases', release=digest[:16])}#opened")


class Rollouts:
    """Those of some environments; ``named`` tells of a digest what people call it."""

    def __init__(
        self,
        application: Application,
        services: TenantServices,
        environments: Iterable[str],
        named: Callable[[str], Named],
    ) -> None:
        self._services = services
        self._environments = tuple(environments)
        self._named = named
        self._desk = desk(application)
        self._controller = controller(application)

    def going(self) -> Iterable[RolloutView]:
        """What is under way, in each environment."""
        for name in self._environments:
            try:
                kept = self._desk.find(name)
                if kept is not None and not kept.rollout.ended:
                    yield self._rollout(kept.rollout, self._controller.analysis(kept.rollout))
            except (VerificationFailed, NotFound):  # a row that this version cannot read is nobody's to go on with
                continue

    def _rollout(self, rollout: Rollout, analysis: Analysis) -> RolloutView:
        parts = expected(rollout, rollout.stage)
        arms = [("control", rollout.control, 1 - sum(parts.values()), False)]
        arms += [(each.name, each.digest, parts[each.name], each.stopped) for each in rollout.variants]
        return RolloutView(
            rollout.id,
            rollout.kind,
            rollout.environment,
            rollout.status,
            rollout.reason,
            rollout.began,
            rollout.changed,
            tuple(_stages(rollout)),
            tuple(
                Arm(
                    name,
                    self._named(digest),
                    part,
                    analysis.turns.get(name, 0),
                    stopped,
                    address("/turns", release=digest, arm=name),
                )
                for name, digest, part, stopped in arms
            ),
            analysis.verdict,
            tuple(_findings(rollout, self._mine(analysis))),
            analysis.reasons,
            result(rollout, analysis) if rollout.kind == "experiment" else "",
            tuple(self._events(rollout.id)),
            not rollout.ended,
            rollout.status == "paused",
            tuple(each.name for each in rollout.variants if not each.stopped),
        )

    def _mine(self, analysis: Analysis) -> list[Finding]:
        """The findings, with those of the turns that are this tenant's: figures are of all tenants, and whose turns weighed most is nobody else's to know."""
        known = clear_turns(self._services.store, (turn for each in analysis.findings for turn in each.turns))
        return [replace(each, turns=tuple(turn for turn in each.turns if turn in known)) for each in analysis.findings]

    def _events(self, rollout: str) -> Iterable[Happened]:
        """What this tenant's evidence has of it, newest first."""
        for step in self._services.ledger.turns([rollout]).get(rollout, ())[::-1][:_PAST]:
            body, stage = step.body or {}, int(step.facts.get("stage", 0))
            words = (str(body.get("at", "")), str(step.facts.get("event", "")))
            yield Happened(*words, stage + 1, str(body.get("reason", "")), str(body.get("by", "")))

    def past(self) -> list[Past]:
        """Those that have ended, newest first."""
        found = [
            Past(
                each.id,
                each.kind,
                name,
                each.status,
                each.reason,
                each.began,
                each.changed,
                tuple(self._named(variant.digest) for variant in each.variants),
            )
            for name in self._environments
            for each in self._desk.past(name)[-_PAST:]
        ]
        return sorted(found, key=lambda each: each.changed, reverse=True)[:_PAST]


def _stages(rollout: Rollout) -> Iterable[StageView]:
    for number, stage in enumerate(rollout.plan.stages):
        state = "done" if number < rollout.stage else "now" if number == rollout.stage else "to come"
        whom = [*stage.groups, *stage.users, *stage.tenants]
        said = f"{stage.percent:g} % of {', '.join(whom)}" if whom else f"{stage.percent:g} %"
        yield StageView(number + 1, stage.percent, said, state)


def _findings(rollout: Rollout, findings: Sequence[Finding]) -> Iterable[FindingView]:
    levels = {each.metric for each in rollout.plan.metrics if not each.compares}
    for found in findings:
        unit = "level" if found.metric in levels else "points" if MEASURES[found.metric].scale == "share" else "%"
        ends = [abs(each) for each in (found.low, found.high, found.change) if each is not None]
        yield FindingView(found, unit, max(ends, default=0.0) * 1.1)
