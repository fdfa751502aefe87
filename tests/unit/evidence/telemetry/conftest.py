"""Steps as the ledger tells of them, made by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aver.core.clock import rfc3339
from aver.evidence.types import Seen
from aver.store.types import Tenant

BEGAN = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
TENANT = Tenant("tenant_1", "northwind", BEGAN)


class Chain:
    """Makes steps of one chain, each a second after the one before."""

    def __init__(self) -> None:
        self.seq = 0

    def step(self, turn: str, kind: str, **facts: Any) -> Seen:
        self.seq += 1
        return Seen(self.seq, turn, kind, rfc3339(BEGAN + timedelta(seconds=self.seq)), json.dumps(facts))


@pytest.fixture
def chain() -> Chain:
    return Chain()


CALLED = {
    "call": "call_1",
    "operation": "chat",
    "asked": "answers",
    "route": "answers",
    "model": "fast",
    "provider": "azure",
    "attempts": 2,
    "cache": "miss",
    "input_tokens": 120,
    "cached_tokens": 20,
    "output_tokens": 30,
    "reasoning_tokens": 0,
    "nano_usd": 1_500_000,
    "finish": "stop",
    "error": None,
    "streamed": True,
    "first_ms": 250.0,
    "ms": 750.0,
}
