"""One pass over the evidence of an incident's time: which turns departed, whose they were, and what was changed meanwhile."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aver.core.clock import rfc3339
from aver.evidence.clear import ClearStep, clear_steps, clear_turns, place_of
from aver.ops.alerts.types import Alert
from aver.ops.incidents.types import Affected, Incident
from aver.ops.measuring import ENDS, is_alone, is_bad, turn_sums
from aver.ops.signals import SIGNALS
from aver.ops.sums import Sums
from aver.ops.types import Objective
from aver.store import TenantStore

__all__ = ["CHANGES", "Passed", "departs", "pass_over"]

CHANGES = frozenset(
    {
        "release_promoted", "release_rolled_back", "staged", "switched", "source_declared", "source_removed",
        "ingested", "deleted", "indexed", "key_created", "key_revoked", "gated", "alerted", "incident", "mitigated",
    }
)  # fmt: skip
"""The kinds of step that say that something was changed, or what was seen and done of it."""
_BEFORE = timedelta(hours=1)
"""How far before its beginning the cause of an incident is looked for."""
_STEPS = 20_000
_MOST_TURNS = 200
_MOST_CHANGES = 2000

Departs = Callable[[Sums], bool]


@dataclass(slots=True)
class Passed:
    """What was found on the way."""

    affected: Affected
    changes: list[ClearStep] = field(default_factory=list)
    minutes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By minute (RFC 3339, cut), how many turns departed and how many there were."""
    providers: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    """How many calls each provider answered before it began, and since."""


def departs(rule: str, objectives: Mapping[str, Objective], alerts: Sequence[Alert], times: float = 2.0) -> Departs:
    """Whether a turn is one of those that an alert is about. What no rule tells, a turn that was not successful, not safe or not supported is."""
    kind, _, name = rule.partition(":")
    if kind == "burn" and name in objectives:
        objective = objectives[name]
        return lambda sums: is_bad(objective, sums)
    signal = SIGNALS.get(name) if kind == "anomaly" else None
    if signal is not None and signal.kind == "share" and signal.series == ("feature",):
        bad = signal.bad
        return lambda sums: sums.get(bad, 0) > 0
    usual = next((each.figures["usual"] for each in alerts if each.rule == rule and "usual" in each.figures), 0.0)
    if signal is not None and signal.kind == "level" and usual > 0:
        edge, log = math.log(usual * times), f"{signal.bad}.log"
        return lambda sums: sums.get(log, -math.inf) >= edge
    return lambda sums: any(sums.get(each, 0) > 0 for each in ("failed", "unsuccessful", "unsafe", "unsupported"))


def pass_over(store: TenantStore, incident: Incident, until: datetime, bad: Departs) -> Passed:
    """Look at everything from an hour before ``incident`` began until ``until``."""
    began, end = rfc3339(incident.began), rfc3339(until)
    turns: list[str] = []
    people: set[str] = set()
    features: Counter[str] = Counter()
    count = of = 0
    found = Passed(Affected((), 0, 0, 0, {}))
    for step, steps in _steps(store, incident.began - _BEFORE, end):
        if step.kind in CHANGES and len(found.changes) < _MOST_CHANGES:
            found.changes.append(step)
        if step.kind == "called" and isinstance(provider := step.facts.get("provider"), str):
            found.providers[step.at >= began][provider] += 1
        if not steps or step.at < began:
            continue
        feature, sums = turn_sums(steps)
        if not sums or incident.feature not in ("", feature):
            continue
        of += 1
        departed = bad(sums)
        minute = step.at[:16]
        before = found.minutes.get(minute, (0, 0))
        found.minutes[minute] = (before[0] + departed, before[1] + 1)
        if departed:
            count += 1
            features[feature] += 1
            people.add(step.subject)
            if len(turns) < _MOST_TURNS:
                turns.append(step.turn)
    found.affected = Affected(tuple(turns), count, of, len(people), dict(features))
    return found


def _steps(store: TenantStore, since: datetime, end: str) -> Iterator[tuple[ClearStep, Sequence[ClearStep]]]:
    """Each step, with all steps of its turn where that ends with it."""
    cursor = place_of(store, since)
    while batch := clear_steps(store, cursor, _STEPS):
        cursor = batch[-1].seq
        ending = [step.turn for step in batch if step.kind in ENDS]
        whole = clear_turns(store, ending)
        for step in batch:
            if step.at > end:
                return
            yield step, [step] if is_alone(step) else whole.get(step.turn, ()) if step.kind in ENDS else ()
