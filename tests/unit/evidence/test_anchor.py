import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from aver.core import SystemClock
from aver.evidence import Head, Ledger
from aver.evidence.anchor import Anchor
from aver.store import TenantStore


@pytest.fixture
def anchor(tmp_path: Path) -> Anchor:
    return Anchor(tmp_path / "keys" / "head.anchor", "tenant_1")


def test_it_remembers_the_furthest_head(anchor: Anchor) -> None:
    assert anchor.read() is None
    for seq in (1, 3, 2, 1_000_000, 999):
        anchor.advance(Head(seq, "ab" * 32))
    assert anchor.read() == (1_000_000, "ab" * 32)


@pytest.mark.parametrize("rubbish", [b"", b"{}", b"[]", b"\0" * 128, b'{"seq":1}', b'{"seq":"x","hash":"y"}'])
def test_one_that_cannot_be_read_is_none_and_is_replaced(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "head.anchor"
    path.write_bytes(rubbish)
    anchor = Anchor(path, "tenant_1")
    assert anchor.read() is None
    anchor.advance(Head(1, "ab" * 32))
    assert anchor.read() == (1, "ab" * 32)


def test_many_at_once_end_at_the_furthest(anchor: Anchor) -> None:
    heads = [Head(seq, f"{seq:064x}") for seq in range(1, 200)]
    threads = [threading.Thread(target=lambda n=n: [anchor.advance(head) for head in heads[n::4]]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert anchor.read() == heads[-1]


def append(tx, ledger: Ledger, turn: str = "turn_1") -> None:
    ledger.append(tx, turn=turn, kind="admitted", subject="user:ana", facts={}, body=None)


def anchored(tenant: TenantStore) -> Head | None:
    return Anchor(tenant.directory / "keys" / "head.anchor", tenant.tenant.id).read()


def test_it_follows_every_commit_and_nothing_else(tenant: TenantStore, ledger: Ledger) -> None:
    with tenant.begin() as tx:
        append(tx, ledger)
        append(tx, ledger)
        assert anchored(tenant) is None
    head = ledger.head()
    assert anchored(tenant) == head

    def fail() -> None:
        with tenant.begin() as tx:
            append(tx, ledger)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert anchored(tenant) == head == ledger.head()


def test_a_commit_that_fails_is_not_anchored(tenant: TenantStore, ledger: Ledger) -> None:
    with tenant.begin() as tx:
        tx.execute(text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        tx.execute(text("CREATE TABLE child (parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"))

    def fail() -> None:
        with tenant.begin() as tx:
            append(tx, ledger)
            tx.execute(text("INSERT INTO child VALUES (1)"))  # refused when it commits

    with pytest.raises(IntegrityError):
        fail()
    assert (anchored(tenant), ledger.head().seq) == (None, 0)
    with tenant.begin() as tx:
        append(tx, ledger)
    assert anchored(tenant) == ledger.head()
    assert ledger.verify().ok


def test_a_crash_before_it_was_written_is_caught_up_with(tenant: TenantStore, ledger: Ledger) -> None:
    path = tenant.directory / "keys" / "head.anchor"
    for _ in range(3):
        with tenant.begin() as tx:
            append(tx, ledger)
        if ledger.head().seq == 1:
            behind = path.read_bytes()
    path.write_bytes(behind)
    found = ledger.verify()
    assert found.ok, found
    with tenant.begin() as tx:
        append(tx, ledger)
    assert anchored(tenant) == ledger.head()


def test_one_that_cannot_be_written_does_not_undo_the_commit(tenant: TenantStore, ledger: Ledger) -> None:
    tenant.master_key()
    (tenant.directory / "keys" / "head.anchor").mkdir()
    with tenant.begin() as tx:
        append(tx, ledger)
    found = ledger.verify()
    assert (found.ok, found.steps) == (True, 1)
    assert "no anchor" in found.notes[0]


def test_a_chain_cut_and_grown_again_never_moves_it(tenant: TenantStore, ledger: Ledger) -> None:
    for _ in range(3):
        with tenant.begin() as tx:
            append(tx, ledger)
    stuck = anchored(tenant)
    engine = create_engine(f"sqlite:///{tenant.directory / 'tenant.db'}")
    with engine.begin() as tx:
        tx.execute(text("DELETE FROM steps WHERE seq > 1"))
    engine.dispose()
    for _ in range(2):
        with tenant.begin() as tx:
            for _ in range(3):
                append(tx, ledger)
    assert Ledger(tenant, SystemClock()).head().seq == 7
    assert anchored(tenant) == stuck
    assert ledger.verify().first_bad == 3
