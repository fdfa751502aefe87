"""What is done of itself while an alert stands, as far as the bundle allows: once an incident, within its limits, and never where it would make something worse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase

from aver.core.errors import AverError, Conflict, InvalidInput
from aver.core.principal import Principal
from aver.ops.alerts.types import Alert
from aver.ops.mitigation.actions import filled
from aver.ops.mitigation.desk import MitigationDesk
from aver.ops.mitigation.types import RULE, Action, Actor, Mitigation, Mitigator, When
from aver.ops.types import Departure

__all__ = ["SELF", "applies", "mitigate", "standing_departures"]

SELF = "aver-mitigation"
"""As whom it acts: an operator of the tenant, and nothing more."""
_DAY = timedelta(days=1)


def applies(when: When, alert: Alert) -> bool:
    """Whether an alert is one that something is done about."""
    feature = alert.labels.get("feature", "")
    matched = fnmatchcase(alert.rule, when.rule) and fnmatchcase(feature, when.feature)
    return matched and (not when.severity or alert.severity in when.severity) and not alert.rule.startswith(RULE)


def mitigate(
    desk: MitigationDesk,
    mitigators: Sequence[Mitigator],
    standing: Sequence[Alert],
    labels: Callable[[Alert], Mapping[str, str]],
    tenant: str,
) -> list[Mitigation]:
    """Do what is to be done about the alerts that stand and have an incident; what was done now. ``labels`` says what an alert is about. What cannot be done is
    on record, and the rest is done all the same."""
    actor = Actor.fixed(Principal(tenant, SELF, roles=frozenset({"operator"})))
    found: list[Mitigation] = []
    for mitigator in mitigators:
        for alert in standing:
            if alert.incident and applies(mitigator.when, alert):
                found += _for(desk, mitigator, alert, labels, actor)
    return found


def _for(
    desk: MitigationDesk,
    mitigator: Mitigator,
    alert: Alert,
    labels: Callable[[Alert], Mapping[str, str]],
    actor: Actor,
) -> Iterator[Mitigation]:
    known, about = desk.known(alert.incident), labels(alert)
    for action in mitigator.do:
        try:
            ready = filled(action, about)
        except InvalidInput as error:
            ready, why = action, error.cause
        else:
            why = _held(desk, mitigator, ready)
        if (mitigator.name, str(ready)) in known:
            continue
        try:
            if why:
                yield desk.hold(ready, rule=mitigator.name, incident=alert.incident, why=why)
                continue
            reason = f"{mitigator.name}: {alert.said}"[:500]
            yield desk.take(ready, actor, reason=reason, incident=alert.incident, rule=mitigator.name)
        except Conflict:
            continue  # another process was first, or it is so already
        except AverError:
            continue  # it is on record


def _held(desk: MitigationDesk, mitigator: Mitigator, action: Action) -> str:
    """Why it is not to be done now: the limits that the bundle sets."""
    done = desk.lately(mitigator.name, _DAY)
    if len(done) >= mitigator.at_most:
        return f"{mitigator.name} may do {mitigator.at_most} things a day, and did"
    cool = timedelta(seconds=mitigator.cool_down)
    if any(each.action == str(action) for each in desk.lately(mitigator.name, cool)):
        return f"it was done less than {mitigator.cool_down / 60:g} minutes ago, and did not last"
    return ""


def standing_departures(standing: Sequence[Mitigation]) -> list[Departure]:
    """What is in force that was done of itself, each a departure from what is declared: told on the routes, and standing until it is undone."""
    return [
        Departure(
            f"{RULE}{each.rule}",
            "ticket",
            (("mitigation", each.id),),
            f"done of itself: {each.action}. Take it back: aver mitigation undo {each.id}",
            each.begun,
        )
        for each in standing
        if each.rule
    ]
