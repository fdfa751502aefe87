"""The section ``objectives`` of ``aver.yaml``, said once: reader, writer and schema follow it.

::

    objectives:
      slos:
        up: {indicator: availability, target: 0.999}
        quick: {indicator: latency, within: 3s, target: 0.95, feature: assistant}
        true: {indicator: groundedness, target: 0.95, period: 7d}
        fresh: {indicator: freshness, within: 1h, target: 0.99}
        frugal: {indicator: cost, usd: 0.02, target: 0.95}
      anomalies: {times: 2, leave_out: [refusals]}
      routes:
        on-call: {to: pagerduty, key: env:PAGERDUTY_KEY, severity: [page]}
        team: {to: slack, url: env:SLACK_URL, severity: [page, ticket, notice], group: [feature]}
      incidents: [page]
      mitigations:
        outage: {when: {rule: "anomaly:model_failures"}, do: ["shut_out_provider provider={provider}"]}
        spending: {when: {rule: "anomaly:spending"}, do: ['limit key={key} to="0 usd/hour"'], at_most: 2, cool_down: 1h}
"""

from __future__ import annotations

from typing import Any, get_args

from aver.core.errors import InvalidInput, SettingsError
from aver.core.yaml import YamlValue, nearest
from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import (
    Boolean,
    Choice,
    Field,
    ListOf,
    MapOf,
    Number,
    Record,
    Schema,
    Text,
    Whole,
    keyed,
)
from aver.gateway.config.words import CREDENTIAL, NAME, NAMES, parts, record
from aver.ops.mitigation.actions import kind_of, read_action
from aver.ops.mitigation.types import Action, Mitigator, When
from aver.ops.signals import SIGNALS
from aver.ops.types import Anomalies, Indicator, Objective, ObjectivesConfig, Route, RouteKind, Severity

__all__ = ["OBJECTIVES", "read_objectives"]

_DAY = 86_400.0
_LONGEST = 92 * _DAY
_NAME = Text(r"^[a-z][a-z0-9_-]{0,59}$", "a name of a-z, 0-9, - and _", "Shorten or correct this name.")
_DURATION = Duration()
_SEVERITIES = ListOf(Choice("severity", get_args(Severity)), least=1)
_THRESHOLDS = {"latency": "within", "freshness": "within", "cost": "usd"}
_NEEDS: dict[str, tuple[str, ...]] = {
    "webhook": ("url",),
    "slack": ("url",),
    "teams": ("url",),
    "pagerduty": ("key",),
    "email": ("smtp", "sender", "recipients"),
}
_MAY: dict[str, tuple[str, ...]] = {
    "webhook": ("secret",),
    "slack": (),
    "teams": (),
    "pagerduty": ("url",),
    "email": ("tls", "user", "password"),
}
_LABELS = ("rule", "severity", "feature", "model", "key", "tool", "source", "objective")

_OBJECTIVE = record(
    Objective,
    indicator=Field(Choice("indicator", get_args(Indicator)), "What is measured.", required=True),
    target=Field(Number(0, 1, above=True, below=True), "The part of events that has to be good.", required=True),
    within=Field(Duration(above=True), "Up to which time an answer is fast, or a source fresh."),
    usd=Field(Number(0, 1e6, above=True), "Up to which cost a turn is cheap."),
    feature=Field(NAME, "Of which feature; of all together, if left out."),
    period=Field(_DURATION, "Over how long; 30 days, if left out."),
    samples=Field(Whole(1), "How many events an alert needs at least."),
)


def _anomalies(**given: Any) -> Anomalies:
    return Anomalies(**given)


_ANOMALIES = record(
    _anomalies,
    watch=Field(Boolean(), "Whether anything is watched."),
    leave_out=Field(ListOf(Choice("signal", tuple(SIGNALS))), "Signals that are not watched."),
    times=Field(Number(1.2, 100), "How many times the usual something is at least."),
)


def _route(to: str, **given: Any) -> Route:
    return Route(kind=to, **given)  # type: ignore[arg-type]  # one of the words of its Choice


def _parts_of_route(route: Route) -> dict[str, Any]:
    return {("to" if name == "kind" else name): value for name, value in parts(route).items()}


