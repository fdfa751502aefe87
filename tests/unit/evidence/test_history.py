"""Random histories, random damage: the chain holds, and one changed byte is named whoever's it is."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aver.core import SystemClock, new_id
from aver.core.errors import NotFound, VerificationFailed
from aver.evidence import Draft, Ledger, Step, verify_export
from aver.store import Store, TenantStore

people = st.sampled_from(["user:ana", "user:bo", "user:cy"])
bodies = st.none() | st.dictionaries(
    st.text(max_size=5), st.text(max_size=20) | st.floats(allow_nan=False, allow_infinity=False) | st.integers()
)


class History(RuleBasedStateMachine):
    """What a reader must see is kept here as plain dictionaries, beside the ledger."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name) / "data")
        self.store.create_tenant("acme")
        self.tenant = self.store.tenant("acme")
        self.ledger = Ledger(self.tenant, SystemClock())
        self.turns: dict[str, list[Step]] = {}
        self.subject_of: dict[str, str | None] = {}
        self.erased: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @rule(who=people, contents=st.lists(bodies, min_size=1, max_size=3), sealed=st.booleans())
    def ask(self, who: str, contents: list[dict[str, Any] | None], sealed: bool) -> None:
        turn = new_id("turn")
        with self.tenant.begin() as tx:
            steps = list(self.ledger.append_all(tx, [Draft(turn, "admitted", who, {}, body) for body in contents]))
            if sealed:
                steps.append(self.ledger.seal(tx, turn=turn, subject=who))
        self.turns[turn] = steps
        self.subject_of[turn] = who

    @rule(body=bodies)
    def ingest(self, body: dict[str, Any] | None) -> None:
        turn = new_id("ingest")
        with self.tenant.begin() as tx:
            self.turns[turn] = [self.ledger.append(tx, turn=turn, kind="ingested", subject=None, facts={}, body=body)]
        self.subject_of[turn] = None

    @rule(who=people)
    def give_up(self, who: str) -> None:
        with self.tenant.begin() as tx:
            self.ledger.append(tx, turn=new_id("turn"), kind="admitted", subject=who, facts={}, body=None)
            tx.get_transaction().rollback()

    @precondition(lambda self: any(who and turn not in self.erased for turn, who in self.subject_of.items()))
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        known = sorted({who for turn, who in self.subject_of.items() if who and turn not in self.erased})
        who = data.draw(st.sampled_from(known))
        step = self.ledger.erase(who)
        gone = {turn for turn, owner in self.subject_of.items() if owner == who} - self.erased
        assert step.facts["steps"] == sum(len(self.turns[turn]) for turn in gone)
        self.erased |= gone
        self.turns[step.turn] = [step]
        self.subject_of[step.turn] = None

    @invariant()
    def it_reads_back(self) -> None:
        if not hasattr(self, "store"):
            return
        found = self.ledger.turns(self.turns)
        assert found.keys() == self.turns.keys()
        for turn, written in self.turns.items():
            gone = turn in self.erased
            assert [(step.hash, step.body, step.erased) for step in found[turn]] == [
                (step.hash, None if gone else step.body, gone) for step in written
            ]

    @invariant()
    def it_verifies_here_and_away(self) -> None:
        if not hasattr(self, "store"):
            return
        found = self.ledger.verify()
        assert found.ok, found
        assert found.steps == sum(map(len, self.turns.values()))
        assert found.unreadable == sum(len(self.turns[turn]) for turn in self.erased)
        out = Path(self.folder.name) / "out.jsonl"
        self.ledger.export(out, with_content=True)
        away = verify_export(out, fingerprint=found.key_fingerprint)
        assert (away.ok, away.steps, away.head, away.unreadable) == (True, found.steps, found.head, found.unreadable)


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=10, stateful_step_count=10, deadline=None)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), plan=st.lists(st.tuples(people, st.booleans(), st.booleans()), min_size=1, max_size=6))
def test_one_byte_changed_anywhere_names_its_record(data: st.DataObject, plan: list[tuple[str, bool, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "data")
        try:
            store.create_tenant("acme")
            tenant = store.tenant("acme")
            ledger = Ledger(tenant, SystemClock())
            for who, sealed, erased in plan:
                with tenant.begin() as tx:
                    kinds = ("admitted", "sealed") if sealed else ("admitted", "responded")
                    ledger.append_all(tx, [Draft(new_id("turn"), kind, who, {"n": 1}, {"text": "x"}) for kind in kinds])  # type: ignore[arg-type]
                if erased:
                    ledger.erase(who)
            path = tenant.directory / "tenant.db"
            for _ in range(5):
                expected, undo = change_one_byte(path, data)
                found = ledger.verify()
                assert (found.ok, found.first_bad) == (False, expected), found
                undo()
            assert ledger.verify().ok
        finally:
            store.close()


def change_one_byte(path: Path, data: st.DataObject) -> tuple[int, Any]:
    """Change one byte of one column of one row, to any other, valid UTF-8 or not; which step that spoils, and the way back."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.row_factory = sqlite3.Row
        table = data.draw(st.sampled_from([t for t in ("steps", "checkpoints", "subjects") if count(database, t)]))
        row = dict(data.draw(st.sampled_from(database.execute(f"SELECT rowid, * FROM {table}").fetchall())))
        rowid = row.pop("rowid")
        first = "SELECT min(seq) FROM steps WHERE subject = ?"
        expected = row["seq"] if "seq" in row else database.execute(first, (row["id"],)).fetchone()[0]
        column = data.draw(st.sampled_from([name for name in row if name != "seq"]))
        original = row[column]
        stored = original.encode() if isinstance(original, str) else original
        position = data.draw(st.integers(0, len(stored) - 1))
        changed = bytearray(stored)
        changed[position] ^= data.draw(st.integers(1, 255))
        cast = "CAST(? AS TEXT)" if isinstance(original, str) else "?"
        database.execute(f"UPDATE {table} SET {column} = {cast} WHERE rowid = ?", (bytes(changed), rowid))

    def undo() -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (original, rowid))

    return expected, undo


@pytest.mark.parametrize("table", ["steps", "checkpoints", "subjects"])
def test_a_value_of_another_type_is_named_and_stops_nothing(
    tenant: TenantStore, ledger: Ledger, tmp_path: Path, table: str
) -> None:
    for who in ("user:ana", "user:bo"):
        with tenant.begin() as tx:
            ledger.append_all(
                tx, [Draft("turn_1", "admitted", who, {"n": 1}, {"text": "x"}), Draft("turn_1", "sealed", who)]
            )
    ledger.erase("user:ana")
    with contextlib.closing(sqlite3.connect(tenant.directory / "tenant.db", isolation_level=None)) as database:
        database.row_factory = sqlite3.Row
        for row in map(dict, database.execute(f"SELECT rowid, * FROM {table}").fetchall()):
            rowid = row.pop("rowid")
            first = database.execute("SELECT min(seq) FROM steps WHERE subject = ?", (row.get("id"),)).fetchone()[0]
            for column, value in row.items():
                for strange in (b"\xff\xfe", 1.5, "{", -(2**62)):
                    update = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
                    database.execute(update, (strange, rowid))
                    found = ledger.verify()
                    expected = row.get("seq", first)
                    if (column, strange) == ("seq", 1.5):
                        expected = min(expected, 2)  # where it stands now
                    assert (found.ok, found.first_bad) == (False, expected), (column, strange, found)
                    if table != "subjects":
                        with pytest.raises(VerificationFailed):
                            ledger.export(tmp_path / "out")
                    with contextlib.suppress(VerificationFailed, NotFound):
                        ledger.turn("turn_1")
                    database.execute(update, (value, rowid))
    assert ledger.verify().ok


def count(database: sqlite3.Connection, table: str) -> int:
    return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
