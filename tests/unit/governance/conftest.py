"""The governance of a tenant in a fresh embedded store, at a time that the tests choose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from aver.evidence import Draft, Ledger
from aver.governance.declaration import Declaration
from aver.governance.declared import Declared
from aver.governance.service import Governance
from aver.store import Store, TenantStore


class FixedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.passed = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        self.passed += 2.0  # every look at what is declared is a fresh one
        return self.passed

    def move(self, days: float) -> None:
        self.at += timedelta(days=days)


class World:
    """A tenant and what is known of it."""

    def __init__(self, store: TenantStore, clock: FixedClock) -> None:
        self.store, self.clock = store, clock
        self.ledger = Ledger(store, clock)
        self.declared = Declared(store, clock, self.places)
        self.governance = Governance(store, self.ledger, clock, self.declared, "eu", _no_index)

    def places(self, ids: Iterable[str]) -> list[tuple[str, str]]:
        return self.governance.documents.places(ids)

    def declare(self, text: str) -> None:
        self.governance.declare(Declaration.parse(text, "governance.yaml"), "test")

    def turn(self, turn: str, user: str, documents: Sequence[str] = (), question: str = "why?") -> None:
        """A sealed turn of somebody who was shown passages of these documents."""
        subject = f"user:{user}"
        hits: dict[str, Any] = {"hits": [f"{each}.1.0" for each in documents]}
        drafts = [
            Draft(turn, "admitted", subject, {}, {"question": question, "user": user}),
            Draft(turn, "retrieved", subject, hits, {"hits": []}),
            Draft(turn, "responded", subject, {}, {"answer": "because"}),
            Draft(turn, "sealed", subject, {}),
        ]
        with self.store.begin() as tx:
            self.ledger.append_all(tx, drafts)

    def readable(self, turn: str) -> bool:
        return self.ledger.turn(turn)[0].body is not None


def _no_index() -> NoReturn:
    raise AssertionError("nothing here is to need the index")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = FixedClock()
    store = Store(tmp_path / "data", clock=clock)
    store.create_tenant("acme")
    yield World(store.tenant("acme"), clock)
    store.close()
