"""What only SQLite can do wrong. Everything else is in the contract that both engines keep."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from aver.core.errors import StorageFull, Unavailable
from aver.store import Store, embedded


@pytest.fixture
def patience():
    """How long to wait for a lock, in seconds."""
    return embedded.LOCK_SECONDS


@pytest.fixture
def store(tmp_path, monkeypatch, patience):
    monkeypatch.setattr(embedded, "LOCK_SECONDS", patience)
    opened = Store(tmp_path / "data with # and ? and %")
    yield opened
    opened.close()


@pytest.fixture
def tenant(store):
    store.create_tenant("acme")
    return store.tenant("acme")


@pytest.mark.parametrize("patience", [0.1])
class TestWaiting:
    def test_a_lock_held_by_another_process_for_too_long_is_said(self, tenant):
        other = sqlite3.connect(tenant.directory / "tenant.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="Another writer"), tenant.begin():
            pass
        other.execute("ROLLBACK")
        other.close()
        with tenant.begin():
            pass

    def test_a_transaction_inside_another_is_refused_in_the_end(self, tenant):
        with tenant.begin(), pytest.raises(Unavailable, match="Another writer"), tenant.begin():
            pass
        with tenant.begin():
            pass

    def test_scrubbing_beside_a_reader_says_that_the_data_is_still_there(self, tenant):
        with tenant.read() as tx:
            tx.execute(text("SELECT * FROM steps")).all()
            with ThreadPoolExecutor(1) as thread, pytest.raises(Unavailable, match="write-ahead log"):
                thread.submit(tenant.scrub).result()
        tenant.scrub()


def test_a_missing_database_is_not_made_anew(store, tenant, tmp_path):
    store.close()
    (tenant.directory / "tenant.db").unlink()
    again = Store(tenant.directory.parents[1])
    with pytest.raises(Unavailable, match="missing"):
        again.tenant("acme")
    again.close()


def test_a_full_disk_while_making_a_tenant_leaves_nothing(store, monkeypatch):
    def full(connection, branch):
        connection.execute(text("PRAGMA max_page_count = 2"))
        migrate(connection, branch)

    migrate = embedded.migrate
    with monkeypatch.context() as patched:
        patched.setattr(embedded, "migrate", full)
        with pytest.raises(StorageFull):
            store.create_tenant("acme")
    assert store.tenants() == []
    assert list(store._tenants.iterdir()) == []
    store.create_tenant("acme")


WORD = "never-to-be-found-again"
OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["put", "delete"]), st.integers(0, 5), st.integers(1, 9000)), max_size=25
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_whatever_was_written_deleted_rows_leave_no_trace_after_scrubbing(tenant, operations):
    put = text("INSERT OR REPLACE INTO index_state VALUES (:name, 1, 1, :recipe, aver_tenant())")
    for operation, key, length in [*operations, *(("delete", key, 0) for key in range(6))]:
        with tenant.begin() as tx:
            if operation == "put":
                tx.execute(put, {"name": f"{key}{WORD}", "recipe": (WORD * length)[:length] + WORD})
            else:
                tx.execute(text("DELETE FROM index_state WHERE name = :name"), {"name": f"{key}{WORD}"})
    tenant.scrub()
    files = [path for path in tenant.directory.rglob("*") if path.is_file()]
    assert not any(WORD.encode() in path.read_bytes() for path in files)
