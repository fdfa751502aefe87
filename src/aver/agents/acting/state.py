"""Where a turn stands, read from its evidence. Whatever happens is recorded first and applied here after, so a process that reads the
steps of a turn knows what the one knew that wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aver.agents.acting.parts import parts_from_json
from aver.core import Principal
from aver.core.labels import ANYTHING, Label, combined, read_label
from aver.evidence import StepKind
from aver.gateway.types import Part, ToolCall
from aver.guard import Place
from aver.policy import Effect

__all__ = ["Action", "ActionStatus", "Recorded", "Reply", "State"]

ActionStatus = Literal[
    "proposed",  # the model asks for it
    "refused",  # the loop does not take it
    "denied",  # policy does not allow it
    "waiting",  # a person is asked
    "approved",  # who says yes
    "rejected",  # or no
    "expired",  # or nothing in time
    "allowed",  # policy allows it
    "intended",  # it is being done, or was when the process died
    "done",
    "failed",
    "not_run",
    "undecided",
]
_AFTER: Mapping[str, ActionStatus] = {"allow": "allowed", "deny": "denied", "ask": "waiting"}
_OPEN = frozenset({"proposed", "waiting", "approved", "allowed", "intended"})


@dataclass(slots=True)
class Action:
    """One call of a tool that the model asked for, or one that takes it back."""

    id: str
    tool: str
    written: str
    """Its arguments as the model wrote them."""
    call: str = ""
    """The model's own id for it."""
    status: ActionStatus = "proposed"
    arguments: Mapping[str, Any] | None = None
    reason: str = ""
    """Why it was refused, denied or rejected, or what is wrong with its result."""
    approval: str = ""
    asked_again: bool = False
    """Policy was asked once more after it was approved."""
    asked: Mapping[str, Any] | None = None
    """All that policy was asked about it, as :func:`~aver.policy.action_from` reads it."""
    attempts: int = 0
    value: Any = None
    text: str = ""
    """The result as the model is shown it."""
    readers: Sequence[str] | None = None
    """Who may read what it returned, as reader tokens; none means everyone."""
    label: Label = ANYTHING
    """How confidential what it returned is, and where that may go."""

    @property
    def settled(self) -> bool:
        return self.status not in _OPEN

    @property
    def only_reads(self) -> bool:
        """Whether its tool changes nothing, by what was declared when it was decided."""
        return self._declared.get("effects") == [Effect.READ]

    @property
    def is_trusted(self) -> bool:
        """Whether all that it returned is the tenant's own word, by what was declared when it was decided."""
        return self._declared.get("output") == "trusted" and not self._declared.get("untrusted_fields")

    @property
    def declared_label(self) -> Label:
        """Of what its tool returns, by what was declared when it was decided."""
        return read_label(self._declared.get("label"))

    @property
    def _declared(self) -> Mapping[str, Any]:
        declared: Mapping[str, Any] = (self.asked or {}).get("annotations", {})
        return declared

    def key(self, turn: str) -> str:
        """The same for every attempt at this effect, and for no other."""
        return f"{turn}-{self.id}"


@dataclass(slots=True)
class Reply:
    """One reply of the model: its text and thoughts, and the calls it asks for. ``surplus`` calls were not looked at."""

    number: int
    parts: tuple[Part, ...]
    actions: tuple[Action, ...]
    surplus: int = 0
    note: str = ""
    """What the model is told about a reply that was no answer and asked for nothing."""


Recorded = tuple[StepKind, Mapping[str, Any], Mapping[str, Any] | None]
"""A step's kind, facts and body."""


@dataclass(slots=True)
class State:
    """``error`` and ``detail`` say why the turn is aborted; ``ended`` that its last step is there."""

    turn: str
    principal: Principal | None = None
    conversation: str = ""
    traceparent: str = ""
    """The trace that whoever began it was in."""
    task: str = ""
    output: Mapping[str, Any] | None = None
    stated: Label = ANYTHING
    """What the caller says of the task."""
    recalled: tuple[Mapping[str, Any], ...] = ()
    """What is remembered of the user: ``name``, ``value`` and ``origin`` of each."""
    earlier: tuple[Mapping[str, Any], ...] = ()
    """The turns before it in the conversation: ``turn``, ``question`` and ``answer`` of each, both also as a model may see them (``heard``
    and ``written``), ``values``, what trusted tools returned in it, each with its origin, ``readers`` of all that it was told, and, where it
    has one, its ``label`` and what was ``stated`` of its question."""
    looked: bool = False
    """What the model is to be told was judged."""
    told: dict[Place, str] = field(default_factory=dict)
    """What the model is told instead, where guardrails cut something out: of the task (``input``), of what is remembered (``passage``)."""
    replies: list[Reply] = field(default_factory=list)
    compensations: dict[str, Action] = field(default_factory=dict)
    impossible: dict[str, str] = field(default_factory=dict)
    """Effects that cannot be taken back, by their actions, and why."""
    stopped: tuple[str, ...] = ()
    """What users are told of each tool that was stopped when the model was asked."""
    seconds: float = 0.0
    tokens: int = 0
    nano_usd: int = 0
    error: str = ""
    detail: str = ""
    answer: Mapping[str, Any] | None = None
    ended: bool = False
    erased: bool = False
    """Somebody's content is gone: the turn cannot go on."""

    def apply(self, steps: Iterable[Recorded]) -> None:
        """Follow what was recorded, in order. Steps that say nothing of where the turn stands are passed over; of an erased turn, all but
        its end, since what they are about is gone."""
        for kind, facts, body in steps:
            follow = _FOLLOW.get(kind)
            if follow is not None:
                self.erased = self.erased or (body is None and kind in _WITH_BODY)
                if not self.erased or follow is _ended:
                    follow(self, facts, body or {})

    def actions(self) -> Iterator[Action]:
        """Every call the model asked for, in order."""
        return (action for reply in self.replies for action in reply.actions)

    def action(self, name: str) -> Action:
        """Raises :class:`KeyError` where there is none."""
        return {action.id: action for action in self.actions()}[name]

    @property
    def labels(self) -> Mapping[str, Label]:
        """Of all that the model is told and that may not go everywhere, by what it came from: the id of a call or of an earlier turn,
        ``memory``, or the ``caller``."""
        recalled = combined(read_label(each["origin"].get("label")) for each in self.recalled)
        found = {"caller": self.stated, "memory": recalled}
        found |= {each["turn"]: read_label(each.get("label")) for each in self.earlier}
        found |= {action.id: action.label for action in self.actions()}
        return {name: label for name, label in found.items() if label != ANYTHING}

    @property
    def last(self) -> Reply | None:
        return self.replies[-1] if self.replies else None

    @property
    def approvals(self) -> tuple[str, ...]:
        """What it waits for."""
        return tuple(action.approval for action in self.actions() if action.status == "waiting")

    def meant(self, facts: Mapping[str, Any]) -> Action:
        """The call that a step is about, or what takes it back."""
        if facts.get("compensates"):
            return self.compensations[facts["compensates"]]
        return self.action(facts["action"])


