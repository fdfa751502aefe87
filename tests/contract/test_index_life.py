"""An index is verified, repaired, named, rolled back, made anew and migrated alike, whichever engine keeps it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from aver.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from aver.knowledge import changes as changes_module
from aver.knowledge import rebuild as rebuild_module
from aver.knowledge.adapters.pgvector import PgvectorIndex
from aver.knowledge.index import Place, Row
from aver.knowledge.recipes import recipe
from aver.knowledge.state import REBUILDING, read_state
from aver.knowledge.statistics import intern_acl
from aver.knowledge.store import BUILDING, CURRENT, acls, documents, lexicon
from aver.store import Store
from aver.testing import HashEmbedder
from tests.knowledge import World, access, world

PAGES = {f"page-{n}.md": f"# Page {n}\n\nThe allowance of page {n} is {n * 7} a month." for n in range(12)}
OPEN = {path: ["everyone"] for path in PAGES}
OLD, NEW = HashEmbedder(64), HashEmbedder(32)


class Installation:
    """One tenant as several processes see it: each has the embedders it has."""

    def __init__(self, store: Store, engine) -> None:
        self.store, self._engine = store, engine

    def opened(self, *embedders) -> World:
        first, *others = embedders or (OLD,)
        return world(self.store, embedder=first, others=others, engine=self._engine)


@pytest.fixture(params=["lancedb", "pgvector"])
def installation(request, tmp_path) -> Iterator[Installation]:
    url = request.getfixturevalue("postgres_url") if request.param == "pgvector" else None
    store = Store(tmp_path / "data", url)
    yield Installation(store, PgvectorIndex if url else None)
    store.close()


@pytest.fixture
def acme(installation) -> World:
    opened = installation.opened()
    opened.ingest(PAGES, access(OPEN))
    return opened


def _actions(acme: World) -> list[str]:
    return [step.facts["action"] for step in acme.ledger.of_kind("indexed")]


def _id(acme: World, title: str) -> str:
    (found,) = [each.id for each in acme.knowledge.documents(acme.user("ada")) if each.title == title]
    return found


class TestVerifyAndRepair:
    def _written(self, acme: World, change) -> None:
        """Let ``change`` do something to the index that nothing else knows of."""
        doing = acme.knowledge._changes()
        with acme.store.lock("knowledge"):
            writer = doing.open()
            change(writer)
            with doing.commit(writer):
                pass

    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            (lambda writer, document: writer.remove([document]), "0 of its passages"),
            (lambda writer, document: writer.move([document], 77), "under readers 77"),
            (
                lambda writer, document: writer.add(
                    [Row(Place("doc_ghost", 1, 0, 5, ""), 1, "ghost")], OLD.embed(["ghost"])
                ),
                "doc_ghost: it is in the index and nowhere else",
            ),
            (
                lambda writer, document: writer.add(
                    [Row(Place(document, 1, 0, 3, ""), 1, "again")], OLD.embed(["again"])
                ),
                "2 of its passages",
            ),
        ],
        ids=["missing", "under others", "extra", "too many"],
    )
    def test_what_is_wrong_in_the_index_is_named_and_put_right(self, acme, damage, said):
        document, ada = _id(acme, "Page 3"), acme.user("ada")
        before = [(hit.title, hit.score) for hit in acme.knowledge.search(ada, "allowance of page 3", 20)]
        self._written(acme, lambda writer: damage(writer, document))
        found = acme.knowledge.index.verify()
        assert not found.ok
        assert said in "\n".join(found.problems)
        assert len(found.wrong) == 1
        done = acme.knowledge.index.repair()
        assert (done.documents, done.rebuilt) == (1, False)
        assert acme.knowledge.check() == []
        assert [(hit.title, hit.score) for hit in acme.knowledge.search(ada, "allowance of page 3", 20)] == before
        assert _actions(acme) == ["repaired"]
        assert acme.ledger.verify().ok

    @pytest.mark.parametrize("table", [lexicon, acls], ids=["words", "sizes"])
    def test_statistics_that_are_wrong_are_named_and_put_right(self, acme, table):
        with acme.store.begin() as tx:
            tx.execute(update(table).values(passages=table.c.passages + 1))
        found = acme.knowledge.index.verify()
        assert (found.ok, found.statistics, found.wrong) == (False, False, frozenset())
        assert acme.knowledge.index.repair().statistics
        assert acme.knowledge.check() == []

    def test_of_a_sound_index_nothing_is_repaired(self, acme):
        done = acme.knowledge.index.repair()
        assert (done.documents, done.statistics, done.rebuilt) == (0, False, False)
        assert _actions(acme) == []

    def test_an_index_that_is_gone_is_made_anew(self, acme):
        with acme.store.read() as tx:
            generation = read_state(tx)[CURRENT].version.generation
        acme.knowledge.close()
        acme.knowledge._index.drop(generation)
        with pytest.raises(Unavailable):
            acme.knowledge.index.verify()
        assert acme.knowledge.index.repair().rebuilt
        assert acme.knowledge.check() == []
        assert "Page 3" in acme.titles(acme.user("ada"), "allowance of page 3", 20)

    def test_what_is_deleted_while_another_writes_is_gone_at_once_and_made_good_later(self, acme):
        ada = acme.user("ada")
        with acme.store.lock("knowledge"), pytest.MonkeyPatch.context() as patch:
            patch.setattr("aver.knowledge.service._PATIENCE", 0.0)
            acme.knowledge.delete(ada, _id(acme, "Page 3"))
            assert "Page 3" not in acme.titles(ada, "allowance of page 3", 20)
            assert acme.knowledge.check() == []
            assert acme.knowledge.index.status().pending == 1
        acme.ingest({path: text for path, text in PAGES.items() if path != "page-3.md"}, access(OPEN))
        status = acme.knowledge.index.status()
        assert (status.pending, status.tidy, status.documents) == (0, True, 11)
        assert acme.knowledge.check() == []

    @pytest.mark.parametrize("taken", ["deleted", "revoked"])
    def test_what_is_taken_away_while_it_is_being_changed_stays_away(self, acme, monkeypatch, taken):
        """Between what a change read and its commit."""
        ada, document = acme.user("ada"), _id(acme, "Page 3")
        commit, other = changes_module.Changes.commit, []

        def overtaken(doing, writer):
            if not other:
                other.append(True)
                apart = acme.knowledge._changes()
                if taken == "deleted":
                    apart.delete([document], {})
                else:
                    with acme.store.begin() as tx:
                        eve = intern_acl(tx, ["user:eve"])
                    apart.move([document], eve, {})
            return commit(doing, writer)

        monkeypatch.setattr(changes_module.Changes, "commit", overtaken)
        changed = PAGES | {"page-3.md": "# Page 3\n\nAnother allowance."}
        acme.ingest(changed, access(OPEN))
        assert acme.knowledge.check() == []
        assert other
        if taken == "deleted":  # this ingest still holds it, so it came back with its new text
            assert "Page 3" in acme.titles(ada, "another allowance", 20)
        acme.ingest(changed, access(OPEN | {"page-3.md": ["user:eve"]}))
        assert "Page 3" not in acme.titles(ada, "another allowance", 20)
        assert acme.knowledge.check() == []


class TestRebuild:
    def test_it_finds_the_same_in_a_new_generation_and_the_old_one_is_gone(self, acme):
        ada = acme.user("ada")
        before = acme.knowledge.search(ada, "allowance of page 3", 20)
        done = acme.knowledge.index.rebuild()
        status = acme.knowledge.index.status()
        assert (done.documents, status.generation, status.building) == (12, 2, "")
        assert acme.knowledge.search(ada, "allowance of page 3", 20) == before
        assert acme.knowledge._index.generations() == {2}
        assert acme.knowledge.check() == []
        assert _actions(acme) == ["rebuilt"]

    def test_searches_and_changes_go_on_while_it_is_made(self, acme, monkeypatch):
        """A document comes, one goes, one changes, one is revoked in the middle of it; searches never miss a beat."""
        monkeypatch.setattr(rebuild_module, "_DOCUMENTS_A_PORTION", 3)
        monkeypatch.setattr(rebuild_module, "_FEW", 0)
        ada, write, seen = acme.user("ada"), rebuild_module.Rebuild._note, []
        changed = PAGES | {"page-1.md": "# Page 1\n\nA changed allowance.", "new.md": "# New\n\nA new allowance."}
        del changed["page-2.md"]

        def interrupted(rebuild, writer):
            write(rebuild, writer)
            seen.append(acme.titles(ada, "allowance", 20))
            if len(seen) == 2:
                acme.ingest(changed, access({path: ["everyone"] for path in changed} | {"page-4.md": ["user:eve"]}))

        monkeypatch.setattr(rebuild_module.Rebuild, "_note", interrupted)
        acme.knowledge.index.rebuild()
        expected = {f"Page {n}" for n in range(12)} - {"Page 2", "Page 4"} | {"New"}
        assert set(acme.titles(ada, "allowance", 20)) == expected
        assert all(len(titles) == 12 for titles in seen[:2])
        assert all(set(titles) == expected for titles in seen[2:])
        assert acme.knowledge.search(ada, "changed allowance", 1)[0].text.endswith("A changed allowance.")
        assert acme.knowledge.check() == []

    def test_cut_off_it_goes_on_where_it_stopped(self, acme, monkeypatch):
        monkeypatch.setattr(rebuild_module, "_DOCUMENTS_A_PORTION", 3)
        monkeypatch.setattr(rebuild_module, "_FEW", 0)
        note = rebuild_module.Rebuild._note
        cut = iter([False, False, True])

        def stopped(rebuild, writer):
            note(rebuild, writer)
            if next(cut):
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(rebuild_module.Rebuild, "_note", stopped)
            with pytest.raises(KeyboardInterrupt):
                acme.knowledge.index.rebuild()
        assert acme.knowledge.index.status().building
        assert acme.knowledge.check() == []
        gone = {path: text for path, text in PAGES.items() if path != "page-0.md"}
        acme.ingest(gone, access(OPEN))

        class Counting(HashEmbedder):
            texts = 0

            def embed(self, texts):
                Counting.texts += len(texts)
                return super().embed(texts)

        again = world_like(acme, Counting(64))
        again.knowledge.index.rebuild()
        assert Counting.texts == 3
        assert again.knowledge.check() == []
        assert again.knowledge.index.status().documents == 11
        assert again.knowledge._index.generations() == {2}

    def test_two_at_once_are_refused(self, acme):
        with acme.store.lock(REBUILDING), pytest.raises(Conflict):
            acme.knowledge.index.rebuild()

    def test_what_a_crash_left_of_a_generation_is_swept_up(self, acme):
        acme.knowledge._index.writer(9, 64).begin(None)
        acme.ingest(PAGES | {"more.md": "# More\n\nMore."}, access(OPEN | {"more.md": ["everyone"]}))
        assert acme.knowledge._index.generations() == {1}

    def test_of_nothing_there_is_nothing(self, installation):
        empty = installation.opened()
        assert empty.knowledge.index.rebuild().documents == 0
        status = empty.knowledge.index.status()
        assert (status.generation, status.documents, status.bytes) == (0, 0, 0)
        assert empty.knowledge.index.verify().ok


def world_like(opened: World, embedder) -> World:
    """Another process on the same tenant and engine."""
    from aver.knowledge import Knowledge

    index = type(opened.knowledge._index)
    engine = index(opened.store) if index is PgvectorIndex else None
    return World(
        opened.store,
        opened.ledger,
        Knowledge(opened.store, opened.ledger, embedder, opened.clock, index=engine),
        opened.clock,
    )


class TestMigration:
    def test_queries_are_answered_from_the_old_vectors_until_the_new_are_whole(self, installation, monkeypatch):
        installation.opened(OLD).ingest(PAGES, access(OPEN))
        both = installation.opened(NEW, OLD)
        ada, note, read = both.user("ada"), rebuild_module.Rebuild._note, []

        def looking(rebuild, writer):
            note(rebuild, writer)
            with both.store.read() as tx:
                state = read_state(tx)
            read.append((state[CURRENT].recipe, state[BUILDING].recipe, both.titles(ada, "allowance of page 3", 1)))

        monkeypatch.setattr(rebuild_module.Rebuild, "_note", looking)
        done = both.knowledge.index.migrate()
        assert done.recipe == recipe(NEW)
        assert set(read and [each[:2] for each in read]) == {(recipe(OLD), recipe(NEW))}
        assert all(titles == ["Page 3"] for _, _, titles in read)
        assert both.titles(ada, "allowance of page 3", 1) == ["Page 3"]
        assert both.knowledge.check() == []
        assert _actions(both) == ["migrated"]
        with pytest.raises(Unavailable, match="hash:32"):
            installation.opened(OLD).knowledge.search(ada, "allowance")

    def test_until_then_new_documents_are_written_as_the_old_are(self, installation):
        installation.opened(OLD).ingest(PAGES, access(OPEN))
        both = installation.opened(NEW, OLD)
        both.ingest(PAGES | {"new.md": "# New\n\nA new allowance."}, access(OPEN | {"new.md": ["everyone"]}))
        assert both.knowledge.index.status().recipe == recipe(OLD)
        assert both.titles(both.user("ada"), "new allowance", 1) == ["New"]
        assert both.knowledge.check() == []

    def test_an_ingest_that_began_before_the_switch_ends_after_it(self, installation, monkeypatch):
        installation.opened(OLD).ingest(PAGES, access(OPEN))
        both = installation.opened(NEW, OLD)
        put, migrated = changes_module.Changes.put, []

        def late(doing, puts, vectors):
            if not migrated:
                migrated.append(both.knowledge.index.migrate())
            return put(doing, puts, vectors)

        monkeypatch.setattr(changes_module.Changes, "put", late)
        both.ingest(PAGES | {"new.md": "# New\n\nA new allowance."}, access(OPEN | {"new.md": ["everyone"]}))
        assert migrated
        assert both.titles(both.user("ada"), "new allowance", 1) == ["New"]
        assert both.knowledge.check() == []

    def test_an_embedder_that_is_not_here_is_refused(self, acme):
        with pytest.raises(NotFound, match="hash:64"):
            acme.knowledge.index.migrate("hash:1")

    def test_a_release_may_pin_the_recipe(self, installation):
        opened = installation.opened(OLD)
        opened.ingest(PAGES, access(OPEN))
        ada = opened.user("ada")
        assert opened.knowledge.search(ada, "allowance", made_with=recipe(OLD))
        with pytest.raises(Unavailable, match="pinned to an index made with 'hash:32"):
            opened.knowledge.search(ada, "allowance", made_with=recipe(NEW))


class TestSnapshots:
    LATER = {  # noqa: RUF012
        **{path: text for path, text in PAGES.items() if path not in ("page-2.md", "page-6.md")},
        "page-1.md": "# Page 1\n\nA changed allowance.",
        "page-5.md": "# Page 5\n\nA changed and revoked allowance.",
        "late.md": "# Late\n\nA late allowance.",
    }

    def _later(self, acme: World) -> None:
        acme.knowledge.index.snapshot("before")
        readers = {path: ["everyone"] for path in self.LATER} | {"page-5.md": ["user:eve"], "page-4.md": ["user:eve"]}
        acme.ingest(self.LATER, access(readers))
        acme.knowledge.delete(acme.user("ada"), _id(acme, "Page 7"))

    def test_going_back_restores_texts_and_neither_the_deleted_nor_the_revoked(self, acme):
        ada, eve = acme.user("ada"), acme.user("eve")
        self._later(acme)
        done = acme.knowledge.index.rollback("before")
        assert (done.restored, done.removed, done.rebuilt) == (2, 1, False)
        assert set(acme.titles(ada, "allowance", 20)) == {f"Page {n}" for n in (0, 1, 3, 8, 9, 10, 11)}
        assert set(acme.titles(eve, "allowance", 20)) == {f"Page {n}" for n in (0, 1, 3, 4, 5, 8, 9, 10, 11)}
        (first,) = [hit for hit in acme.knowledge.search(ada, "allowance of page 1", 20) if hit.title == "Page 1"]
        assert first.text.endswith("The allowance of page 1 is 7 a month.")
        assert first.version == 3
        assert acme.knowledge.check() == []
        assert _actions(acme) == ["snapshot", "rolled_back"]
        assert acme.ledger.verify().ok
        assert acme.knowledge.index.status().tidy

    def test_it_can_be_done_again_and_an_ingest_brings_all_back(self, acme):
        self._later(acme)
        acme.knowledge.index.rollback("before")
        done = acme.knowledge.index.rollback("before")
        assert (done.restored, done.removed) == (0, 0)
        report = acme.ingest(self.LATER, access({path: ["everyone"] for path in self.LATER}))
        assert (report.changed, report.added) == (2, 2)
        assert "Late" in acme.titles(acme.user("ada"), "late allowance", 20)
        assert acme.knowledge.check() == []

    def test_what_was_deleted_and_came_back_keeps_its_new_text(self, acme):
        ada = acme.user("ada")
        acme.knowledge.index.snapshot("before")
        acme.knowledge.delete(ada, _id(acme, "Page 3"))
        acme.ingest(PAGES | {"page-3.md": "# Page 3\n\nThe words of today."}, access(OPEN))
        assert acme.knowledge.index.rollback("before").restored == 0
        assert acme.knowledge.document(ada, _id(acme, "Page 3")).text.endswith("The words of today.")
        assert acme.knowledge.check() == []

    def test_it_goes_back_over_a_migration(self, installation):
        installation.opened(OLD).ingest(PAGES, access(OPEN))
        both = installation.opened(NEW, OLD)
        both.knowledge.index.snapshot("old")
        both.knowledge.index.migrate()
        assert both.knowledge.index.rollback("old").rebuilt
        assert both.knowledge.index.status().recipe == recipe(OLD)
        assert both.titles(both.user("ada"), "allowance of page 3", 1) == ["Page 3"]
        assert both.knowledge.check() == []
        both.knowledge.index.migrate()
        with pytest.raises(Unavailable, match="hash:64"):
            installation.opened(NEW).knowledge.index.rollback("old")

    def test_a_snapshot_holds_no_text_and_names_nobody(self, acme):
        taken = acme.knowledge.index.snapshot("before")
        assert (taken.documents, acme.knowledge.index.snapshots()) == (12, [taken])
        with pytest.raises(Conflict):
            acme.knowledge.index.snapshot("before")
        for name in ("", "a b", "x" * 65, "-x"):
            with pytest.raises(InvalidInput):
                acme.knowledge.index.snapshot(name)
        with pytest.raises(NotFound):
            acme.knowledge.index.rollback("never")


def test_a_deletion_does_not_wait_for_an_ingest(acme, monkeypatch):
    """It is gone for everyone while the ingest still holds the index."""
    ada, inside, go_on = acme.user("ada"), threading.Event(), threading.Event()

    def held_up(doing, writer):
        inside.set()
        assert go_on.wait(60)
        return commit(doing, writer)

    commit = changes_module.Changes.commit
    monkeypatch.setattr(changes_module.Changes, "commit", held_up)
    monkeypatch.setattr("aver.knowledge.service._PATIENCE", 0.0)
    more = PAGES | {"more.md": "# More\n\nMore of it."}
    ingest = threading.Thread(target=acme.ingest, args=(more, access(OPEN | {"more.md": ["everyone"]})))
    ingest.start()
    try:
        assert inside.wait(60)
        acme.knowledge.delete(ada, _id(acme, "Page 3"))
        assert "Page 3" not in acme.titles(ada, "allowance of page 3", 20)
    finally:
        go_on.set()
        ingest.join()
    assert "More" in acme.titles(ada, "more of it", 20)
    assert acme.knowledge.check() == []
    with acme.store.read() as tx:
        assert tx.execute(select(documents.c.acl).where(documents.c.title == "")).scalars().all() == [None]
