"""The ledger on every engine: what is written can be read, verified and erased, and what is tampered with is named."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from aver.core import SystemClock, new_id
from aver.core.errors import InvalidInput, NotFound, TooLarge, VerificationFailed
from aver.evidence import Draft, Ledger, verify_export
from aver.store import Store, TenantStore

TURN = ("admitted", "retrieved", "responded", "sealed")


class Attacker:
    """Writes the database behind Aver's back, with every right the engine can give, but holds no key."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)

    def open(self) -> AbstractContextManager[Connection]:
        return self._engine.begin()

    def run(self, statement: str, **values: Any) -> None:
        with self.open() as tx:
            tx.execute(text(statement), values)

    def rows(self, table: str) -> list[dict[str, Any]]:
        order = {"steps": "seq", "checkpoints": "seq", "subjects": "id"}[table]
        with self.open() as tx:
            return [dict(row) for row in tx.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).mappings()]

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture
def tenant(store: Store) -> TenantStore:
    store.create_tenant("acme")
    return store.tenant("acme")


@pytest.fixture
def ledger(tenant: TenantStore) -> Ledger:
    return Ledger(tenant, SystemClock())


@pytest.fixture
def attacker(tenant: TenantStore, database_url: str | None) -> Iterator[Attacker]:
    url = database_url.replace("postgresql://", "postgresql+psycopg://") if database_url else None
    attacker = Attacker(url or f"sqlite:///{tenant.directory / 'tenant.db'}")
    yield attacker
    attacker.close()


def a_turn(tenant: TenantStore, ledger: Ledger, user: str = "user:ana", words: str = "how many days?") -> str:
    turn = new_id("turn")
    with tenant.begin() as tx:
        for number, kind in enumerate(TURN[:-1]):
            ledger.append(tx, turn=turn, kind=kind, subject=user, facts={"n": number}, body={"text": words})
        ledger.seal(tx, turn=turn, subject=user)
    return turn


def an_ingest(tenant: TenantStore, ledger: Ledger) -> None:
    with tenant.begin() as tx:
        facts = {"added": 2, "documents": ["doc_1", "doc_2"]}
        ledger.append(tx, turn=new_id("ingest"), kind="ingested", subject=None, facts=facts, body={"path": "a/b.md"})


@pytest.fixture
def chain(tenant: TenantStore, ledger: Ledger) -> list[int]:
    """An ingest, three turns of two people, one of them erased, one turn still open; the sequence numbers."""
    an_ingest(tenant, ledger)
    a_turn(tenant, ledger, "user:ana")
    a_turn(tenant, ledger, "user:bo")
    ledger.erase("user:ana")
    a_turn(tenant, ledger, "user:bo")
    with tenant.begin() as tx:
        ledger.append(tx, turn=new_id("turn"), kind="admitted", subject="user:bo", facts={}, body={"text": "and?"})
        ledger.append(tx, turn=new_id("turn"), kind="retrieved", subject="user:bo", facts={"ms": 1.5}, body=None)
    return list(range(1, ledger.head().seq + 1))


def test_a_turn_reads_back_as_it_was_written(tenant: TenantStore, ledger: Ledger) -> None:
    body = {
        "text": "Grüße \ud83d 🙂",
        "passages": [["doc", 1, 0, 12]],
        "score": 0.1,
        "none": None,
        "deep": {"a": [True]},
    }
    with tenant.begin() as tx:
        first = ledger.append(tx, turn="turn_1", kind="admitted", subject="user:ana", facts={"n": 1}, body=body)
        last = ledger.seal(tx, turn="turn_1", subject="user:ana", facts={"ms": 2.5})
    assert ledger.turn("turn_1") == (first, last)
    assert (first.seq, last.seq, first.body, last.body, first.erased) == (1, 2, body, None, False)
    assert ledger.head() == (2, last.hash)


def test_several_turns_are_read_at_once(tenant: TenantStore, ledger: Ledger) -> None:
    turns = [a_turn(tenant, ledger, f"user:u{number}") for number in range(3)]
    found = ledger.turns([*turns, "turn_none"])
    assert list(found) == turns
    assert all([step.kind for step in found[turn]] == list(TURN) for turn in turns)
    with pytest.raises(NotFound):
        ledger.turn("turn_none")


