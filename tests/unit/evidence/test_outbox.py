"""Steps that are taken at once and chained a moment later."""

import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aver.core import SystemClock
from aver.core.errors import InvalidInput, Unavailable
from aver.evidence import Draft, Folder, Ledger, Outbox
from aver.store import Store


def _draft(number: int, body: object = None) -> Draft:
    return Draft(f"call_{number}", "called", "user:bo", {"tokens": number}, {"answer": body or f"text {number}"})


def _turns(ledger: Ledger, *numbers: int) -> list[str]:
    return list(ledger.turns(f"call_{number}" for number in numbers))


def test_what_was_put_is_chained_in_order_under_one_signed_checkpoint(tenant, ledger):
    outbox = Outbox(tenant, ledger)
    for number in range(10):
        outbox.put([_draft(number)])
    assert ledger.head().seq == 0
    outbox.fold()
    verified = ledger.verify()
    assert (verified.ok, verified.steps, verified.checkpoints, verified.notes) == (True, 10, 1, ())
    assert [ledger.turn(f"call_{n}")[0].seq for n in range(10)] == list(range(1, 11))
    assert list((tenant.directory / "outbox").iterdir()) == []


def test_nothing_of_the_content_is_in_clear_in_the_journal(tenant, ledger):
    outbox = Outbox(tenant, ledger)
    outbox.put([_draft(1, "the merger with Initech")])
    (journal,) = (tenant.directory / "outbox").iterdir()
    content = journal.read_bytes()
    assert b"Initech" not in content
    assert b"user:bo" not in content
    assert journal.stat().st_mode & 0o077 == 0


def test_what_cannot_stand_in_clear_is_refused_before_it_is_taken(tenant, ledger):
    outbox = Outbox(tenant, ledger)
    with pytest.raises(InvalidInput):
        outbox.put([_draft(1), Draft("call_2", "called", None, {"name": "a whole sentence, with spaces"})])
    outbox.fold()
    assert ledger.head().seq == 0


def test_a_folder_chains_by_itself_and_at_its_end(tenant, ledger):
    folder = Folder(every=0.01)
    outbox = Outbox(tenant, ledger, folder)
    outbox.put([_draft(1)])
    deadline = time.monotonic() + 60
    while ledger.head().seq < 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ledger.head().seq == 1
    outbox.put([_draft(2)])
    folder.close()
    assert _turns(ledger, 1, 2) == ["call_1", "call_2"]


_DYING = """
import os, sys
from pathlib import Path
from aver.core import SystemClock
from aver.evidence import Draft, Ledger, Outbox
from aver.store import Store
store = Store(Path(sys.argv[1]))
tenant = store.tenant("acme")
outbox = Outbox(tenant, Ledger(tenant, SystemClock()))
for number in range(20):
    outbox.put([Draft(f"call_{number}", "called", "user:bo", {"tokens": number}, {"answer": "x"})])
print("taken", flush=True)
sys.stdin.read()
"""


def _dying(data) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", _DYING, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "taken\n"
    return process


def test_what_a_killed_process_had_taken_is_chained_by_the_next(store, tenant, ledger, tmp_path):
    with _dying(tmp_path / "data") as process:
        Outbox(tenant, ledger)
        assert ledger.head().seq == 0, "a living process keeps its journal"
        with pytest.raises(Unavailable):
            Outbox(tenant, ledger).settle(0.1)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        Outbox(tenant, ledger).settle()
    assert _turns(ledger, *range(20)) == [f"call_{n}" for n in range(20)]
    assert ledger.verify().ok


def test_what_was_chained_just_before_the_death_is_not_chained_twice(store, tenant, ledger, tmp_path):
    with _dying(tmp_path / "data") as process:
        with tenant.begin() as tx:
            ledger.append_all(tx, [_draft(n) for n in range(15)])
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    Outbox(tenant, ledger)
    assert ledger.head().seq == 20


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 4000))
def test_a_journal_cut_anywhere_gives_what_was_whole(tmp_path_factory, cut):
    opened = Store(tmp_path_factory.mktemp("outbox") / "data")
    try:
        opened.create_tenant("acme")
        tenant = opened.tenant("acme")
        ledger = Ledger(tenant, SystemClock())
        outbox = Outbox(tenant, ledger)
        for number in range(10, 22):  # of one length each
            outbox.put([_draft(number)])
        (journal,) = (tenant.directory / "outbox").iterdir()
        whole = journal.read_bytes().rstrip(b"\0")
        whole += bytes(-len(whole) % 12)  # the last ciphertext may end in zeros
        journal.unlink()
        left = journal.with_name("outbox_left.steps")
        left.write_bytes(whole[:cut])
        Outbox(tenant, ledger)
        held = ledger.head().seq
        assert held == min(12, cut // (len(whole) // 12))
        assert ledger.verify().ok
        assert not left.exists()
    finally:
        opened.close()
