"""What a turn works with, and one turn in the hands of one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from aver.agents.acting.guarding import Checked, Checks, checked
from aver.agents.acting.journal import Journal, Lease
from aver.agents.acting.memory import Memory, Remember
from aver.agents.acting.origins import origin_from
from aver.agents.acting.state import Action, State
from aver.agents.acting.types import Agent, Decide, Model, Provenance
from aver.agents.blocking import whole
from aver.agents.conversations import Conversations
from aver.agents.tools import Tool
from aver.core import Principal
from aver.evidence import Draft, StepKind
from aver.evidence.facts import clear_name
from aver.guard import Place
from aver.policy import Origin
from aver.store import Switches

__all__ = ["Identify", "Parts", "Running", "Told"]

Told = Callable[[Sequence[Draft]], None]
"""Is told of steps as they are recorded, for whoever looks on."""
Identify = Callable[[Principal], Principal]
"""Who a person is now: their groups and roles of today. Raises where they may not ask any more."""


def _nobody(_: Sequence[Draft]) -> None: ...


def _as_then(principal: Principal) -> Principal:
    return principal


@dataclass(frozen=True, slots=True)
class Parts:
    """What acting turns of one tenant work with. ``tools`` gives a principal's tools by name; ``provenance`` a fresh tracker of origins;
    ``identify`` is asked whenever a process takes a turn up."""

    journal: Journal
    conversations: Conversations
    agent: Agent
    model: Model
    tools: Callable[[Principal], Sequence[Tool]]
    decide: Decide
    provenance: Callable[[], Provenance]
    switches: Switches
    checks: Checks = field(default_factory=dict)
    identify: Identify = _as_then


class Running:
    """One turn while this process holds its lease. Everything that happens in it is recorded through here."""

    def __init__(self, parts: Parts, lease: Lease, state: State, principal: Principal, told: Told = _nobody) -> None:
        self.parts = parts
        self.lease = lease
        self.state = state
        self._told = told
        self.principal = principal
        self.provenance = parts.provenance()
        self.tools: dict[str, Tool] = {tool.name: tool for tool in parts.tools(principal)}
        if parts.agent.remembers:
            remember = Remember(Memory(parts.journal), principal, self.provenance.origins)
            self.tools[remember.name] = remember
        self.left = False
        """Whoever runs it wants to leave, and waits for an effect under way."""
        self._learn()

    def _learn(self) -> None:
        """Tell the tracker of origins what was there before, in the order it came."""
        for turn in self.state.earlier:
            self.provenance.known(turn["question"], Origin("user", turn["turn"]))
            self.provenance.known(turn["answer"], Origin("untrusted", turn["turn"]))
        self.provenance.said(self.state.task)
        for each in self.state.recalled:
            self.provenance.known(each["value"], origin_from(each["origin"]))
        for action in self.state.actions():
            if action.status in ("done", "failed"):
                self.learn(action)

    def learn(self, action: Action) -> None:
        """A call has returned."""
        tool = self.tools.get(action.tool)
        if tool is not None and (action.value is not None or action.text):
            value = action.value if action.value is not None else action.text
            self.provenance.returned(action.id, action.tool, tool.annotations, value)

    def draft(self, kind: StepKind, facts: Mapping[str, Any], body: Mapping[str, Any] | bytes | None = None) -> Draft:
        assert self.state.principal is not None
        return Draft(self.state.turn, kind, self.state.principal.subject, facts, body)

    async def record(
        self, drafts: Sequence[Draft], beside: Callable[[Connection], None] | None = None, **columns: Any
    ) -> None:
        """As :meth:`Journal.record`. Once it returns, the steps are in evidence and in the state."""
        await whole(self.parts.journal.record, self.lease, self.state, drafts, beside, **columns)
        self._told(drafts)

    async def check(self, place: Place, text: str) -> tuple[Checked, list[Draft]]:
        """What guardrails make of ``text``, and the step that says so; none where nobody looked."""
        found = await checked(self.parts.checks, place, text)
        return found, [self.draft("checked", found.facts(), found.body())] if found.verdicts else []

    def stopped(self, tool: str) -> None:
        """Raise :class:`~aver.core.errors.Stopped` where the tool, or anything that holds the whole turn, is stopped. Blocking."""
        agent = self.parts.agent
        self.parts.switches.check(self.principal.tenant, feature=agent.name, model=agent.model, tool=tool)

    def name(self, tool: str) -> str | None:
        """A tool's name as it may stand in facts: one that a model made up may not."""
        return clear_name(tool) if tool in self.tools else None
