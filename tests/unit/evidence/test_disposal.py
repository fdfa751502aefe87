"""Content that was let go is in no file, the chain holds, and nobody takes content away, or puts it back, unseen."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.evidence import Draft, Ledger, verify_export
from aver.evidence.disposal import Missing, due_steps
from aver.evidence.record import commitment, is_disposed, remainder
from aver.store import TenantStore

WORDS = "may I grow hops behind the chapel"


@pytest.fixture
def written(tenant: TenantStore, ledger: Ledger) -> TenantStore:
    with tenant.begin() as tx:
        for number in range(6):
            body = {"question": WORDS, "n": number}
            ledger.append(tx, turn=f"turn_{number}", kind="admitted", subject="user:ann", facts={}, body=body)
            ledger.append(tx, turn=f"turn_{number}", kind="judged", subject="user:ann", facts={}, body={"score": 1})
    return tenant


def disposed(tenant: TenantStore, ledger: Ledger, *kinds: str) -> int:
    with tenant.begin() as tx:
        due = due_steps(tx, tenant.tenant.id, kinds, 0, 10_000, 4)
        return ledger.dispose(tx, [each.seq for each in due], "retention_1", {"class": "conversations"})


def test_content_goes_and_the_chain_holds(written: TenantStore, ledger: Ledger) -> None:
    assert disposed(written, ledger, "admitted") == 4
    assert disposed(written, ledger, "admitted") == 2, "what has gone is not due again"
    assert disposed(written, ledger, "admitted") == 0
    written.scrub()
    found = ledger.verify()
    assert (found.ok, found.unreadable) == (True, 6)
    first = ledger.turn("turn_0")
    assert (first[0].body, first[0].erased) == (None, True)
    assert first[1].body == {"score": 1}, "what is of another class is read as before"


def test_an_export_verifies_with_and_without_content(written: TenantStore, ledger: Ledger, tmp_path: Path) -> None:
    disposed(written, ledger, "admitted")
    for with_content in (False, True):
        ledger.export(tmp_path / "all.jsonl", with_content=with_content)
        assert verify_export(tmp_path / "all.jsonl").ok


@pytest.mark.parametrize("kind", ["taken", "put back"])
def test_content_is_neither_taken_nor_put_back_unseen(written: TenantStore, ledger: Ledger, kind: str) -> None:
    file = sqlite3.connect(written.directory / "tenant.db")
    (before,) = file.execute("SELECT content FROM steps WHERE seq = 3").fetchone()
    if kind == "taken":
        file.execute("UPDATE steps SET content = ? WHERE seq = 3", (remainder(before),))
        file.commit()
        said = "no step says that it was let go"
    else:
        disposed(written, ledger, "admitted")
        file.execute("UPDATE steps SET content = ? WHERE seq = 3", (before,))
        file.commit()
        said = "its content is there"
    file.close()
    found = ledger.verify()
    assert (found.ok, found.first_bad) == (False, 3)
    assert said in found.reason


def test_what_is_left_commits_to_what_was_there() -> None:
    content = b"n" * 12 + b"ciphertext and tag of something"
    assert commitment(remainder(content)) == commitment(content)
    assert is_disposed(remainder(content))
    assert not is_disposed(content)
    assert not is_disposed("text")


@given(st.sets(st.integers(1, 60), max_size=60), st.data())
def test_spans_explain_exactly_what_is_missing(gone: set[int], data: st.DataObject) -> None:
    missing, left = Missing(), set(gone)
    for seq in sorted(gone):
        missing.add(seq)
    for _ in range(5):
        first = data.draw(st.integers(1, 60))
        last = data.draw(st.integers(first, 60))
        span = set(range(first, last + 1))
        found = missing.explain(first, last)
        if span <= left:
            assert found is None
            left -= span
        else:
            assert found == min(span - left)
            return
    assert missing.first == min(left, default=None)


def test_many_spans_fit_in_their_steps(tenant: TenantStore, ledger: Ledger) -> None:
    with tenant.begin() as tx:
        ledger.append_all(
            tx,
            [
                Draft(f"turn_{n}", "admitted" if n % 2 else "sealed", "user:ann", {}, {"question": WORDS})
                for n in range(1000)
            ],
        )
        due = due_steps(tx, tenant.tenant.id, ["admitted"], 0, 1000, 1000)
        assert ledger.dispose(tx, [each.seq for each in due], "retention_1", {"class": "conversations"}) == 500
    steps = ledger.turn("retention_1")
    assert len(steps) == 5
    assert sum(step.facts["steps"] for step in steps) == 500
    assert all(len(json.dumps(step.facts)) < 4000 for step in steps)
    assert ledger.verify().ok
