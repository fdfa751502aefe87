"""What is wrong with a set of policies before it decides anything, found by asking each rule about every kind of call that differs in
something the rule looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Literal, get_args

from aver.policy.policies import WHOLE, Policies, Rule
from aver.policy.types import Annotations, Asked, Effect, OriginKind

__all__ = ["Finding", "FindingKind", "analyse"]

FindingKind = Literal["unreachable", "allows-everything", "tool-without-rule"]
"""A rule that decides no call, a permit that every call meets, and a tool that no permit speaks for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``subject`` is the name of a rule or a tool, ``message`` one sentence for people, with file and line where there are any."""

    kind: FindingKind
    subject: str
    message: str


_OPEN = frozenset({"arguments", "history", "label", "principal", WHOLE})
"""What a rule may look at and cannot be enumerated."""
_KINDS = get_args(OriginKind)
_SINGLE = [[], *([kind] for kind in _KINDS)]
_TRIED: Mapping[str, Sequence[Any]] = {
    "targets": [*_SINGLE, *(list(pair) for pair in combinations(_KINDS, 2))],
    "parameters": _SINGLE,
    "content": _SINGLE,
    "links": _SINGLE,
    "readable": (True, False),
    "about": (True, False),
    "asked": get_args(Asked),
    "cleared": ("yes", "no", "unknown"),
}
"""The values of what a rule may look at, the most harmless first; those that it does not look at keep the first."""


_BOLDEST = {"": Annotations(frozenset(Effect), targets=("target",))}
"""A tool that does everything. A rule that lets the tools that there are do all that they can, and would not let this one, allows not everything."""


def analyse(policies: Policies, tools: Mapping[str, Annotations]) -> list[Finding]:
    """The findings about ``policies`` where ``tools``, by name, are all that there are. Of a rule that looks at arguments, history, a label or who
    asks, only the tool that it names is judged: the rest cannot be enumerated."""
    found: list[Finding] = []
    spoken_for: set[str] = set()
    alike = {_likeness(annotations): name for name, annotations in tools.items()}
    for rule in policies.rules.values():
        if rule.tool is not None and rule.tool not in tools:
            found.append(_found("unreachable", rule, f"there is no tool {rule.tool!r}"))
            continue
        if rule.looks_at & _OPEN:
            spoken_for |= {rule.tool} if rule.tool else tools.keys()
            continue
        requests = list(_requests(rule, [rule.tool] if rule.tool else alike.values(), tools))
        met = [request for request, holds in zip(requests, policies.meet(requests, rule), strict=True) if holds]
        if rule.effect == "permit":
            names = {request["resource"]["id"] for request in met}
            spoken_for |= (
                names if rule.tool else {name for name, each in tools.items() if alike[_likeness(each)] in names}
            )
        if not met:
            found.append(_found("unreachable", rule, "no call of these tools can meet it"))
        elif rule.effect == "permit" and not any(policies.meet(met)):
            found.append(_found("unreachable", rule, "whatever it allows, a forbid denies"))
        elif (
            rule.effect == "permit" and rule.tool is None and len(met) == len(requests) and _allows_all(policies, rule)
        ):
            found.append(_found("allows-everything", rule, "it allows every call of every tool"))
    return found + [
        Finding("tool-without-rule", name, f"No rule allows any call of {name}: all are denied.")
        for name in sorted(tools.keys() - spoken_for)
    ]


def _allows_all(policies: Policies, rule: Rule) -> bool:
    return all(policies.meet(list(_requests(rule, _BOLDEST, _BOLDEST)), rule))


def _found(kind: FindingKind, rule: Rule, what: str) -> Finding:
    return Finding(kind, rule.name, f"{rule.place}: rule {rule.name!r}: {what}.")


def _likeness(annotations: Annotations) -> tuple[Any, ...]:
    """What a rule that names no tool can tell of it."""
    return annotations.effects, annotations.reversal, bool(annotations.targets)


def _requests(rule: Rule, names: Iterable[str], tools: Mapping[str, Annotations]) -> Iterator[dict[str, Any]]:
    """A request for each kind of call of these tools that the rule can tell apart."""
    for name in names:
        annotations = tools[name]
        tried = {key: values if key in rule.looks_at else values[:1] for key, values in _TRIED.items()}
        if not annotations.targets:
            tried["targets"] = [[]]
        for values in product(*tried.values()):
            context = {
                **dict(zip(tried, values, strict=True)),
                "effects": sorted(annotations.effects),
                "reversal": annotations.reversal or "none",
                "arguments": {"__entity": {"type": "Arguments", "id": "call"}},
                "history": [],
                "label": {"level": "public", "anywhere": True, "regions": []},
            }
            yield {
                "principal": {"type": "User", "id": "somebody"},
                "action": {"type": "Action", "id": "call"},
                "resource": {"type": "Tool", "id": name},
                "context": context,
            }