_ROUTE = Record(
    _route,
    {
        "to": Field(Choice("kind of route", get_args(RouteKind)), "What is told.", required=True),
        "url": Field(CREDENTIAL, "Where its address is kept: it is a secret of its own."),
        "key": Field(CREDENTIAL, "PagerDuty's integration key."),
        "secret": Field(CREDENTIAL, "What a webhook is signed with."),
        "smtp": Field(Text(r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$", "HOST:PORT"), "The mail server."),
        "tls": Field(Choice("way of encryption", ("starttls", "tls", "none")), "How it is spoken to."),
        "user": Field(NAME, "Who sends mail."),
        "password": Field(CREDENTIAL, "Their password."),
        "sender": Field(Text(r"^[^@\s<>]+@[^@\s<>]+$", "an address"), "Whom mail is from."),
        "recipients": Field(ListOf(Text(r"^[^@\s<>]+@[^@\s<>]+$", "an address"), least=1), "Whom mail is to."),
        "severity": Field(_SEVERITIES, "Which alerts; pages and tickets, if left out."),
        "features": Field(NAMES, "Only alerts of these features."),
        "group": Field(ListOf(Choice("label", _LABELS)), "Alerts that have these in common are told in one message."),
        "wait": Field(_DURATION, "How long the first alert waits for others."),
        "interval": Field(_DURATION, "How long a group is left alone after it was told."),
        "repeat": Field(Duration(above=True), "After how long what still stands is told again."),
    },
    _parts_of_route,
)


class _Do:
    """One action, written in a line."""

    def read(self, value: YamlValue) -> Action:
        try:
            action = read_action(value.text())
        except InvalidInput as error:
            if isinstance(error, SettingsError):
                raise
            raise value.error(error.cause, error.next_step) from None
        if not kind_of(action).by_itself:
            raise value.error(
                f"{action.name} is done by a person alone", "Write limit key={key} to=..., or leave it out."
            )
        return action

    def write(self, value: Action) -> str:
        return str(value)

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1}


_WHEN = record(
    When,
    rule=Field(NAME, "The alert's rule, with * for anything: burn:up, anomaly:*."),
    feature=Field(NAME, "Of which feature."),
    severity=Field(_SEVERITIES, "Of which severities; any, if left out."),
)
_MITIGATOR = record(
    Mitigator,
    when=Field(_WHEN, "Which alerts.", required=True),
    do=Field(ListOf(_Do(), least=1), "What is done, in order.", required=True),
    at_most=Field(Whole(1), "How much of it is done in a day."),
    cool_down=Field(_DURATION, "For how long the same is not done again."),
)


OBJECTIVES = record(
    ObjectivesConfig,
    slos=Field(MapOf(_NAME, _OBJECTIVE), "What is promised."),
    anomalies=Field(_ANOMALIES, "What is watched without a promise."),
    routes=Field(MapOf(_NAME, _ROUTE), "Where alerts are told."),
    incidents=Field(
        ListOf(Choice("severity", get_args(Severity))), "Which alerts open an incident; pages, if left out."
    ),
    mitigations=Field(MapOf(_NAME, _MITIGATOR), "What is done of itself while an alert stands."),
)


def read_objectives(section: YamlValue) -> ObjectivesConfig:
    """The section, checked. Raises :class:`~aver.core.errors.SettingsError` with the line of what is misspelt, unknown or lacking."""
    if section.is_null:
        return ObjectivesConfig()
    config: ObjectivesConfig = OBJECTIVES.read(section)
    places = {name.text(): value for name, value in keyed(section)}
    for name, place in keyed(places["slos"]) if "slos" in places else ():
        _check_objective(config.slos[name.text()], place)
    for name, place in keyed(places["routes"]) if "routes" in places else ():
        _check_route(config.routes[name.text()], place)
    return config


def _check_objective(objective: Objective, place: YamlValue) -> None:
    needed = _THRESHOLDS.get(objective.indicator, "")
    for threshold in ("within", "usd"):
        given = getattr(objective, threshold) is not None
        if needed == threshold and not given:
            raise place.error(f"{objective.indicator} needs a threshold", f"Give {threshold}.")
        if given and needed != threshold:
            raise place.error(
                f"{objective.indicator} takes no {threshold!r}", f"Leave it out, or write {needed or 'target'}."
            )
    if objective.indicator == "freshness" and objective.feature:
        raise place.error("freshness is of sources, not of a feature", "Leave feature out.")
    if not 3600 <= objective.period <= _LONGEST:
        raise place.error("a period is from one hour to 92 days", "Write 30d.")


def _check_route(route: Route, place: YamlValue) -> None:
    given = {name.text() for name, _ in keyed(place)} & {
        each for several in (*_NEEDS.values(), *_MAY.values()) for each in several
    }
    lacking = [name for name in _NEEDS[route.kind] if name not in given]
    if lacking:
        raise place.error(f"a route to {route.kind} needs {' and '.join(lacking)}", "Say where alerts are told.")
    surplus = sorted(given - {*_NEEDS[route.kind], *_MAY[route.kind]})
    if surplus:
        raise place.error(
            f"a route to {route.kind} has no {surplus[0]!r}",
            nearest(surplus[0], (*_NEEDS[route.kind], *_MAY[route.kind])),
        )
    if bool(route.user) != bool(route.password):
        raise place.error("a user and a password go together", "Give both or neither.")
    if route.password and route.tls == "none":
        raise place.error("a password is not sent in clear", "Write tls: starttls or tls: tls.")
