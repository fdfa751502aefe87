"""Opening an installation, making and entering tenants, keeping their secrets; on either engine."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aver.core.errors import AverError, Conflict, InvalidInput, NotFound, Unavailable
from aver.store import Store
from aver.store import service as service_module
from tests.processes import PROCESSES


def _open_and_create(data: Path, url: str | None, start, outcomes) -> None:
    start.wait()
    store = Store(data, url)
    try:
        outcomes.put(store.create_tenant("acme").id)
    except Conflict as error:
        outcomes.put(error.cause)
    store.close()


def test_a_tenant_is_found_by_name_and_by_id(store):
    made = [store.create_tenant(name) for name in ("acme", "Bäckerei & Söhne", "x" * 100)]
    assert store.tenants() == made
    for tenant in made:
        assert store.tenant(tenant.name).tenant == tenant
        assert store.tenant(tenant.id).tenant == tenant


@pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "x" * 101, "tenant_01arz3ndektsv4rrffq69g5fav"])
def test_refuses_names_that_mislead(store, name):
    with pytest.raises(InvalidInput):
        store.create_tenant(name)
    assert store.tenants() == []


def test_an_unknown_tenant_is_not_found(store):
    store.create_tenant("acme")
    for name in ("ACME", "other", "", "acme'; DROP TABLE tenants; --", "../acme", "a\0cme", "\ud800"):
        with pytest.raises(NotFound):
            store.tenant(name)


def test_a_name_is_taken_once(store):
    first = store.create_tenant("acme")
    with pytest.raises(Conflict, match="'acme' exists already"):
        store.create_tenant("acme")
    assert store.tenants() == [first]
    assert [path.name for path in first_directory(store).parent.iterdir()] == [first.id]


def first_directory(store: Store) -> Path:
    return store.tenant(store.tenants()[0].id).directory


def test_of_two_processes_making_the_same_tenant_one_gets_a_conflict(tmp_path, database_url):
    start, outcomes = PROCESSES.Event(), PROCESSES.Queue()
    arguments = (tmp_path / "data", database_url, start, outcomes)
    processes = [PROCESSES.Process(target=_open_and_create, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    start.set()
    said = sorted(outcomes.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    assert said[0] == "Tenant 'acme' exists already"
    assert said[1].startswith("tenant_")
    store = Store(tmp_path / "data", database_url)
    assert [tenant.id for tenant in store.tenants()] == [said[1]]
    store.close()


def test_threads_may_open_make_and_enter_at_once(tmp_path, database_url):
    def work(number: int) -> str:
        store = Store(tmp_path / "data", database_url)
        try:
            own = store.create_tenant(f"tenant {number}")
            with store.tenant(own.name).read():
                return own.id
        finally:
            store.close()

    with ThreadPoolExecutor(6) as threads:
        made = set(threads.map(work, range(6)))
    store = Store(tmp_path / "data", database_url)
    assert {tenant.id for tenant in store.tenants()} == made
    store.close()


def test_a_failed_creation_leaves_nothing_and_the_name_is_free(store, tmp_path, monkeypatch):
    def fail(*_arguments) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(service_module, "sync_directory", fail)  # the last step before the commit
        with pytest.raises(AverError, match="full"):
            store.create_tenant("acme")
    assert store.tenants() == []
    with pytest.raises(NotFound):
        store.tenant("acme")
    store.create_tenant("acme")
    assert [tenant.name for tenant in store.tenants()] == ["acme"]


def test_leftovers_of_a_crash_are_removed_by_the_next_creation(store, tmp_path):
    leftover = tmp_path / "data" / "tenants" / ".new-tenant_1"
    (leftover / "keys").mkdir(parents=True)
    store.create_tenant("acme")
    assert not leftover.exists()


def test_secrets_are_the_tenants_own_and_stay(store, tmp_path, database_url):
    for name in ("acme", "other"):
        store.create_tenant(name)
    masters = [store.tenant(name).master_key() for name in ("acme", "other")]
    signers = [store.tenant(name).signing_key().private_bytes_raw() for name in ("acme", "other")]
    assert len({*masters, *signers}) == 4
    assert all(len(secret) == 32 for secret in masters)
    again = Store(tmp_path / "data", database_url)
    assert again.tenant("acme").master_key() == masters[0]
    assert again.tenant("acme").signing_key().private_bytes_raw() == signers[0]
    again.close()


def test_a_lost_or_damaged_secret_is_never_replaced(store):
    store.create_tenant("acme")
    tenant = store.tenant("acme")
    path = tenant.directory / "keys" / "master.key"
    path.write_bytes(b"short")
    with pytest.raises(Unavailable, match="damaged"):
        tenant.master_key()
    path.unlink()
    with pytest.raises(Unavailable, match="cannot be read"):
        tenant.master_key()
    assert not path.exists()


def test_only_the_owner_can_read_what_is_stored(store, tmp_path):
    store.create_tenant("acme")
    with store.tenant("acme").lock("ingest"), store.tenant("acme").begin():
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_a_data_directory_that_cannot_be_used_is_named(tmp_path, database_url):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=r"The data directory .*file/data cannot be used"):
        Store(tmp_path / "file" / "data", database_url)
