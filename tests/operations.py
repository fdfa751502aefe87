"""Turns as features put them on record, with what they came to, and operations over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aver.core.ids import new_id
from aver.core.yaml import parse_yaml
from aver.evidence import Draft, Ledger
from aver.ops.alerts.types import Message
from aver.ops.declaration import read_objectives
from aver.ops.service import Operations
from aver.ops.types import ObjectivesConfig, Route
from aver.store import Store, TenantStore
from aver.testing import FixedClock

__all__ = ["Bench", "call", "declared", "open_bench", "turn"]


def declared(text: str) -> ObjectivesConfig:
    return read_objectives(parse_yaml(text, "aver.yaml"))


def turn(
    *,
    feature: str = "assistant",
    failed: str = "",
    ms: float = 800.0,
    abstained: bool = False,
    claims: int = 3,
    supported: int | None = None,
    tokens: int = 1000,
    nano: int = 2_000_000,
    passages: int = 5,
    checked: Mapping[str, Any] | None = None,
    tools: Iterable[str] = (),
    user: str = "ann",
    model: str = "small",
    provider: str = "one",
    more: Mapping[str, Any] | None = None,
) -> list[Draft]:
    """The steps of one turn."""
    mine = new_id("turn")

    def draft(kind: Any, facts: dict[str, Any]) -> Draft:
        return Draft(mine, kind, f"user:{user}", facts, None)

    called = {"feature": feature, "model": model, "provider": provider, "nano_usd": nano, "ms": ms}
    called |= {"input_tokens": tokens, "output_tokens": tokens // 10, "config": "c1", "prices": "p1"}
    found = [draft("admitted", {"feature": feature, "release": "r" * 16, "characters": 30, **(more or {})})]
    if checked:
        found.append(draft("checked", dict(checked)))
    found.append(draft("retrieved", {"passages": passages}))
    found.append(draft("called", called))
    found += [draft("executed", {"tool": "search", "outcome": outcome}) for outcome in tools]
    if failed:
        return [*found, draft("failed", {"error": failed, "ms": ms})]
    found.append(draft("verified", {"claims": claims, "supported": claims if supported is None else supported}))
    found.append(draft("responded", {"abstained": abstained, "ms": ms}))
    return [*found, draft("sealed", {"ms": ms})]


def call(**facts: Any) -> list[Draft]:
    """A call that is part of no turn."""
    known = {"model": "small", "provider": "one", "nano_usd": 1_000_000, "ms": 300.0, "input_tokens": 100}
    return [Draft(new_id("call"), "called", "user:ann", known | facts, None)]


@dataclass
class Bench:
    """A tenant, a clock, and a far end that takes what it is sent, or does not."""

    store: TenantStore
    ledger: Ledger
    clock: FixedClock
    config: ObjectivesConfig
    sent: list[tuple[Route, Message]] = field(default_factory=list)
    broken: Exception | None = None
    lags: dict[str, float] = field(default_factory=dict)
    changes: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)

    def operations(self) -> Operations:
        """Another process's, each time."""
        return Operations(
            self.store,
            self.ledger,
            self.clock,
            lambda: self.config,
            send=self._send,
            lags=lambda: self.lags,
            explain=lambda before, after: self.changes.get((before, after), []),
        )

    def _send(self, route: Route, message: Message) -> None:
        if self.broken is not None:
            raise self.broken
        self.sent.append((route, message))

    def write(self, *turns: list[Draft]) -> None:
        with self.store.begin() as tx:
            self.ledger.append_all(tx, [draft for each in turns for draft in each])

    def pass_time(self, seconds: float, every: float = 60.0, **given: Any) -> None:
        """A turn every so often."""
        for _ in range(int(seconds / every)):
            self.write(turn(**given))
            self.clock.advance(every)


def open_bench(folder: Path, config: str = "{}") -> Bench:
    clock = FixedClock()
    store = Store(folder / "data", clock=clock)
    store.create_tenant("acme")
    tenant = store.tenant("acme")
    return Bench(tenant, Ledger(tenant, clock), clock, declared(config))
