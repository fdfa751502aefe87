"""What is stopped or held tighter by a switch: everywhere within a second, and let go on by lifting it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.core.yaml import nearest
from aver.gateway.budgets.limits import limit_of
from aver.guard.declared import PROFILE
from aver.ops.mitigation.ports import Ports
from aver.ops.mitigation.types import Argument, Done, Kind, Prepared
from aver.store import SwitchKind

__all__ = ["SWITCHING"]

_MOST_NAMED = 5


def _known(ports: Ports, among: str, name: str) -> None:
    """Raise unless something declared has the name; where others may be right as well, any may."""
    names = ports.declared.names(among)
    if names is not None and name not in names:
        raise NotFound(f"There is no {among} {name[:60]!r}", nearest(name, names) if names else "None is declared.")


def _thrown(
    ports: Ports, kind: SwitchKind, name: str, would: str, did: str, *, value: str = "", warning: str = ""
) -> Prepared:
    if ports.switches.find(kind, name):
        raise Conflict(f"The {kind} {name!r} is held already", "See: aver switch list.")

    def take(by: str, reason: str) -> Done:
        return Done(did, ports.switches.throw(kind, name, value, reason=reason, by=by))

    return Prepared(would, take, warning=warning)


def _lifted(ports: Ports, token: str, by: str, _reason: str) -> str:
    ports.switches.lift(token, by=by)
    return "it is let go on"


def _stopping(among: SwitchKind, verb: str, done: str) -> Callable[[Ports, Mapping[str, str]], Prepared]:
    def prepare(ports: Ports, given: Mapping[str, str]) -> Prepared:
        name = given[among]
        _known(ports, among, name)
        alone = ports.declared.left_without(among, name) if among in ("provider", "model") else ()
        warning = f"nobody else answers for {', '.join(alone[:_MOST_NAMED])}" if alone else ""
        would = f"would {verb} the {among} {name!r}"
        return _thrown(
            ports,
            among,
            name,
            f"{would}; {warning}" if warning else would,
            f"the {among} {name!r} {done}",
            warning=warning,
        )

    return prepare


def _tighten(ports: Ports, given: Mapping[str, str]) -> Prepared:
    check, profile = given.get("check", ""), given.get("profile", "")
    if bool(check) == bool(profile):
        raise InvalidInput("Guardrails are tightened by a check or by a profile", "Write check=NAME or profile=NAME.")
    if check:
        _known(ports, "check", check)
        would, did = f"would have the check {check!r} block what it finds", f"the check {check!r} blocks what it finds"
        return _thrown(ports, "guardrail", check, would, did)
    _known(ports, "profile", profile)
    would, did = (
        f"would hold the guardrails to the profile {profile!r}",
        f"the guardrails hold to the profile {profile!r}",
    )
    return _thrown(ports, "guardrail", f"{PROFILE}{profile}", would, did)


def _limit(ports: Ports, given: Mapping[str, str]) -> Prepared:
    of = [(name, given[name]) for name in ("feature", "key", "model", "route") if given.get(name)]
    if len(of) != 1:
        raise InvalidInput("A limit is one feature's, key's, model's or route's", "Write feature=NAME or key=ID.")
    if of[0][0] != "feature":
        _known(ports, *of[0])
    name, value = f"{of[0][0]}:{of[0][1]}", given["to"]
    limit = limit_of(name, value)
    words = "nothing" if not limit.limit else value
    return _thrown(
        ports,
        "limit",
        name,
        f"would let {words} through for the {of[0][0]} {of[0][1]!r} from now on",
        f"{words} is let through for the {of[0][0]} {of[0][1]!r}",
        value=value,
    )


def _kind(name: str, about: str, among: SwitchKind, verb: str, done: str, what: str) -> Kind:
    return Kind(name, about, "stop", {among: Argument(what, among=among)}, _stopping(among, verb, done), _lifted)


_limiting = partial(Argument, required=False)
SWITCHING: tuple[Kind, ...] = (
    _kind(
        "shut_out_provider",
        "Ask nothing more of a provider. Routes go on with the others.",
        "provider",
        "shut out",
        "is shut out",
        "The provider.",
    ),
    _kind(
        "shut_out_model",
        "Ask nothing more of a model. Routes go on with the others.",
        "model",
        "shut out",
        "is shut out",
        "The model.",
    ),
    _kind(
        "disable_tool",
        "Have nobody call a tool.",
        "tool",
        "disable",
        "is disabled",
        "The tool, as agents call it.",
    ),
    _kind("stop_feature", "Stop a feature: who asks is told why.", "feature", "stop", "is stopped", "The feature."),
    _kind(
        "pause_source",
        "Take nothing more in from a source. What it deletes or hides is still taken out.",
        "source",
        "pause",
        "is paused",
        "The source.",
    ),
    Kind(
        "tighten_guardrail",
        "Have a check block what it finds, or hold all guardrails to a stricter profile that is declared.",
        "stop",
        {
            "check": _limiting("The check that is to block.", among="check"),
            "profile": _limiting("The profile.", among="profile"),
        },
        _tighten,
        _lifted,
    ),
    Kind(
        "limit",
        "Let less through from now on, beside the budgets that are declared; 0 lets nothing through.",
        "stop",
        {
            "feature": _limiting("Whose calls."),
            "key": _limiting("The id of the API key.", among="key"),
            "model": _limiting("The model, wherever it answers.", among="model"),
            "route": _limiting("The route.", among="route"),
            "to": Argument("How much, as 60 requests/minute, 200000 tokens/hour or 2.50 usd/day."),
        },
        _limit,
        _lifted,
    ),
)
