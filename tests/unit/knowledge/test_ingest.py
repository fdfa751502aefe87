"""An ingest brings the documents to what the source holds: counted, versioned, applied as a whole."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from aver.core import Principal
from aver.core.errors import Conflict, NotFound, Unavailable
from aver.knowledge import AccessList
from aver.knowledge.ingest import document_id
from aver.knowledge.parsers import Parsers
from aver.store import Store
from aver.testing import HashEmbedder
from tests.knowledge import MemorySource, World, access, open_world, world

LEAVE = "# Leave\n\nEmployees have thirty days of leave a year."
TRAVEL = "# Travel\n\nBook trains with the travel card."
CARD = "# Cards\n\nThe travel card is in the safe."


@pytest.fixture
def acme(tmp_path) -> World:
    return open_world(tmp_path / "data")


@pytest.fixture
def ada(acme) -> Principal:
    return acme.user("ada")


def _counts(report) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.deleted, report.unchanged


def test_added_changed_deleted_and_unchanged_are_counted_and_applied(acme, ada):
    assert _counts(acme.ingest({"leave.md": LEAVE, "travel.md": TRAVEL})) == (2, 0, 0, 0)
    assert _counts(acme.ingest({"leave.md": LEAVE, "travel.md": TRAVEL})) == (0, 0, 0, 2)
    assert _counts(acme.ingest({"leave.md": LEAVE + " Or more.", "card.md": CARD})) == (1, 1, 1, 0)
    assert [(document.title, document.version) for document in acme.knowledge.documents(ada)] == [
        ("Cards", 1),
        ("Leave", 2),
    ]
    assert acme.titles(ada, "travel card") == ["Cards", "Leave"]
    assert acme.knowledge.check() == []


def test_an_earlier_version_stays_readable_as_it_was(acme, ada):
    acme.ingest({"leave.md": LEAVE})
    (hit,) = acme.knowledge.search(ada, "leave")
    acme.ingest({"leave.md": LEAVE.replace("thirty", "forty")})
    old = acme.knowledge.document(ada, hit.document, 1)
    assert old.text[hit.start : hit.end] == hit.text
    assert "forty" in acme.knowledge.document(ada, hit.document).text
    assert [hit.version for hit in acme.knowledge.search(ada, "leave")] == [2]


def test_a_deleted_document_leaves_no_text_and_its_versions_are_not_reused(acme, ada):
    acme.ingest({"leave.md": LEAVE})
    (document,) = acme.knowledge.documents(ada)
    acme.ingest({})
    assert acme.knowledge.search(ada, "leave") == []
    for version in (None, 1):
        with pytest.raises(NotFound):
            acme.knowledge.document(ada, document.id, version)
    acme.ingest({"leave.md": LEAVE})
    assert [(found.id, found.version) for found in acme.knowledge.documents(ada)] == [(document.id, 2)]
    with pytest.raises(NotFound):
        acme.knowledge.document(ada, document.id, 1)
    assert acme.knowledge.check() == []


def test_nothing_of_removed_content_is_left_on_disk(acme, ada):
    acme.ingest({"a.md": "# Zeppelin\n\nThe zeppelin flies at noon.", "b.md": TRAVEL, "c.md": "# Old\n\nA quagmire."})
    acme.ingest({"b.md": TRAVEL, "c.md": "# New\n\nA meadow."})
    (hit,) = acme.knowledge.search(ada, "meadow", 1)
    acme.knowledge.delete(ada, hit.document)
    files = [path for path in acme.store.directory.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes().lower()
        for word in (b"zeppelin", b"meadow", b"flies at noon"):
            assert word not in content, path
        if "index" in path.parts:
            assert b"quagmir" not in content, path


def test_what_fails_is_reported_keeps_its_version_and_stops_nothing_else(acme, ada):
    acme.ingest({"leave.md": LEAVE, "travel.md": TRAVEL})
    report = acme.ingest({"leave.md": None, "travel.md": b"", "noise.md": b"\x00\xff\xfe\x80" * 500, "card.md": CARD})
    assert _counts(report) == (1, 0, 0, 0)
    assert [failure.path for failure in report.failed] == ["leave.md", "travel.md", "noise.md"]
    assert all(failure.error for failure in report.failed)
    assert {document.title for document in acme.knowledge.documents(ada)} == {"Leave", "Travel", "Cards"}
    assert acme.titles(ada, "days of leave", 1) == ["Leave"]
    assert acme.knowledge.check() == []


def test_a_format_that_is_not_read_is_skipped(acme):
    report = acme.ingest({"program.bin": b"\x7fELF", "leave.md": LEAVE})
    assert [failure.path for failure in report.skipped] == ["program.bin"]
    assert report.failed == ()


def test_a_parser_that_ends_on_one_file_does_not_stop_the_others(acme, monkeypatch):
    misbehaving = partial(Parsers, entry="tests.unit.knowledge.misbehaving")
    monkeypatch.setattr("aver.knowledge.service.Parsers", misbehaving)
    report = acme.ingest({"bad.md": "CRASH", "odd.md": "RAISE", "travel.md": TRAVEL})
    assert report.added == 1
    assert [failure.path for failure in report.failed] == ["bad.md", "odd.md"]
    assert "crash" in report.failed[0].error
    assert "RuntimeError: told to" in report.failed[1].error


def test_a_source_that_cannot_be_listed_changes_nothing(acme, ada):
    acme.ingest({"leave.md": LEAVE})

    class Gone(MemorySource):
        def pages(self, cursor):
            yield from super().pages(cursor)
            raise Unavailable("The disk is away", "Mount it.")

    with pytest.raises(Unavailable):
        acme.knowledge.ingest(Gone({}), AccessList.everyone())
    assert acme.titles(ada, "leave") == ["Leave"]


def test_changed_readers_alone_are_counted_and_applied(acme, ada):
    bob = acme.user("bob", "hr")
    acme.ingest({"leave.md": LEAVE, "travel.md": TRAVEL})
    report = acme.ingest(
        {"leave.md": LEAVE, "travel.md": TRAVEL}, access({"leave.md": ["group:hr"], "travel.md": ["everyone"]})
    )
    assert (*_counts(report), report.acl_changed) == (0, 0, 0, 2, 1)
    assert acme.titles(ada, "leave days") == ["Travel"]
    assert acme.titles(bob, "leave days")[0] == "Leave"
    assert acme.knowledge.check() == []


def test_an_ingest_without_an_access_list_keeps_the_last_one(acme, ada):
    files = {"open.md": "Open to all.", "board.md": "For the board."}
    bo = acme.user("bo", "board")
    acme.ingest(files, access({"open.md": ["everyone"], "board.md": ["group:board"]}))
    report = acme.knowledge.ingest(MemorySource(files | {"new.md": "Listed nowhere."}))
    assert (report.added, report.acl_changed) == (1, 0)
    assert [document.uri for document in acme.knowledge.documents(ada)] == ["memory:open.md"]
    assert len(acme.knowledge.documents(bo)) == 2
    acme.knowledge.ingest(MemorySource({"other.md": "Of a new source."}, name="new"))
    assert len(acme.knowledge.documents(ada)) == 2


def test_changed_readers_apply_to_a_document_whose_new_content_fails(acme, ada):
    acme.ingest({"leave.md": LEAVE})
    report = acme.ingest({"leave.md": None}, access({}))
    assert (len(report.failed), report.acl_changed) == (1, 1)
    assert acme.knowledge.documents(ada) == []


def test_a_document_without_readers_is_nobodys(acme, ada):
    acme.ingest({"leave.md": LEAVE}, access({}))
    assert acme.knowledge.documents(ada) == []
    assert acme.knowledge.search(ada, "leave") == []


def test_a_path_that_moved_keeps_its_document_and_shows_its_new_place(acme, ada):
    acme.ingest({"leave.md": LEAVE})
    report = acme.knowledge.ingest(MemorySource({"leave.md": LEAVE}, prefix="elsewhere:"), AccessList.everyone())
    assert report.unchanged == 1
    assert [document.uri for document in acme.knowledge.documents(ada)] == ["elsewhere:leave.md"]


def test_sources_do_not_touch_each_others_documents(acme, ada):
    acme.ingest({"leave.md": LEAVE})
    acme.knowledge.ingest(MemorySource({"leave.md": TRAVEL}, name="other"), AccessList.everyone())
    assert {document.title for document in acme.knowledge.documents(ada)} == {"Leave", "Travel"}
    assert document_id("memory", "leave.md") != document_id("other", "leave.md")


def test_an_unchanged_ingest_needs_neither_model_nor_index(acme, tmp_path):
    acme.ingest({"leave.md": LEAVE, "bad.md": None})

    class NoModel(HashEmbedder):
        def embed(self, texts):
            raise AssertionError("the model was asked")

    again = world(Store(tmp_path / "data"), embedder=NoModel())
    index = again.store.directory / "index"
    index.rename(index.with_name("away"))
    assert _counts(again.ingest({"leave.md": LEAVE, "bad.md": None})) == (0, 0, 0, 1)
    assert not index.exists()


def test_another_embedder_makes_the_index_anew(acme, ada, tmp_path):
    acme.ingest({"leave.md": LEAVE, "travel.md": TRAVEL})
    other = world(Store(tmp_path / "data"), embedder=HashEmbedder(32))
    with pytest.raises(Unavailable, match="hash:64"):
        other.knowledge.search(ada, "leave")
    report = other.knowledge.ingest(MemorySource({"card.md": CARD}, name="other"), AccessList.everyone())
    assert report.added == 1
    assert other.titles(ada, "days of leave", 1) == ["Leave"]
    assert other.knowledge.check() == []
    with pytest.raises(Unavailable, match="hash:32"):
        acme.knowledge.search(ada, "leave")


def test_an_ingest_is_evidence_without_names_in_clear(acme):
    acme.ingest({"secret-plan.md": LEAVE})
    acme.ingest({})
    with acme.store.read() as tx:
        from aver.evidence.store import steps

        rows = tx.execute(steps.select().order_by(steps.c.seq)).all()
    assert "secret-plan" not in repr(rows)
    turns = acme.ledger.turns({row.turn for row in rows})
    found = [step for row in rows for step in turns[row.turn] if step.seq == row.seq]
    assert [step.kind for step in found] == ["ingested", "ingested"]
    assert found[0].facts == {"added": 1, "changed": 0, "passages": 1}
    assert found[0].body["documents"] == [[document_id("memory", "secret-plan.md"), 1, "memory", "secret-plan.md"]]
    assert found[1].facts == {"deleted": 1}
    assert acme.ledger.verify().ok


def test_progress_reaches_every_document_once(acme):
    heard = []
    source = MemorySource({f"{n}.md": LEAVE + str(n) for n in range(20)} | {"bad.md": None})
    acme.knowledge.ingest(source, AccessList.everyone(), progress=lambda *told: heard.append(told))
    done = [done for done, total, _ in heard if total == 21]
    assert done == sorted(done)
    assert done[-1] == 21


def test_two_ingests_of_a_source_at_once_are_refused(acme):
    with acme.store.lock("source memory"), pytest.raises(Conflict):
        acme.ingest({"leave.md": LEAVE})


def test_searches_go_on_while_documents_come_and_go(acme, ada, monkeypatch):
    from aver.knowledge import ingest

    monkeypatch.setattr(ingest, "_PASSAGES_A_STEP", 5)
    acme.ingest({"leave.md": LEAVE})
    stop, problems = threading.Event(), []

    def ask():
        while not stop.is_set():
            hits = acme.knowledge.search(ada, "days of leave", 1)
            if [hit.title for hit in hits] != ["Leave"]:
                problems.append(hits)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(2):
            acme.ingest(
                {"leave.md": LEAVE} | {f"{turn}-{n}.md": f"# Other {n}\n\nTrains {turn} go." for n in range(12)}
            )
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []
    assert acme.knowledge.check() == []


def test_a_row_is_found_by_its_header_also_after_the_index_is_made_anew(acme, ada, tmp_path):
    rows = "".join(f"| row {number} of the list | plain value |\n" for number in range(200))
    page = {"list.md": f"# List\n\n| Zanzibar | Quixotic |\n| --- | --- |\n{rows}"}
    acme.ingest(page)
    found = [hit.text for hit in acme.knowledge.search(ada, "quixotic zanzibar", 50) if hit.bm25 > 0]
    other = world(Store(tmp_path / "data"), embedder=HashEmbedder(32))
    other.ingest(page)
    again = [hit.text for hit in other.knowledge.search(ada, "quixotic zanzibar", 50) if hit.bm25 > 0]
    assert set(found) == set(again)
    assert len(found) > 3
    assert sum("Zanzibar" in text for text in found) == 1
    assert other.knowledge.check() == []
