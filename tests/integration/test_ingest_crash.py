"""Cut off at any moment, or out of disk: what is visible is consistent, and another run completes it."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from aver.core.errors import StorageFull, Unavailable
from aver.knowledge import ingest
from aver.knowledge.store import acl_readers, acls, lexicon
from aver.store import Store
from tests.knowledge import MemorySource, World, access, open_world, world
from tests.processes import PROCESSES

DOCUMENTS = 60
KILLS = 10


def _files(edition: int) -> dict[str, str]:
    """Some documents change with the edition, some come, some go."""
    kept = {f"kept-{n}.md": f"# Kept {n}\n\nThis page number {n} stays as it is." for n in range(DOCUMENTS)}
    changed = {f"page-{n}.md": f"# Page {n}\n\n" + f"Edition {edition} of page {n}. " * 30 for n in range(DOCUMENTS)}
    return (
        kept | changed | {f"only-{edition}-{n}.md": f"# Only {n}\n\nOnly in {edition}." for n in range(DOCUMENTS // 4)}
    )


def _access(edition: int):
    group = "group:hr" if edition % 2 else "group:it"
    return access({f"kept-{n}.md": ["everyone"] if n % 2 else [group] for n in range(DOCUMENTS)} | _open(edition))


def _open(edition: int) -> dict[str, list[str]]:
    return {path: ["everyone"] for path in _files(edition) if not path.startswith("kept")}


def _ingest(opened: World, edition: int):
    return opened.knowledge.ingest(MemorySource(_files(edition)), _access(edition))


def _ingest_elsewhere(data: Path, edition: int, ready) -> None:
    ingest._PASSAGES_A_STEP = 20
    opened = open_world(data)
    ready.set()
    _ingest(opened, edition)


def _state(opened: World) -> dict:
    """All that a reader can tell, and the statistics behind it; no ids of sets and no versions, which count attempts."""
    users = [opened.user("ada"), opened.user("bob", "hr"), opened.user("eve", "it")]
    state = {}
    for user in users:
        listed = opened.knowledge.documents(user)
        texts = [opened.knowledge.document(user, document.id).text for document in listed]
        hits = opened.knowledge.search(user, "edition of page 7", 50)
        found = [(hit.document, hit.start, hit.text, hit.score) for hit in hits]
        state[user.user] = [(document.id, document.title) for document in listed], texts, found
    with opened.store.read() as tx:
        terms = select(lexicon.c.term, func.sum(lexicon.c.passages)).group_by(lexicon.c.term).order_by(lexicon.c.term)
        sizes = select(acl_readers.c.reader, acls.c.passages, acls.c.tokens).where(
            acls.c.id == acl_readers.c.acl, acls.c.passages > 0
        )
        state["terms"] = tx.execute(terms).all()
        state["sizes"] = sorted(tx.execute(sizes).all())
    return state


def test_killed_at_any_moment_it_is_consistent_and_completes(tmp_path):
    random_moment = random.Random(7)
    data = tmp_path / "data"
    opened = open_world(data)
    _ingest(opened, 0)
    edition, killed, span = 1, 0, 1.0
    while killed < KILLS:
        ready = PROCESSES.Event()
        process = PROCESSES.Process(target=_ingest_elsewhere, args=(data, edition, ready))
        process.start()
        assert ready.wait(60)
        started = time.monotonic()
        process.join(random_moment.uniform(0, span))
        if process.exitcode is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        else:
            assert process.exitcode == 0
            span = 0.8 * (time.monotonic() - started)  # it was done: aim earlier
            edition += 1
        process.join()
        assert opened.knowledge.check() == []
        _check_every_hit(opened, edition)
    _ingest(opened, edition)
    undisturbed = open_world(tmp_path / "undisturbed")
    _ingest(undisturbed, edition)
    assert _state(opened) == _state(undisturbed)
    assert opened.ledger.verify().ok


def _check_every_hit(opened: World, edition: int) -> None:
    """Each page is of one edition or the next, whole, and found as what it is."""
    user = opened.user("ada")
    for hit in opened.knowledge.search(user, "edition of page", 50):
        text = opened.knowledge.document(user, hit.document, hit.version).text
        assert text[hit.start : hit.end] == hit.text
        editions = {word for word in text.replace(".", " ").split() if word.isdigit()} & {
            str(edition),
            str(edition - 1),
        }
        assert editions, text


def _ingest_on_a_small_disk(data: Path, edition: int, limit: int, outcome) -> None:
    """A limit on the size of any file is a full disk that any user can have: writing on fails with EFBIG."""
    ingest._PASSAGES_A_STEP = 20
    opened = open_world(data)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        _ingest(opened, edition)
        outcome.put(("done", ""))
    except Exception as error:  # noqa: BLE001 - reported to the test
        outcome.put((type(error).__name__, str(error)))


@pytest.mark.parametrize("limit", [1_000, 9_000, 60_000])
def test_out_of_disk_nothing_is_half_visible_and_it_completes_with_space(tmp_path, limit):
    opened = open_world(tmp_path / "data")
    _ingest(opened, 0)
    before = _state(opened)
    outcome = PROCESSES.Queue()
    process = PROCESSES.Process(target=_ingest_on_a_small_disk, args=(tmp_path / "data", 1, limit, outcome))
    process.start()
    name, message = outcome.get(timeout=600)
    process.join()
    assert name in {StorageFull.__name__, Unavailable.__name__}, message
    assert opened.knowledge.check() == []
    if limit == 1_000:  # not a step was finished
        assert _state(opened) == before
    _ingest(opened, 1)
    undisturbed = open_world(tmp_path / "undisturbed")
    _ingest(undisturbed, 1)
    assert _state(opened) == _state(undisturbed)


@pytest.mark.parametrize("error", ["No space left on device (os error 28)", "File too large (os error 27)"])
def test_a_full_disk_under_the_index_is_said_to_be_one(tmp_path, monkeypatch, error):
    from lancedb.table import AsyncTable

    opened = open_world(tmp_path / "data")
    _ingest(opened, 0)
    before = _state(opened)

    async def full(*_arguments, **_options):
        raise RuntimeError(f"lance error: LanceError(IO): Generic N/A error: {error}")

    with monkeypatch.context() as patched:
        patched.setattr(AsyncTable, "add", full)
        with pytest.raises(StorageFull):
            opened.ingest(_files(0) | {"more.md": "# More\n\nMore of it."}, _access(0))
    assert opened.knowledge.check() == []
    assert _state(opened) == before


def test_a_server_sees_what_another_process_ingests_within_a_search(tmp_path):
    opened = open_world(tmp_path / "data")
    user = opened.user("ada")
    _ingest(opened, 0)
    ready = PROCESSES.Event()
    process = PROCESSES.Process(target=_ingest_elsewhere, args=(tmp_path / "data", 1, ready))
    process.start()
    while process.is_alive():
        opened.knowledge.search(user, "edition of page", 5)
        process.join(0.05)
    assert process.exitcode == 0
    assert {"1"} == {
        hit.text.split()[1] for hit in opened.knowledge.search(user, "edition of page", 20) if "Edition" in hit.text
    }
    opened.store.close()


def test_tenants_share_nothing(tmp_path):
    store = Store(tmp_path / "data")
    acme, other = world(store, "acme"), world(store, "other")
    acme.ingest({"leave.md": "# Leave\n\nThirty days of leave."})
    assert other.knowledge.search(other.user("ada"), "leave") == []
    assert other.knowledge.documents(other.user("ada")) == []
    store.close()
