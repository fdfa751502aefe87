"""One writer at a time, readers on snapshots, all or nothing, locks that end with their holder; on either engine."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from aver.core.errors import Conflict, StorageFull, Unavailable
from aver.store import Store, TenantStore, after_commit
from tests.contract.tables import COUNTER
from tests.processes import PROCESSES


@pytest.fixture
def tenant(store: Store) -> TenantStore:
    store.create_tenant("acme")
    entered = store.tenant("acme")
    with entered.begin() as tx:
        tx.execute(insert(COUNTER), {"name": "n", "generation": 1, "version": 0, "recipe": ""})
    return entered


def _count(tenant: TenantStore) -> int:
    with tenant.read() as tx:
        return tx.scalars(select(COUNTER.c.version)).one()


def _increment(tenant: TenantStore, times: int) -> None:
    """Reads, then writes what it read and one more: loses counts unless writers take turns."""
    for _ in range(times):
        with tenant.begin() as tx:
            found = tx.scalars(select(COUNTER.c.version)).one()
            tx.execute(update(COUNTER).values(version=found + 1))


def _increment_elsewhere(data: Path, url: str | None, times: int, together) -> None:
    store = Store(data, url)
    tenant = store.tenant("acme")
    together.wait(60)
    _increment(tenant, times)
    store.close()


def _write_and_wait(data: Path, url: str | None, ready) -> None:
    store = Store(data, url)
    tenant = store.tenant("acme")
    with tenant.lock("ingest"), tenant.begin() as tx:
        tx.execute(update(COUNTER).values(version=99))
        ready.set()
        threading.Event().wait()


def test_a_transaction_is_all_or_nothing(tenant):
    with pytest.raises(ZeroDivisionError), tenant.begin() as tx:  # noqa: PT012 - what was done before must be undone
        tx.execute(update(COUNTER).values(version=7))
        _ = 1 / 0
    with pytest.raises(IntegrityError), tenant.begin() as tx:  # noqa: PT012
        tx.execute(update(COUNTER).values(version=8))
        tx.execute(insert(COUNTER), {"name": "n", "generation": 1, "version": 0, "recipe": ""})
    assert _count(tenant) == 0


def test_writers_in_threads_take_turns(tenant):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: _increment(tenant, 10), range(8)))
    assert _count(tenant) == 80


def test_writers_in_processes_take_turns(tenant, tmp_path, database_url):
    together = PROCESSES.Barrier(3)
    arguments = (tmp_path / "data", database_url, 30, together)
    processes = [PROCESSES.Process(target=_increment_elsewhere, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    together.wait(60)
    _increment(tenant, 30)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert _count(tenant) == 90


def test_tenants_do_not_wait_for_each_other(store, tenant):
    store.create_tenant("other")
    with tenant.begin(), store.tenant("other").begin() as tx:
        tx.execute(insert(COUNTER), {"name": "n", "generation": 1, "version": 0, "recipe": ""})


def test_a_reader_sees_one_snapshot_and_keeps_no_writer_waiting(tenant):
    with tenant.read() as tx:
        assert tx.scalars(select(COUNTER.c.version)).one() == 0
        with ThreadPoolExecutor(1) as thread:
            thread.submit(_increment, tenant, 3).result()
        assert tx.scalars(select(COUNTER.c.version)).one() == 0
    assert _count(tenant) == 3


def test_a_reader_sees_nothing_uncommitted(tenant):
    with tenant.begin() as tx:
        tx.execute(update(COUNTER).values(version=5))
        assert _count(tenant) == 0
    assert _count(tenant) == 5


def test_a_reader_cannot_write(tenant):
    with pytest.raises(Unavailable), tenant.read() as tx:
        tx.execute(update(COUNTER).values(version=5))
    _increment(tenant, 1)  # the connection it used writes again
    assert _count(tenant) == 1


def test_a_killed_writer_leaves_nothing_and_holds_nothing(tenant, tmp_path, database_url):
    ready = PROCESSES.Event()
    process = PROCESSES.Process(target=_write_and_wait, args=(tmp_path / "data", database_url, ready))
    process.start()
    assert ready.wait(60)
    with pytest.raises(Conflict, match="'ingest'"), tenant.lock("ingest"):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    _increment(tenant, 1)
    assert _count(tenant) == 1
    _lock_soon(tenant, "ingest")


def _lock_soon(tenant: TenantStore, name: str) -> None:
    """A server notices that a client is gone a moment after it went."""
    for _ in range(1200):
        try:
            with tenant.lock(name):
                return
        except Conflict:
            threading.Event().wait(0.05)
    pytest.fail("the lock outlived its holder")


def test_a_lock_is_held_once_by_name_and_tenant(store, tenant):
    store.create_tenant("other")
    with tenant.lock("ingest/a"):
        with pytest.raises(Conflict, match="'ingest/a'"), tenant.lock("ingest/a"):
            pass
        with tenant.lock("ingest"), tenant.lock("../ingest/a"), store.tenant("other").lock("ingest/a"):
            pass
    with tenant.lock("ingest/a"):
        pass


def test_a_lock_ends_with_an_error_inside(tenant):
    with pytest.raises(ZeroDivisionError), tenant.lock("ingest"):
        _ = 1 / 0
    with tenant.lock("ingest"):
        pass


def test_text_sorts_by_code_point(tenant):
    words = ["Z", "a", "ä", "B", "_", "1", "é", "z", "\U0001f600", "\uffff", "a b", "ab", ""]
    with tenant.begin() as tx:
        tx.execute(
            insert(COUNTER), [{"name": f"w{word}", "generation": 1, "version": 0, "recipe": ""} for word in words]
        )
    with tenant.read() as tx:
        found = tx.scalars(select(COUNTER.c.name).order_by(COUNTER.c.name)).all()
    assert found == sorted(found)


def test_a_full_disk_is_said_and_changes_nothing(tenant, database_url):
    with pytest.raises(StorageFull) as caught, tenant.begin() as tx:  # noqa: PT012
        tx.execute(update(COUNTER).values(version=9))
        if database_url is None:
            tx.execute(text("PRAGMA max_page_count = 1"))  # SQLite then allows the pages there are, and no more
            tx.execute(update(COUNTER).values(recipe="x" * 1_000_000))
        else:
            tx.execute(
                text("DO $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$")
            )
    assert "full" in caught.value.cause
    assert _count(tenant) == 0


def test_deleted_rows_are_gone_from_the_files(tenant, tmp_path, database_url, postgres):
    secret = "a-word-that-is-nowhere-else"
    with tenant.begin() as tx:
        for number in range(50):
            tx.execute(
                insert(COUNTER), {"name": f"{number}{secret}", "generation": 1, "version": 0, "recipe": secret * 500}
            )
    with tenant.begin() as tx:
        tx.execute(update(COUNTER).values(recipe=secret * 3))
    with tenant.begin() as tx:
        tx.execute(text("DELETE FROM index_state"))
    files = tmp_path if database_url is None else postgres.data / "base"
    tenant.scrub()
    if database_url is not None:
        postgres.execute("CHECKPOINT")
    assert [path for path in files.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()] == []


def _undone(tenant, tell):
    with tenant.begin() as tx:
        after_commit(tx, tell)
        raise ZeroDivisionError


def test_what_committed_is_told_and_nothing_else(tenant, store):
    told = []
    with pytest.raises(ZeroDivisionError):
        _undone(tenant, lambda: told.append("undone"))
    with tenant.begin() as tx:
        after_commit(tx, lambda: told.append(_count(tenant)))
        after_commit(tx, lambda: told.append("second"))
        tx.execute(update(COUNTER).values(version=7))
        assert told == []
    assert told == [7, "second"]
    with tenant.begin(), tenant.read():
        pass
    assert told == [7, "second"]
    with store.begin() as tx:
        after_commit(tx, lambda: told.append("of all"))
    assert told[-1] == "of all"


def test_each_of_many_writers_is_told_of_its_own(tenant):
    told = []

    def write(number: int) -> None:
        with tenant.begin() as tx:
            after_commit(tx, lambda: told.append(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert sorted(told) == list(range(40))
