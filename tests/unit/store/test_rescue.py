"""A database file that is removed while it is open: nothing goes where nobody finds it, and nothing of it is lost."""

import os

import pytest

from aver.core import SystemClock
from aver.core.errors import Unavailable
from aver.evidence import Draft, Ledger
from aver.store import Store


def write(tenant, ledger, turns) -> None:
    for turn in turns:
        with tenant.begin() as tx:
            ledger.append_all(tx, [Draft(turn, "sealed", None, {})])


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "data")
    opened.create_tenant("acme")
    yield opened
    opened.close()


def test_what_was_committed_is_put_back_from_what_is_open(store, tmp_path):
    tenant = store.tenant("acme")
    ledger = Ledger(tenant, SystemClock())
    write(tenant, ledger, [f"turn_{n}" for n in range(20)])
    before = ledger.verify().steps
    (tenant.directory / "tenant.db").unlink()
    for begin in (tenant.begin, tenant.read):
        with pytest.raises(Unavailable, match="is gone"), begin():
            pytest.fail("nobody is let in")
    assert tenant.recover()
    assert not tenant.recover()
    write(tenant, ledger, ["turn_after"])
    found = ledger.verify()
    assert (found.ok, found.steps) == (True, before + 1)
    store.close()
    again = Store(tmp_path / "data")
    assert Ledger(again.tenant("acme"), SystemClock()).verify().steps == before + 1
    again.close()
    assert (tenant.directory / "tenant.db").stat().st_mode & 0o777 == 0o600


def test_the_control_database_too(store, tmp_path):
    os.unlink(tmp_path / "data" / "control.db")  # noqa: PTH108
    assert "control.db is gone" in store.problem()
    with pytest.raises(Unavailable, match=r"control\.db"):
        store.tenants()
    assert store.recover()
    assert [each.name for each in store.tenants()] == ["acme"]
    assert store.problem() == ""


def test_a_file_in_its_place_is_let_be_and_not_used(store):
    tenant = store.tenant("acme")
    path = tenant.directory / "tenant.db"
    path.rename(path.with_name("elsewhere.db"))
    path.write_bytes(b"")
    assert not tenant.recover()
    with pytest.raises(Unavailable, match="was replaced"), tenant.read():
        pytest.fail("what is empty would be taken for the data")


def test_a_change_during_which_it_is_removed_is_not_told_as_kept(store):
    tenant = store.tenant("acme")
    ledger = Ledger(tenant, SystemClock())

    def change() -> None:
        with tenant.begin() as tx:
            ledger.append_all(tx, [Draft("turn_1", "sealed", None, {})])
            (tenant.directory / "tenant.db").unlink()

    with pytest.raises(Unavailable, match="not known whether"):
        change()
    assert tenant.recover()
    assert ledger.verify().steps == 1
