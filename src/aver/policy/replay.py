"""Decisions made again: why one came out as it did, what other policies would have said, and what a case written down expects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aver.core.labels import ANYTHING
from aver.policy.policies import Policies
from aver.policy.requests import authority, leaves, under
from aver.policy.types import Action, Decision, OriginKind

__all__ = ["Change", "Explained", "Explanation", "Role", "changes", "explain"]

Role = Literal["target", "content", "parameter"]
_SHOWN = 80
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One value of an action's arguments: whose word it is, and each step in which it was seen, as ``untrusted in 2.1``."""

    path: str
    role: Role
    value: Any
    kind: OriginKind
    seen: Sequence[str]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why ``action`` was decided so."""

    action: Action
    decision: Decision
    arguments: Sequence[Explained]

    def lines(self) -> Iterator[str]:
        """For people."""
        action, annotations = self.action, self.action.annotations
        by = f" by {', '.join(self.decision.policies)}" if self.decision.policies else ""
        yield f"{self.decision.outcome}{by}: {self.decision.reason}"
        effects = ", ".join(sorted(annotations.effects)) or "none"
        yield f"{action.tool}: effects {effects}; {annotations.reversal or 'reversal not declared'}"
        yield {
            "user": "The user's own words ask for this.",
            "ordered": "A text that the user said to act upon asks for this.",
            "no": "Nobody whom the user knows of asks for this.",
        }[action.asked]
        if action.label != ANYTHING:
            yield f"What it carries is labelled {action.label}."
        for each in self.arguments:
            shown = json.dumps(each.value, ensure_ascii=True)
            shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
            yield f"  {each.role} {each.path} = {shown}: {each.kind} ({'; '.join(each.seen)})"


@dataclass(frozen=True, slots=True)
class Change:
    """An action that two sets of policies decide differently, by its place in the sequence that was gone through."""

    number: int
    action: Action
    before: Decision
    after: Decision


def explain(policies: Policies, action: Action) -> Explanation:
    """Decide ``action`` by ``policies`` and say what the decision rests on."""
    return Explanation(
        action, policies.decide(action), [_explained(action, *leaf) for leaf in leaves(action.arguments)]
    )


def changes(before: Policies, after: Policies, actions: Iterable[Action]) -> Iterator[Change]:
    """Those of ``actions``, for instance as evidence has them, of which ``after`` says something else than ``before``: another outcome,
    or the same by other rules."""
    for number, action in enumerate(actions):
        then, now = before.decide(action), after.decide(action)
        if (then.outcome, set(then.policies)) != (now.outcome, set(now.policies)):
            yield Change(number, action, then, now)


def _explained(action: Action, path: str, value: Any) -> Explained:
    annotations, origins = action.annotations, action.origins.get(path, ())
    role: Role = "parameter"
    if under(path, annotations.targets):
        role = "target"
    elif under(path, annotations.content):
        role = "content"
    seen = [f"{each.kind} in {each.step}" if each.step else each.kind for each in origins]
    return Explained(path, role, value, authority(origins), seen or ["unknown"])
