"""Every contract runs on each engine a store can have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aver.store import Store
from tests.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A database of this test's own, with Aver's schema in it."""
    with postgres.database(like=postgres.migrated) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """What a store is opened with: nothing for SQLite, the URL of a new database for Postgres."""
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else None


@pytest.fixture
def store(tmp_path: Path, database_url: str | None) -> Iterator[Store]:
    """An empty store."""
    opened = Store(tmp_path / "data", database_url)
    yield opened
    opened.close()