def test_steps_of_a_kind_are_read_in_order_however_many(tenant: TenantStore, ledger: Ledger) -> None:
    calls = [Draft(f"call_{number}", "called", f"user:u{number % 2}", {"n": number}, {}) for number in range(1201)]
    with tenant.begin() as tx:
        ledger.append_all(tx, calls)
    a_turn(tenant, ledger)
    ledger.erase("user:u1")
    found = list(ledger.of_kind("called"))
    assert [step.facts["n"] for step in found] == list(range(1201))
    assert {(step.facts["n"] % 2, step.erased, step.body is None) for step in found} == {
        (0, False, False),
        (1, True, True),
    }
    assert [step.kind for step in ledger.of_kind("sealed")] == ["sealed"]
    assert list(ledger.of_kind("ingested")) == []


def test_an_empty_ledger_verifies(ledger: Ledger) -> None:
    found = ledger.verify()
    assert (found.ok, found.steps, found.head, found.notes) == (True, 0, "0" * 64, ())
    assert len(found.key_fingerprint) == 64


def test_a_ledger_verifies_and_says_what_is_not_signed_yet(ledger: Ledger, chain: list[int]) -> None:
    seen: list[tuple[int, int]] = []
    found = ledger.verify(lambda done, total: seen.append((done, total)))
    assert found.ok, found
    assert (found.steps, found.checkpoints, found.unreadable) == (len(chain), 5, 4)
    assert found.notes == ("the last 2 steps are not under a signed checkpoint yet",)
    assert seen[-1] == (len(chain), len(chain))


def test_a_transaction_rolled_back_leaves_nothing(tenant: TenantStore, ledger: Ledger, chain: list[int]) -> None:
    def fail() -> None:
        with tenant.begin() as tx:
            ledger.append(tx, turn="turn_x", kind="admitted", subject="user:new", facts={}, body=None)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with tenant.begin() as tx:
        ledger.append(tx, turn="turn_y", kind="admitted", subject="user:bo", facts={}, body=None)
        savepoint = tx.begin_nested()
        ledger.append(tx, turn="turn_z", kind="admitted", subject="user:bo", facts={}, body=None)
        savepoint.rollback()
    assert ledger.verify().ok
    assert ledger.head().seq == len(chain) + 1
    a_turn(tenant, ledger)
    assert ledger.verify().ok


def test_what_may_not_be_written_is_refused_whole(tenant: TenantStore, ledger: Ledger) -> None:
    good = Draft("turn_1", "admitted", "user:ana")
    for bad, error in (
        (Draft("turn_1", "admitted", "user:ana", {"question": "how many days?"}), InvalidInput),
        (Draft("turn_1", "admitted", "user:ana", {}, {"at": object()}), InvalidInput),
        (Draft("turn_1", "admitted", "user:ana", {}, {"score": float("nan")}), InvalidInput),
        (Draft("turn_1", "admitted", "user:ana", {}, {"text": "x" * 2**24}), TooLarge),
    ):
        with tenant.begin() as tx, pytest.raises(error):
            ledger.append_all(tx, [good, bad])
    assert ledger.verify().steps == 0


def test_writers_at_once_make_one_chain(tenant: TenantStore, ledger: Ledger) -> None:
    failures: list[BaseException] = []

    def write(name: str) -> None:
        mine = Ledger(tenant, SystemClock())
        try:
            for _ in range(5):
                a_turn(tenant, mine, f"user:{name}")
                an_ingest(tenant, mine)
        except BaseException as error:  # noqa: BLE001 - told by the test, not by the thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ana", "bo", "ana", "cy")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    found = ledger.verify()
    assert found.ok, found
    assert found.steps == 4 * 5 * (len(TURN) + 1)


def test_a_reader_verifies_while_others_write(tenant: TenantStore, ledger: Ledger) -> None:
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            a_turn(tenant, ledger)

    a_turn(tenant, ledger)
    thread = threading.Thread(target=write)
    thread.start()
    try:
        results = [ledger.verify() for _ in range(20)]
    finally:
        done.set()
        thread.join()
    assert all(found.ok for found in results), results


def test_tenants_do_not_share_a_chain(store: Store, tenant: TenantStore, ledger: Ledger) -> None:
    store.create_tenant("other")
    other = store.tenant("other")
    theirs = Ledger(other, SystemClock())
    turn = a_turn(tenant, ledger)
    their_turn = a_turn(other, theirs)
    assert ledger.head().seq == theirs.head().seq == len(TURN)
    assert (ledger.verify().ok, theirs.verify().ok) == (True, True)
    for ledger_of, not_theirs in ((ledger, their_turn), (theirs, turn)):
        with pytest.raises(NotFound):
            ledger_of.turn(not_theirs)


