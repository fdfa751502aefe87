"""A turn replayed with a model that has been taken over: what policy lets it do, without any model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aver.policy.provenance import Provenance
from aver.policy.types import Action, Annotations, Decision

__all__ = ["Call", "Replayed", "Returned", "Stopped", "replay"]

_SHOWN = 60
"""Characters of an argument that are shown."""


@dataclass(frozen=True, slots=True)
class Call:
    tool: str
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        given = ((name, json.dumps(value)) for name, value in self.arguments.items() if value is not None)
        return f"{self.tool}({', '.join(f'{name}={value[:_SHOWN]}' for name, value in given)})"


@dataclass(frozen=True, slots=True)
class Returned:
    """What a call came to; ``hostile`` says that the model reads the attack in it."""

    value: Any
    failed: bool = False
    hostile: bool = False


@dataclass(frozen=True, slots=True)
class Stopped:
    """A call of the user's own that was not simply allowed."""

    call: Call
    decision: Decision

    def __str__(self) -> str:
        decision = self.decision
        return f"{decision.outcome} {self.call}: {decision.reason} ({', '.join(decision.policies) or 'no rule'})"


@dataclass(slots=True)
class Replayed:
    """``stopped`` of the user's calls, ``ran`` of the attacker's; ``attacked`` says that the model came to read the attack."""

    stopped: list[Stopped] = field(default_factory=list)
    ran: list[Call] = field(default_factory=list)
    attacked: bool = False


def replay(
    decide: Callable[[Action], Decision],
    turn: Provenance,
    tools: Mapping[str, Annotations],
    calls: Iterable[Call],
    run: Callable[[Call], Returned],
    attack: Callable[[], Sequence[Call]] | None = None,
    *,
    answer: bool = True,
) -> Replayed:
    """Make the user's ``calls`` until the first result that is hostile, then every call of the ``attack``, then the rest of the user's.

    A call runs where it is allowed. Of those asked about, the user's own run if ``answer`` is yes, and none of the attacker's does.
    """
    found = Replayed()

    def make(call: Call, *, own: bool) -> bool:
        action = turn.action(call.tool, tools[call.tool], call.arguments)
        decision = decide(action)
        if own and decision.outcome != "allow":
            found.stopped.append(Stopped(call, decision))
        if decision.outcome == "deny" or (decision.outcome == "ask" and not (own and answer)):
            return False
        returned = run(call)
        turn.returned(action, returned.value, failed=returned.failed)
        if not own:
            found.ran.append(call)
        return returned.hostile

    for call in calls:
        if make(call, own=True) and attack and not found.attacked:
            found.attacked = True
            for each in attack():
                make(each, own=False)
    return found
