"""A model as it is called: where it is, and how it has been doing."""

from __future__ import annotations

from typing import Any

from aver.gateway.calling.breaker import CircuitBreaker
from aver.gateway.calling.bulkhead import Bulkhead
from aver.gateway.calling.latency import Latency
from aver.gateway.config.types import Model, ProviderConfig
from aver.gateway.routing.types import ModelState
from aver.gateway.upstream import Upstream

__all__ = ["Deployment"]


class Deployment:
    """Lives as long as its declaration: its breaker and its latencies outlast a reload that did not touch it. Models of one provider
    share its ``bulkhead``."""

    def __init__(self, upstream: Upstream, bulkhead: Bulkhead) -> None:
        self.upstream = upstream
        self.bulkhead = bulkhead
        self.breaker = CircuitBreaker(upstream.provider.breaker)
        self.first = Latency()
        """Seconds to the first token of streams."""
        self.whole = Latency()
        """Seconds to the end of replies that did not stream."""
        self.in_flight = 0
        self.prefills: bool | None = None
        """Whether it writes on from a last message of its own; ``None`` before it was seen to refuse."""

    @property
    def model(self) -> Model:
        return self.upstream.model

    @property
    def provider(self) -> ProviderConfig:
        return self.upstream.provider

    def state(self, now: float, nano_usd: int | None) -> ModelState:
        first = self.first.mean if self.first.mean is not None else self.whole.mean
        return ModelState(first, self.in_flight, self.breaker.is_open(now), nano_usd)

    def status(self, now: float) -> dict[str, Any]:
        """For people."""
        return {
            "provider": self.provider.name,
            "breaker": self.breaker.state(now),
            "retry_after": round(self.breaker.retry_after(now), 1),
            "in_flight": self.in_flight,
            "provider_busy": self.bulkhead.busy,
            "provider_waiting": self.bulkhead.waiting,
            "first_token": self.first.mean,
            "first_token_p95": self.first.quantile(0.95),
            "whole": self.whole.mean,
            "whole_p95": self.whole.quantile(0.95),
        }
