"""What the calls of each tenant came to since this process began, for whoever watches it. Evidence is what accounts are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from aver.gateway.calls import CacheVerdict, CallRecord

__all__ = ["CallCounts", "Counted", "Kind"]


class Kind(NamedTuple):
    """Which calls are counted together. ``route``, ``provider`` and ``model`` are declared names, empty where nobody was asked; ``outcome``
    is ``ok`` or the slug of an error."""

    route: str
    provider: str
    model: str
    outcome: str
    cache: CacheVerdict


@dataclass(slots=True)
class Counted:
    """What calls of one kind came to; of the input tokens ``cached_tokens`` were read from the provider's cache."""

    calls: int = 0
    seconds: float = 0.0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    nano_usd: int = 0


class CallCounts:
    """Written by one event loop, read by any thread. There are as many kinds as a configuration can bring about, whatever is asked for."""

    def __init__(self) -> None:
        self._tenants: dict[str, dict[Kind, Counted]] = {}

    def add(self, tenant: str, record: CallRecord) -> None:
        """A call of this tenant has ended."""
        last = record.attempts[-1] if record.attempts else None
        provider, model = (last.provider, last.model) if last else ("", "")
        kind = Kind(record.route, provider, model, record.error or "ok", record.cache)
        counted = self._tenants.setdefault(tenant, {}).setdefault(kind, Counted())
        counted.calls += 1
        counted.seconds += record.ms / 1000
        counted.input_tokens += record.usage.input_tokens
        counted.cached_tokens += record.usage.cached_tokens
        counted.output_tokens += record.usage.output_tokens
        counted.nano_usd += record.nano_usd

    def of(self, tenant: str) -> dict[Kind, Counted]:
        """What the calls of one tenant came to, by kind."""
        return dict(self._tenants.get(tenant, {}))
