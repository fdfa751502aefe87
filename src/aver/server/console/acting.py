"""What the chat shows of an agent's turn: each action with what became of it, and what waits for an approval. Blocking reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.agents.acting import Acted, ActionStatus, Approval, Outcome
from aver.agents.acting.showing import visible
from aver.core.errors import NotFound
from aver.core.principal import Principal
from aver.policy import Effect, Reversal
from aver.policy.requests import leaves
from aver.server.application import TenantServices
from aver.server.origins import in_words

__all__ = ["ActedView", "Acting", "ApprovalView", "acting", "pending"]

_STANDS: Mapping[ActionStatus, tuple[str, str, str]] = {
    "proposed": ("", "part", "not looked at yet"),
    "refused": ("block", "octagon", "not called"),
    "denied": ("block", "octagon", "refused"),
    "waiting": ("flag", "triangle", "waits for approval"),
    "approved": ("", "part", "approved"),
    "rejected": ("block", "octagon", "not approved"),
    "expired": ("block", "octagon", "not approved in time"),
    "allowed": ("", "part", "allowed"),
    "intended": ("", "part", "under way"),
    "done": ("pass", "check", "done"),
    "failed": ("flag", "triangle", "reported an error"),
    "not_run": ("flag", "triangle", "did not run"),
    "undecided": ("undecided", "diamond", "nobody can tell whether it was done"),
}
"""The colour, the shape and the word of each state."""
_EFFECTS: Mapping[Effect, str] = {
    Effect.READ: "reads",
    Effect.WRITE: "writes",
    Effect.SEND: "sends",
    Effect.SPEND: "spends",
    Effect.DELETE: "deletes",
}
_REVERSALS: Mapping[Reversal, str] = {"irreversible": "cannot be taken back", "compensable": "can be taken back"}
_EXPLAINED: frozenset[ActionStatus] = frozenset(
    {"refused", "denied", "rejected", "expired", "failed", "not_run", "undecided"}
)


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """A call that waits for the person who looks at it, or for somebody else: then ``mine`` is false."""

    approval: Approval
    mine: bool

    @property
    def effects(self) -> str:
        """What the tool does to the world, in words."""
        known = [_EFFECTS[each] for each in self.approval.effects]
        back = [_REVERSALS[self.approval.reversal]] if self.approval.reversal else []
        return ", ".join(known + back) or "nothing is declared of what it does"

    @property
    def arguments(self) -> Sequence[tuple[str, str, str]]:
        """Path, value and where it came from, of each."""
        return [(path, _text(value), in_words(origins)) for path, value, origins in self.approval.leaves()]


@dataclass(frozen=True, slots=True)
class ActedView:
    """A call and what became of it. ``back`` says what became of taking it back."""

    acted: Acted
    back: str

    @property
    def colour(self) -> str:
        return _STANDS[self.acted.status][0]

    @property
    def shape(self) -> str:
        return _STANDS[self.acted.status][1]

    @property
    def word(self) -> str:
        return _STANDS[self.acted.status][2]

    @property
    def reason(self) -> str:
        """Why it came to nothing, where it did."""
        return self.acted.reason if self.acted.status in _EXPLAINED else ""

    @property
    def arguments(self) -> Sequence[tuple[str, str]]:
        """Path and value of each; of a call that waits they stand with the question."""
        return (
            ()
            if self.acted.status == "waiting"
            else [(path, _text(value)) for path, value in leaves(self.acted.arguments)]
        )


@dataclass(frozen=True, slots=True)
class Acting:
    """An agent's turn."""

    agent: str
    outcome: Outcome
    actions: Sequence[ActedView]
    approvals: Sequence[ApprovalView]

    @property
    def output(self) -> str:
        """The structured answer, where there is one."""
        output = self.outcome.output
        return "" if output is None else json.dumps(output, indent=2, ensure_ascii=False)


def _text(value: Any) -> str:
    return visible(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def acting(services: TenantServices, principal: Principal, turn: str) -> Acting | None:
    """One's own turn; ``None`` where it is no agent's."""
    try:
        agent = services.turns.agent(principal, turn)
        outcome = services.turns.outcome(principal, turn)
    except NotFound:
        return None
    back = {each.action: each.compensation for each in outcome.performed}
    actions = [ActedView(each, back.get(each.action, "")) for each in outcome.actions]
    return Acting(agent, outcome, actions, _waiting(services, principal, outcome))


def pending(services: TenantServices, principal: Principal) -> Sequence[ApprovalView]:
    """All that waits for the principal."""
    return [ApprovalView(each, mine=True) for each in services.approvals.pending(principal)]


def _waiting(services: TenantServices, principal: Principal, outcome: Outcome) -> Sequence[ApprovalView]:
    if not outcome.approvals:
        return ()
    mine = {each.id: each for each in services.approvals.pending(principal)}
    found = []
    for name in outcome.approvals:
        try:
            found.append(ApprovalView(mine.get(name) or services.approvals.show(principal, name), name in mine))
        except NotFound:
            continue  # answered, or withdrawn, a moment ago
    return found
