"""A quick look at an index that is served: what somebody else did to it is told, what Aver does is not."""

import os
import threading
import time

import pytest

from aver.knowledge.state import read_state
from aver.knowledge.store import CURRENT
from aver.store import Store
from tests.knowledge import access, world

PAGES = {f"page-{n}.md": f"# Page {n}\n\nThe allowance of page {n} is {n * 7} a month." for n in range(12)}
OPEN = {path: ["everyone"] for path in PAGES}


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


def settled(folder) -> None:
    """Have every fresh file be as old as files are in quiet times."""
    for path in folder.rglob("*"):
        if path.stat().st_mtime > time.time() - 30:
            os.utime(path, (time.time() - 60, time.time() - 60))


def test_what_is_overwritten_is_told_and_a_new_index_is_sound(store):
    acme = world(store)
    assert acme.knowledge.index.glance() == ""
    acme.ingest(PAGES, access(OPEN))
    settled(acme.knowledge._index.directory)
    assert [acme.knowledge.index.glance() for _ in range(3)] == ["", "", ""]
    acme.ingest(PAGES | {"page-3.md": "# Page 3\n\nIt is another now."}, access(OPEN))
    settled(acme.knowledge._index.directory)
    assert [acme.knowledge.index.glance() for _ in range(3)] == ["", "", ""]
    path = next(
        each for each in acme.knowledge._index.directory.rglob("*") if each.suffix == ".lance" and each.is_file()
    )
    path.write_bytes(bytes(path.stat().st_size))
    for _ in range(2):  # and it stays told
        assert "1 of its files were changed" in acme.knowledge.index.glance()
    acme.knowledge.index.rebuild()
    assert acme.knowledge.index.glance() == ""
    acme.knowledge.close()


def test_passages_that_are_missing_are_told_within_a_round(store):
    acme = world(store)
    acme.ingest(PAGES, access(OPEN))
    gone = acme.knowledge.documents(acme.user("ada"))[5].id
    doing = acme.knowledge._changes()
    with store.tenant(acme.store.tenant.id).lock("knowledge"):
        writer = doing.open()
        writer.remove([gone])
        with doing.commit(writer):
            pass
    told = [acme.knowledge.index.glance() for _ in range(2)]
    assert any(each.startswith(f"{gone}: 0 of its passages") for each in told)
    acme.knowledge.close()


def test_an_index_that_cannot_be_read_is_told(store):
    acme = world(store)
    acme.ingest(PAGES, access(OPEN))
    with acme.store.read() as tx:
        generation = read_state(tx)[CURRENT].version.generation
    acme.knowledge.close()
    acme.knowledge._index.drop(generation)
    assert "cannot be read" in acme.knowledge.index.glance()
    acme.knowledge.close()


def test_what_another_writes_meanwhile_is_no_damage(store):
    acme = world(store)
    acme.ingest(PAGES, access(OPEN))
    done, found = threading.Event(), []

    def write() -> None:
        for edition in range(4):
            acme.ingest({path: f"{text} Edition {edition}." for path, text in PAGES.items()}, access(OPEN))
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        found.append(acme.knowledge.index.glance())
    thread.join()
    assert set(found) == {""}
    acme.knowledge.close()
