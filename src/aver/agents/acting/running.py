"""What a turn works with, and one turn in the hands of one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import Connection

from aver.agents.acting.guarding import Guarding, Looked
from aver.agents.acting.journal import Journal, Lease
from aver.agents.acting.memory import Memory, Remember, carried
from aver.agents.acting.state import Action, State
from aver.agents.acting.types import Agent, Decide, Model
from aver.agents.blocking import whole
from aver.agents.conversations import Conversations
from aver.agents.pin import UNPINNED, Pin
from aver.agents.tools import Tool
from aver.agents.tools.schema import Schema
from aver.agents.tools.text import present
from aver.core import Principal
from aver.core.labels import ANYTHING, Label, read_label
from aver.evidence import Draft, StepKind
from aver.evidence.facts import clear_name
from aver.guard import Context, Guard, Place, Vault, facts_of
from aver.guard.spotlight import Spotlight
from aver.policy import Annotations, Origin, Provenance, action_from, origin_from
from aver.store import Switches

__all__ = ["Identify", "Parts", "Running", "Told"]

Told = Callable[[Sequence[Draft]], None]
"""Is told of steps as they are recorded, for whoever looks on."""
Identify = Callable[[Principal], Principal]
"""Who a person is now: their groups and roles of today. Raises where they may not ask any more."""


def _nobody(_: Sequence[Draft]) -> None: ...


def _anything() -> Label:
    return ANYTHING


def _as_then(principal: Principal) -> Principal:
    return principal


@dataclass(frozen=True, slots=True)
class Parts:
    """What acting turns of one tenant work with. ``tools`` gives a principal's tools by name; ``identify`` is asked whenever a process
    takes a turn up. Without a ``vault`` what ``guard`` cuts out of a text is gone for good."""

    journal: Journal
    conversations: Conversations
    agent: Agent
    model: Model
    tools: Callable[[Principal], Sequence[Tool]]
    decide: Decide
    switches: Switches
    guard: Guard = field(default_factory=lambda: Guard({}))
    vault: Vault | None = None
    identify: Identify = _as_then
    pin: Pin = UNPINNED
    """The release that the agent is of, for a turn that is begun."""
    label: Callable[[], Label] = _anything
    """Of everything of the tenant. Blocking."""
    region: str = ""
    """Where this installation keeps what it is told, if it says so."""


class Running:
    """One turn while this process holds its lease. Everything that happens in it is recorded through here."""

    def __init__(self, parts: Parts, lease: Lease, state: State, principal: Principal, told: Told = _nobody) -> None:
        self.parts = parts
        self.lease = lease
        self.state = state
        self._told = told
        self.principal = principal
        self.provenance = Provenance(principal, parts.label())
        context = Context(parts.agent.instructions, parts.journal.store.master_key)
        self.guarding = Guarding(parts.guard, parts.vault, principal, state.conversation, context)
        self.tools: dict[str, Tool] = {tool.name: tool for tool in parts.tools(principal)}
        if parts.agent.remembers:
            remember = Remember(Memory(parts.journal), principal, self._origins)
            self.tools[remember.name] = remember
        self.spotlight = Spotlight.new(parts.agent.spotlight) if parts.agent.spotlight else None
        self.left = False
        """Whoever runs it wants to leave, and waits for an effect under way."""
        self._schemas: dict[str, Schema] = {}
        self._learn()

    @cached_property
    def release(self) -> str:
        """The digest of all that decides how the turn behaves."""
        return self.parts.agent.digest(list(self.tools.values()))

    def schema(self, tool: Tool) -> Schema:
        """Of a tool's arguments. Raises :class:`~aver.core.errors.SettingsError` where it is none."""
        if tool.name not in self._schemas:
            self._schemas[tool.name] = Schema(tool.parameters, f"The schema of {tool.name!r}'s parameters")
        return self._schemas[tool.name]

    def learn(self, action: Action) -> None:
        """A call has returned: where its values came from. From what is on record alone, so that another process learns the same."""
        if action.asked is None or action.status not in ("done", "failed"):
            self.provenance.read(action.label)
            return
        asked = action_from(action.asked)
        readers = None if action.readers is None else frozenset(action.readers)
        value = action.text if action.value is None else action.value
        self._heard(action.written, "arguments")
        self._heard(action.text, "result")
        if value != action.text:
            # What guardrails cut out of the text comes back where a tool or the user is given it.
            self._heard(value if isinstance(value, str) else orjson.dumps(value).decode(), "result")
        self.provenance.returned(asked, value, readers=readers, step=action.id, label=action.label)
        if action.text not in (value, present(value, self.parts.agent.limits.result_characters)):
            # What the model read in words of their own, and not in the value.
            self.provenance.known(action.text, Origin(_trust(asked.annotations), action.id, readers, action.label))

    def draft(self, kind: StepKind, facts: Mapping[str, Any], body: Mapping[str, Any] | bytes | None = None) -> Draft:
        assert self.state.principal is not None
        return Draft(self.state.turn, kind, self.state.principal.subject, facts, body)

    async def record(
        self, drafts: Sequence[Draft], beside: Callable[[Connection], None] | None = None, **columns: Any
    ) -> None:
        """As :meth:`Journal.record`. Once it returns, the steps are in evidence and in the state."""
        await whole(self.parts.journal.record, self.lease, self.state, drafts, beside, **columns)
        self._told(drafts)

    async def check(self, place: Place, text: str) -> tuple[Looked, list[Draft]]:
        """What guardrails make of ``text``, and the step that says so; none where there is nothing to say."""
        looked = await self.guarding.look(place, text)
        told = looked.judgement.judged
        return looked, [self.draft("checked", facts_of([looked.judgement]), looked.body())] if told else []

    def stopped(self, tool: str) -> None:
        """Raise :class:`~aver.core.errors.Stopped` where the tool, or anything that holds the whole turn, is stopped. Blocking."""
        agent = self.parts.agent
        self.parts.switches.check(self.principal.tenant, feature=agent.name, model=agent.model, tool=tool)

    def name(self, tool: str) -> str | None:
        """A tool's name as it may stand in facts: one that a model made up may not."""
        return clear_name(tool) if tool in self.tools else None

    def _learn(self) -> None:
        """Tell the tracker of origins, and the checks, what was there before, in the order it came."""
        for turn in self.state.earlier:
            self._heard(turn["question"], "input")
            self._heard(turn["answer"], "passage")
            stated, label = read_label(turn.get("stated")), read_label(turn.get("label"))
            self.provenance.known(turn["question"], Origin("user", turn["turn"], label=stated))
            self.provenance.known(turn["answer"], Origin("untrusted", turn["turn"], label=label))
            for value, origin in turn["values"]:
                self.provenance.known(value, origin_from(origin))
        for each in self.state.recalled:
            self._heard(str(each["value"]), "passage")
            self.provenance.known(each["value"], carried(origin_from(each["origin"])))
        self._heard(self.state.task, "input")
        self.provenance.said(self.state.task, self.state.stated)
        for action in self.state.actions():
            self.learn(action)

    def _heard(self, text: str, place: Place) -> None:
        self.guarding.context.heard(text, place)

    def _origins(self, value: Any) -> Sequence[Origin]:
        return self.provenance.origins(value)


def _trust(annotations: Annotations) -> Any:
    return "untrusted" if annotations.untrusted_fields else annotations.output
