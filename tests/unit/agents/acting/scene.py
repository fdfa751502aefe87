"""A tenant with an acting feature: a scripted model behind the real gateway, tools over a world that counts what is done to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aver.agents.acting import Acting, Agent, Journal, Outcome, Parts
from aver.agents.conversations import Conversations
from aver.agents.tools import Result
from aver.core import Principal
from aver.evidence import Ledger, Step
from aver.gateway import ChatDelta, ChatRequest, Gateway
from aver.gateway.config.types import GatewayConfig
from aver.gateway.types import ToolDelta, Usage
from aver.guard import Check, Guard, Mode, Rail, Vault
from aver.guard.vault import anyone_of_the_tenant
from aver.policy import Action, Annotations, Decision, Effect
from aver.store import Store, Switches
from aver.testing import FixedClock

READ = Annotations(frozenset({Effect.READ}), output="untrusted")
SEND = Annotations(frozenset({Effect.SEND}), targets=("to",), content=("text",))
BOOK = Annotations(frozenset({Effect.WRITE}), reversal="compensable", compensation="cancel", output="trusted")
WRITE = Annotations(frozenset({Effect.WRITE}), output="trusted")


def schema(**properties: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass
class Scripted:
    """A tool that does as it is told: its ``done`` lists every time it was run, by key."""

    name: str
    annotations: Annotations
    parameters: Mapping[str, Any]
    does: Callable[[Mapping[str, Any]], Any] = lambda arguments: {"ok": True}
    description: str = "A tool."
    returns: Mapping[str, Any] | None = None
    done: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def call(self, arguments: Mapping[str, Any], key: str) -> Result:
        self.done.append((key, dict(arguments)))
        value = self.does(arguments)
        if isinstance(value, Exception):
            raise value
        return value if isinstance(value, Result) else Result(value, json.dumps(value))


class Script:
    """A model that says what it is told to: texts, and lists of calls ``(tool, arguments)``. A callable is asked with the request."""

    name = "builtin:script"
    mode = "generated"

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.requests: list[ChatRequest] = []

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, str):
            yield ChatDelta(reply)
        else:
            for at, (tool, arguments) in enumerate(reply):
                written = arguments if isinstance(arguments, str) else json.dumps(arguments)
                yield ChatDelta(tool=ToolDelta(at, f"c{len(self.requests)}_{at}", tool, written))
        finish = "stop" if isinstance(reply, str) else "tool_calls"
        yield ChatDelta(finish=finish, usage=Usage(100, 10))

    async def close(self) -> None: ...

    def heard(self) -> str:
        """Everything the model was last shown, as one text."""
        return repr(self.requests[-1].messages)


class Open:
    """A reading of knowledge that is never asked."""

    def readable(self, *_: Any) -> frozenset[Any]:
        return frozenset()


def allow(_: Action) -> Decision:
    return Decision("allow", "Everything is allowed here.", ("all",))


def ask_to_send(action: Action) -> Decision:
    if Effect.SEND in action.annotations.effects:
        return Decision("ask", "It leaves the house.", ("leaves",))
    return allow(action)


def _guard(checks: Mapping[Any, Sequence[tuple[Check, Mode]]]) -> Guard:
    return Guard({place: [Rail(each, mode) for each, mode in several] for place, several in checks.items()})


class Scene:
    """One tenant of one installation, at ``folder``. Another scene at the same folder is another process."""

    def __init__(
        self,
        folder: Path,
        model: Any,
        tools: Sequence[Any],
        decide: Callable[[Action], Decision] = allow,
        *,
        agent: Agent | None = None,
        guard: Guard | Mapping[Any, Sequence[tuple[Check, Mode]]] | None = None,
        vault: bool = False,
        clock: Any = None,
        database_url: str | None = None,
        seconds: float = 15.0,
        identify: Any = None,
    ) -> None:
        self.clock = clock or FixedClock()
        self.store = Store(folder / "data", database_url, self.clock)
        if not self.store.tenants():
            self.store.create_tenant("acme")
        self.tenant = self.store.tenant("acme")
        self.ledger = Ledger(self.tenant, self.clock)
        self.model, self.tools = model, list(tools)
        config = GatewayConfig()
        gateway = Gateway(lambda: config, builtin=[model])
        self.journal = Journal(self.tenant, self.ledger, self.clock, seconds)
        extra = {"identify": identify} if identify else {}
        self.parts = Parts(
            self.journal,
            Conversations(self.tenant, self.ledger, Open()),
            agent or Agent(model.name),
            gateway,
            lambda _: self.tools,
            decide,
            Switches(self.store.switches),
            guard if isinstance(guard, Guard) else _guard(guard or {}),
            Vault(self.tenant, self.clock, anyone_of_the_tenant) if vault else None,
            **extra,
        )
        self.acting = Acting(self.parts)
        self.ann = self.person("ann")

    def person(self, name: str, *roles: str) -> Principal:
        return Principal(self.tenant.tenant.id, name, roles=frozenset(roles))

    async def ask(self, task: str = "Do it for bob", **more: Any) -> Outcome:
        return await self.acting.ask(self.ann, task, **more)

    def steps(self, turn: str) -> list[Step]:
        return list(self.ledger.turn(turn))

    def kinds(self, turn: str) -> list[str]:
        return [step.kind for step in self.steps(turn)]

    def facts(self, turn: str, kind: str) -> list[dict[str, Any]]:
        return [step.facts for step in self.steps(turn) if step.kind == kind]

    def close(self) -> None:
        assert self.ledger.verify().ok
        self.store.close()