# Erasure


def test_erasure_takes_the_content_and_leaves_the_chain(tenant: TenantStore, ledger: Ledger) -> None:
    turn, other = a_turn(tenant, ledger, "user:ana"), a_turn(tenant, ledger, "user:bo")
    erased = ledger.erase("user:ana")
    assert erased.kind == "erased"
    assert erased.facts["steps"] == len(TURN)
    assert "ana" not in json.dumps(erased.facts)
    assert all(step.erased and step.body is None for step in ledger.turn(turn))
    assert not any(step.erased for step in ledger.turn(other))
    found = ledger.verify()
    assert found.ok, found
    assert found.unreadable == len(TURN)
    again = a_turn(tenant, ledger, "user:ana")
    assert not any(step.erased for step in ledger.turn(again))
    assert all(step.erased for step in ledger.turn(turn))
    assert ledger.verify().ok


@pytest.mark.parametrize("name", ["user:nobody", "ana", "", "subject_1"])
def test_erasing_whom_it_does_not_know_is_not_found(tenant: TenantStore, ledger: Ledger, name: str) -> None:
    an_ingest(tenant, ledger)
    a_turn(tenant, ledger, "user:ana")
    before = ledger.head()
    with pytest.raises(NotFound):
        ledger.erase(name)
    assert ledger.head() == before


def test_erasing_twice_is_not_found(tenant: TenantStore, ledger: Ledger) -> None:
    a_turn(tenant, ledger, "user:ana")
    ledger.erase("user:ana")
    with pytest.raises(NotFound):
        ledger.erase("user:ana")
    assert ledger.verify().ok


# Attacks


def first_step_of(steps: list[dict[str, Any]], subject: str) -> int:
    return min(step["seq"] for step in steps if step["subject"] == subject)