def _admitted(state: State, facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    state.principal = Principal(body["tenant"], body["user"], frozenset(body["groups"]), frozenset(body["roles"]))
    state.conversation, state.traceparent = facts["conversation"], facts.get("traceparent", "")
    state.task, state.output = body["question"], body["output"]
    state.stated = read_label(body.get("label"))
    state.recalled, state.earlier = tuple(body["recalled"]), tuple(body["earlier"])


def _checked(state: State, facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    place = facts["place"]
    if place in ("input", "passage"):
        state.looked = True
        if "text" in body:
            state.told[place] = body["text"]


def _generated(state: State, facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    state.seconds += facts["ms"] / 1000
    state.tokens += facts["input_tokens"] + facts["output_tokens"]
    state.nano_usd += facts["nano_usd"]
    parts = parts_from_json(body["parts"])
    number = len(state.replies) + 1
    calls = [part for part in parts if isinstance(part, ToolCall)]
    actions = [Action(f"{number}.{at}", call.name, call.arguments, call.id) for at, call in enumerate(calls, 1)]
    state.replies.append(Reply(number, parts, tuple(actions), facts["surplus"], body["note"]))
    state.stopped = tuple(dict.fromkeys((*state.stopped, *body["stopped"])))


def _refused(state: State, facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    action = state.action(facts["action"])
    action.status, action.reason = "refused", body["reason"]


def _decided(state: State, facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    action = state.action(facts["action"])
    action.asked, action.reason = body["action"], body["reason"]
    action.arguments = body["action"]["arguments"]
    if facts["again"]:
        action.asked_again = True
        action.status = "denied" if facts["outcome"] == "deny" else "approved"
    else:
        action.status = _AFTER[facts["outcome"]]


def _asked(state: State, facts: Mapping[str, Any], _body: Mapping[str, Any]) -> None:
    state.action(facts["action"]).approval = facts["approval"]


def _approved(state: State, facts: Mapping[str, Any], _body: Mapping[str, Any]) -> None:
    state.action(facts["action"]).status = "approved"


def _rejected(state: State, facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    action = state.action(facts["action"])
    action.status, action.reason = "rejected", body.get("reason", "")


def _expired(state: State, facts: Mapping[str, Any], _body: Mapping[str, Any]) -> None:
    state.action(facts["action"]).status = "expired"


def _intended(state: State, facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    back = facts["compensates"]
    if back and back not in state.compensations:
        state.compensations[back] = Action(f"{back}.back", body["tool"], "", arguments=body["arguments"])
    action = state.meant(facts)
    action.status, action.attempts = "intended", facts["attempt"]


def _executed(state: State, facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    state.seconds += facts["ms"] / 1000
    if facts["outcome"] == "impossible":
        state.impossible[facts["compensates"]] = body["reason"]
        return
    action = state.meant(facts)
    action.status, action.reason = facts["outcome"], body["reason"]
    action.value, action.text, action.readers = body["value"], body["text"], body["readers"]
    action.label = read_label(body.get("label"))


def _aborted(state: State, facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    state.error, state.detail = facts["error"], body["detail"]


def _responded(state: State, _facts: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    state.answer = body


def _ended(state: State, _facts: Mapping[str, Any], _body: Mapping[str, Any]) -> None:
    state.ended = True


_FOLLOW = {
    "admitted": _admitted,
    "checked": _checked,
    "generated": _generated,
    "refused": _refused,
    "decided": _decided,
    "asked": _asked,
    "approved": _approved,
    "rejected": _rejected,
    "expired": _expired,
    "intended": _intended,
    "executed": _executed,
    "aborted": _aborted,
    "responded": _responded,
    "sealed": _ended,
    "failed": _ended,
}
_WITH_BODY = frozenset(_FOLLOW) - {"sealed", "failed", "asked", "approved", "expired"}
