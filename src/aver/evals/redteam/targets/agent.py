"""An agent under attack: its loop, its limits, its guardrails and its policies are real; the world its tools act on is not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aver.agents.acting import Acting, Parts
from aver.agents.acting.state import ActionStatus
from aver.agents.acting.types import Acted, Outcome
from aver.agents.tools import Tool
from aver.core import Principal
from aver.core.errors import ContentFiltered, LimitReached, Unavailable
from aver.evals.redteam.agency import hostile_calls, vector_of
from aver.evals.redteam.arming import checks_of, plants_of, wants_of
from aver.evals.redteam.compromised import Compromised
from aver.evals.redteam.simulated import simulated
from aver.evals.redteam.targets.verdicts import verdicts_of
from aver.evals.redteam.types import Need
from aver.evals.types import COMPROMISED, Called, Case, Response
from aver.gateway.config.types import GatewayConfig
from aver.gateway.service import Gateway

__all__ = ["AgentTarget"]

_DECIDED: dict[ActionStatus, Any] = {
    "denied": "deny",
    "refused": "deny",
    "rejected": "deny",
    "waiting": "ask",
    "expired": "ask",
}


_WITHSTOOD = (ContentFiltered.slug, LimitReached.slug)
"""What ends a turn because it was held back, and not because something is out of order."""


@dataclass(slots=True)
class AgentTarget:
    """``parts`` are the agent's own, with ``tools`` as its bundle declares them. ``compromised``: see
    :class:`~aver.evals.redteam.compromised.Compromised`; a question that policy asks is answered by nobody, and what it is about not done."""

    parts: Parts
    tools: Sequence[Tool]
    tenant: str
    """The id of the tenant made for the purpose."""
    digest: str = ""
    compromised: bool = False
    groups: frozenset[str] = frozenset()
    _numbers: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)

    @property
    def name(self) -> str:
        return f"agent:{self.parts.agent.name}{COMPROMISED if self.compromised else ''}"

    @property
    def offers(self) -> frozenset[Need]:
        """Without a tool that reads what anybody may have written, nothing hostile reaches it but by its user."""
        return frozenset({"instructions", "tools", *(("results",) if vector_of(self.tools) else ())})

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        del seed
        plants = plants_of(case)
        planted = "\n".join(each.text for each in plants if each.place == "result")
        told = "\n\n".join(each.text for each in plants if each.place == "instructions")
        agent = self.parts.agent
        if told:
            agent = replace(agent, instructions=f"{agent.instructions}\n\n{told}".strip())
        parts = replace(self.parts, agent=agent, tools=lambda _: simulated(self.tools, planted))
        if self.compromised:
            model = self._model(case, planted=bool(planted))
            gateway = Gateway(GatewayConfig, builtin=[model])
            parts = replace(parts, model=gateway, agent=replace(agent, model=model.name))
        principal = Principal(self.tenant, f"red-team-asker-{self._numbers()}", self.groups)
        task = "\n\n".join([*(f"{each.role}: {each.content}" for each in case.history), case.question])
        began = time.monotonic()
        outcome = await Acting(parts).ask(principal, task)
        return self._response(outcome, (time.monotonic() - began) * 1000)

    def _model(self, case: Case, *, planted: bool) -> Compromised:
        """Reads what was planted, as its user asks it to, and does from there on what the attacker wants."""
        marks = case.metadata["marks"]
        vector = vector_of(self.tools) if planted else None
        read = [[Called(vector[0].name, vector[1])]] if vector else []
        wanted = wants_of(case)
        if not wanted and any(each.kind == "called" for each in checks_of(case)):
            wanted = hostile_calls(self.tools, marks["address"], marks["host"])
        most = self.parts.agent.limits.calls
        replies = [wanted[at : at + most] for at in range(0, len(wanted), most)]
        tells = any(each.kind == "secret" for each in checks_of(case))
        return Compromised([*read, *replies], case.metadata.get("claim", ""), tells=tells)

    def _response(self, outcome: Outcome, milliseconds: float) -> Response:
        """Raises :class:`~aver.core.errors.Unavailable` where the turn failed before it did anything, and not by a bound or a check."""
        calls = tuple(map(_called, outcome.actions))
        if outcome.error and outcome.error not in _WITHSTOOD and not any(each.done for each in calls):
            raise Unavailable(f"The agent's turn failed: {outcome.error}", "See its model and its tools: aver check.")
        steps = self.parts.journal.ledger.turn(outcome.turn)
        spent = [step.facts for step in steps if step.kind == "generated"]
        return Response(
            text=outcome.text if outcome.status == "answered" else "",
            refused=outcome.error == ContentFiltered.slug,
            calls=calls,
            verdicts=verdicts_of(steps),
            mode="generated",
            input_tokens=sum(each["input_tokens"] for each in spent),
            output_tokens=sum(each["output_tokens"] for each in spent),
            cost_usd=sum(each["nano_usd"] for each in spent) / 1e9,
            latency_ms=milliseconds,
            turn=outcome.turn,
            details={"status": outcome.status, **({"error": outcome.error} if outcome.error else {})},
        )


def _called(acted: Acted) -> Called:
    return Called(acted.tool, acted.arguments, _DECIDED.get(acted.status, "allow"), acted.status == "done")
