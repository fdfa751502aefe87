"""A ledger in a fresh embedded store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aver.core import SystemClock
from aver.evidence import Ledger
from aver.store import Store, TenantStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def tenant(store: Store) -> TenantStore:
    store.create_tenant("acme")
    return store.tenant("acme")


@pytest.fixture
def ledger(tenant: TenantStore) -> Ledger:
    return Ledger(tenant, SystemClock())