def changed(value: Any) -> list[Any]:
    """``value`` with its first, middle and last byte or character changed; of a number, its neighbours."""
    if isinstance(value, int):
        return [value + 100_000, value - 100_000]
    if isinstance(value, str):
        return [
            value[:i] + ("0" if value[i] != "0" else "1") + value[i + 1 :]
            for i in (0, len(value) // 2, -1 % len(value))
        ]
    data = bytes(value)
    flipped = [data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :] for i in (0, 11, 12, len(data) // 2, len(data) - 1)]
    return [*flipped, data[:-1], data + b"\0", b""]


@contextmanager
def tampered(attacker: Attacker, table: str, row: dict[str, Any], column: str, value: Any) -> Iterator[None]:
    key = "id" if table == "subjects" else "seq"
    before, after = row[key], value if column == key else row[key]
    attacker.run(f"UPDATE {table} SET {column} = :value WHERE {key} = :key", value=value, key=before)
    yield
    attacker.run(f"UPDATE {table} SET {column} = :value WHERE {key} = :key", value=row[column], key=after)


@pytest.mark.parametrize("table", ["steps", "checkpoints", "subjects"])
def test_any_column_of_any_row_that_changes_is_named(
    ledger: Ledger, attacker: Attacker, chain: list[int], table: str
) -> None:
    stored = attacker.rows("steps")
    for row in attacker.rows(table):
        expected = first_step_of(stored, row["id"]) if table == "subjects" else row["seq"]
        for column, original in row.items():
            for value in changed(original):
                with tampered(attacker, table, row, column, value):
                    found = ledger.verify()
                    assert (found.ok, found.first_bad) == (False, expected), (table, column, value, found)
                    assert found.reason
    assert ledger.verify().ok


def test_a_step_dropped_is_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    for row in attacker.rows("steps"):
        attacker.run("DELETE FROM steps WHERE seq = :seq", seq=row["seq"])
        found = ledger.verify()
        assert (found.ok, found.first_bad) == (False, row["seq"]), found
        assert "missing" in found.reason
        insert(attacker, "steps", row)
    assert ledger.verify().ok


def test_a_checkpoint_dropped_is_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    for row in attacker.rows("checkpoints"):
        attacker.run("DELETE FROM checkpoints WHERE seq = :seq", seq=row["seq"])
        found = ledger.verify()
        assert (found.first_bad, found.reason) == (row["seq"], "its signed checkpoint is missing")
        insert(attacker, "checkpoints", row)
    assert ledger.verify().ok


def test_steps_swapped_are_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    rows = attacker.rows("steps")
    for one, two in ((rows[1], rows[2]), (rows[0], rows[-1]), (rows[3], rows[8])):
        renumber(attacker, [(one["seq"], -1), (two["seq"], one["seq"]), (-1, two["seq"])])
        found = ledger.verify()
        assert (found.ok, found.first_bad) == (False, one["seq"]), found
        assert f"record of step {two['seq']} in another place" in found.reason
        renumber(attacker, [(one["seq"], -1), (two["seq"], one["seq"]), (-1, two["seq"])])
    assert ledger.verify().ok


def test_a_step_replayed_is_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    head = ledger.head().seq
    for row in attacker.rows("steps"):
        insert(attacker, "steps", row | {"seq": head + 1})
        found = ledger.verify()
        assert (found.ok, found.first_bad) == (False, head + 1), found
        assert f"record of step {row['seq']} in another place" in found.reason
        attacker.run("DELETE FROM steps WHERE seq = :seq", seq=head + 1)


def test_a_step_replayed_in_the_middle_pushes_the_others_and_is_named(
    ledger: Ledger, attacker: Attacker, chain: list[int]
) -> None:
    rows = attacker.rows("steps")
    renumber(attacker, [(seq, seq + 1) for seq in reversed(chain[5:])])
    insert(attacker, "steps", rows[4] | {"seq": 6})
    assert ledger.verify().first_bad == 6


def test_bodies_swapped_are_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    rows = attacker.rows("steps")
    one, two, _ = (row for row in rows if row["kind"] == "retrieved" and row["seq"] > 5)
    for target, source in ((one, two), (two, one)):
        attacker.run("UPDATE steps SET content = :c WHERE seq = :seq", c=source["content"], seq=target["seq"])
    assert ledger.verify().first_bad == one["seq"]
    with pytest.raises(VerificationFailed, match=f"Step {one['seq']}"):
        ledger.turn(one["turn"])


def test_an_open_turn_rewritten_with_its_hashes_is_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    from aver.evidence.record import StepRow

    last = attacker.rows("steps")[-1]
    assert last["seq"] > attacker.rows("checkpoints")[-1]["seq"]
    row = StepRow(**last | {"facts": '{"ms":2.5}'})
    attacker.run("UPDATE steps SET facts = :f, hash = :h WHERE seq = :seq", f=row.facts, h=row.digest(), seq=row.seq)
    found = ledger.verify()
    assert found.first_bad == row.seq
    assert "anchor" in found.reason
    anchor_of(ledger).unlink()
    found = ledger.verify()
    assert found.first_bad == row.seq
    assert "does not decrypt" in found.reason


def test_a_step_forged_onto_the_end_is_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    from aver.evidence.record import StepRow

    last = attacker.rows("steps")[-1]
    row = StepRow(**last | {"seq": last["seq"] + 1, "prev": last["hash"]})
    insert(attacker, "steps", row._asdict() | {"hash": row.digest()})
    found = ledger.verify()
    assert (found.first_bad, "does not decrypt" in found.reason) == (row.seq, True)


def test_an_end_cut_off_with_its_checkpoints_is_named(
    tenant: TenantStore, ledger: Ledger, attacker: Attacker, chain: list[int]
) -> None:
    keep = 9
    for table in ("steps", "checkpoints"):
        attacker.run(f"DELETE FROM {table} WHERE seq > :keep", keep=keep)
    found = ledger.verify()
    assert (found.first_bad, found.reason) == (keep + 1, "it is missing: the anchor beside the keys saw steps up to 16")
    for _ in range(4):  # and growing over the gap does not hide it
        a_turn(tenant, ledger)
    found = ledger.verify()
    assert (found.ok, found.first_bad) == (False, len(chain))
    assert "rewritten" in found.reason


def test_a_cut_below_the_checkpoints_is_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    anchor_of(ledger).unlink()
    attacker.run("DELETE FROM steps WHERE seq > 10")
    found = ledger.verify()
    assert (found.first_bad, "checkpoint covers" in found.reason) == (11, True)


@pytest.mark.parametrize("anchored", [True, False])
def test_an_emptied_ledger_is_named_while_there_is_an_anchor(
    ledger: Ledger, attacker: Attacker, chain: list[int], anchored: bool
) -> None:
    for table in ("steps", "checkpoints", "subjects"):
        attacker.run(f"DELETE FROM {table}")
    if not anchored:
        anchor_of(ledger).unlink()
    found = ledger.verify()
    assert (found.ok, found.first_bad) == ((False, 1) if anchored else (True, None)), found


def test_a_key_destroyed_in_silence_is_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    stored = attacker.rows("steps")
    for row in attacker.rows("subjects"):
        attacker.run("DELETE FROM subjects WHERE id = :id", id=row["id"])
        found = ledger.verify()
        assert found.first_bad == first_step_of(stored, row["id"])
        assert "no step says it was erased" in found.reason
        insert(attacker, "subjects", row)
    assert ledger.verify().ok


def test_a_key_brought_back_is_named(tenant: TenantStore, ledger: Ledger, attacker: Attacker) -> None:
    a_turn(tenant, ledger)
    (kept,) = attacker.rows("subjects")
    erased = ledger.erase("user:ana")
    insert(attacker, "subjects", kept)
    found = ledger.verify()
    assert (found.first_bad, "there again" in found.reason) == (erased.seq, True)


def test_keys_swapped_between_subjects_are_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    one, two = attacker.rows("subjects")
    for target, source in ((one, two), (two, one)):
        attacker.run("UPDATE subjects SET key = :key WHERE id = :id", key=source["key"], id=target["id"])
    found = ledger.verify()
    assert (found.first_bad, found.reason) == (1, "the key of its subject was changed, and opens nothing")


def test_a_key_of_no_step_is_told(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    insert(attacker, "subjects", attacker.rows("subjects")[0] | {"id": "subject_x", "lookup": "x"})
    found = ledger.verify()
    assert (found.ok, found.first_bad, found.reason) == (False, None, "there is a data key that belongs to no step")


def test_a_checkpoint_of_another_step_is_named(ledger: Ledger, attacker: Attacker, chain: list[int]) -> None:
    rows = attacker.rows("checkpoints")
    insert(attacker, "checkpoints", rows[-1] | {"seq": 3})
    found = ledger.verify()
    assert (found.first_bad, found.reason) == (3, "its checkpoint names another hash")


# Export


def test_an_export_verifies_alone(ledger: Ledger, chain: list[int], tmp_path) -> None:
    ledger.export(tmp_path / "out.jsonl")
    here, there = ledger.verify(), verify_export(tmp_path / "out.jsonl")
    assert there.ok, there
    assert (there.steps, there.checkpoints, there.head) == (here.steps, here.checkpoints, here.head)
    assert there.key_fingerprint == here.key_fingerprint
    assert verify_export(tmp_path / "out.jsonl", fingerprint=here.key_fingerprint.upper()).notes == ()
    assert not verify_export(tmp_path / "out.jsonl", fingerprint="0" * 64).ok


def test_tampered_evidence_is_not_exported(ledger: Ledger, attacker: Attacker, chain: list[int], tmp_path) -> None:
    attacker.run("UPDATE steps SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 7")
    for with_content in (False, True):
        with pytest.raises(VerificationFailed, match="Step 7 "):
            ledger.export(tmp_path / "out.jsonl", with_content=with_content)
    for table in ("steps", "checkpoints"):
        attacker.run(f"DELETE FROM {table} WHERE seq > 5")
    with pytest.raises(VerificationFailed, match="Step 6 "):
        ledger.export(tmp_path / "out.jsonl")
    assert not list(tmp_path.glob("*.jsonl*"))


def test_content_is_exported_on_request_and_proved(ledger: Ledger, chain: list[int], tmp_path) -> None:
    out = tmp_path / "out.jsonl"
    ledger.export(out)
    assert "how many days?" not in out.read_text()
    ledger.export(out, with_content=True)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    disclosed = {line["step"]["seq"]: line["disclosed"]["body"] for line in lines if "disclosed" in line}
    assert disclosed[1] == {"path": "a/b.md"}
    assert disclosed[6] == {"text": "how many days?"}
    assert set(disclosed) == set(chain) - {2, 3, 4, 5}  # erased
    found = verify_export(out)
    assert (found.ok, found.unreadable) == (True, 4)


def insert(attacker: Attacker, table: str, row: dict[str, Any]) -> None:
    columns = ", ".join(row)
    attacker.run(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(f':{name}' for name in row)})", **row)


def renumber(attacker: Attacker, moves: list[tuple[int, int]]) -> None:
    for old, new in moves:
        attacker.run("UPDATE steps SET seq = :new WHERE seq = :old", old=old, new=new)


def anchor_of(ledger: Ledger):
    return ledger._store.directory / "keys" / "head.anchor"
