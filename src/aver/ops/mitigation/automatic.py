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
    on record, and the rest is done all the same. A storm of alerts asks for no more than its limits let through, and that they do is said once an incident."""
    actor = Actor.fixed(Principal(tenant, SELF, roles=frozenset({"operator"})))
    found: list[Mitigation] = []
    known: dict[str, dict[tuple[str, str], str]] = {}
    for mitigator in mitigators:
        for alert in standing:
            if not alert.incident or not applies(mitigator.when, alert):
                continue
            mine = known.get(alert.incident)
            if mine is None:
                mine = known[alert.incident] = desk.known(alert.incident)
            for each in _for(desk, mitigator, alert, labels, actor, mine):
                mine[each.rule, each.action] = each.status
                found.append(each)
    return found


def _for(
    desk: MitigationDesk,
    mitigator: Mitigator,
    alert: Alert,
    labels: Callable[[Alert], Mapping[str, str]],
    actor: Actor,
    known: Mapping[tuple[str, str], str],
) -> Iterator[Mitigation]:
    about: Mapping[str, str] | None = None
    for action in mitigator.do:
        if (mitigator.name, str(action)) in known and "{" not in str(action):
            continue
        if _is_full(mitigator, known):
            return
        about = labels(alert) if about is None else about
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
            continue  # it is so already, or was tried before
        except AverError:
            continue  # it is on record


def _is_full(mitigator: Mitigator, known: Mapping[tuple[str, str], str]) -> bool:
    """Whether so much was tried or held back for this incident that nothing more is: what is beyond that is said once."""
    tried = [status for (rule, _), status in known.items() if rule == mitigator.name]
    return len(tried) > mitigator.at_most


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
