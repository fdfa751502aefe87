"""Gateways for tests: configurations over servers, and calls of a caller who keeps the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aver.core import Principal
from aver.core.settings import ModelTimeouts
from aver.gateway import Call, CallRecord, Completion, Gateway
from aver.gateway.config.types import Arm, Breaker, GatewayConfig, Model, ProviderConfig, ProviderKind, Route
from aver.gateway.types import ChatDelta, ChatRequest, Family
from aver.gateway.wire.registry import door

PATIENT = ModelTimeouts()
ANN = Principal("tenant_northwind", "ann")


def config(
    *base_urls: str,
    kinds: Sequence[ProviderKind] = (),
    timeouts: ModelTimeouts | Sequence[ModelTimeouts] = PATIENT,
    model: Mapping[str, Any] | None = None,
    provider: Mapping[str, Any] | None = None,
    budgets: Sequence[Any] = (),
    unknown_price: Any = "refuse",
    **route: Any,
) -> GatewayConfig:
    """A route ``r`` over the models ``m0``, ``m1`` … of the providers ``p0``, ``p1`` … at these addresses.

    A test that waits for a provider in vain gives that one little time and the others, which are to answer, all the time they need.
    """
    patience = [timeouts] * len(base_urls) if isinstance(timeouts, ModelTimeouts) else timeouts
    declared = {"breaker": Breaker(failures=50)} | dict(provider or {})
    providers = {
        f"p{n}": ProviderConfig(f"p{n}", kinds[n] if kinds else "openai", url, timeouts=patience[n], **declared)
        for n, url in enumerate(base_urls)
    }
    models = {f"m{n}": Model(f"m{n}", f"p{n}", "fake", **(model or {})) for n in range(len(base_urls))}
    arms = route.pop("arms", tuple(Arm(name) for name in models))
    return GatewayConfig(providers, models, {"r": Route("r", arms, **route)}, tuple(budgets), unknown_price)


@dataclass
class Caller:
    """Asks a gateway through a door, and keeps the records of its calls."""

    gateway: Gateway
    family: Family = "openai"
    model: str = "r"
    records: list[CallRecord] = field(default_factory=list)

    @property
    def record(self) -> CallRecord:
        return self.records[-1]

    @property
    def outcomes(self) -> list[tuple[str, str, str]]:
        """Of the last call's attempts: the model, its role, its outcome."""
        return [(each.model, each.role, each.outcome) for each in self.record.attempts]

    def call(self, prompt: str = "How many days of leave?", *, stream: bool = False, **more: Any) -> Call:
        body = {"model": self.model, "messages": [{"role": "user", "content": prompt}], "stream": stream, **more}
        if self.family == "anthropic":
            body.setdefault("max_tokens", 200)
        return Call(
            ANN,
            self.model,
            lambda _, record: self.records.append(record),
            lambda: door(self.family).chat(body),
            stream=stream,
            family=self.family,
            body=body,
            size=len(prompt.encode()) + 60,
        )

    def own(self, chat: ChatRequest, *, stream: bool = False) -> Call:
        """A call of Aver's own."""
        return Call(ANN, self.model, lambda _, record: self.records.append(record), lambda: chat, stream=stream)

    async def complete(self, prompt: str = "How many days of leave?", **more: Any) -> Completion:
        return await self.gateway.complete(self.call(prompt, **more))

    async def stream(self, prompt: str = "How many days of leave?", **more: Any) -> str:
        """The text of a streamed reply that ended well."""
        return await self.told(self.call(prompt, stream=True, **more), [])

    async def told(self, call: Call, deltas: list[ChatDelta]) -> str:
        """The text of a streamed reply; ``deltas`` takes what came, whatever happens then."""
        reply = await self.gateway.open(call)
        try:
            async for batch in reply:
                deltas += batch
        finally:
            await reply.aclose()
        return text(deltas)


def text(deltas: Sequence[ChatDelta]) -> str:
    return "".join(delta.text for delta in deltas)
