"""Declared sources are followed, and say how they stand."""

from __future__ import annotations

import shutil

import pytest

from aver.core.errors import Conflict, NotFound, Unavailable
from aver.knowledge import AccessList
from aver.knowledge.sources import Sources, parse_sources, service
from tests.knowledge import MemorySource, open_world


@pytest.fixture
def world(tmp_path):
    return open_world(tmp_path / "data")


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "leave.md").write_text("# Leave\n\nThirty days of leave a year.")
    (folder / "pay.md").write_text("# Pay\n\nOn the 25th.")
    return folder


@pytest.fixture
def following(world, pages):
    following = Sources(world.store, world.ledger, world.knowledge, world.clock, lambda _: "", 2**20)
    following.declare(declared(pages))
    return following


def declared(pages, **more):
    extra = "".join(f", {name}: {value}" for name, value in more.items())
    return parse_sources(f"sources: {{pages: {{kind: folder, path: '{pages}', every: 10m{extra}}}}}", "s.yaml")


def state(following, name="pages"):
    return next(each for each in following.states() if each.name == name)


def test_a_source_is_fresh_as_of_the_beginning_of_its_last_run(world, following):
    assert state(following).lag(world.clock.now()) is None
    assert following.due() == ["pages"]
    assert following.follow("pages").added == 2
    assert state(following).documents == 2
    assert following.due() == []
    world.clock.advance(599)
    assert state(following).lag(world.clock.now()) == 599
    assert following.due() == []
    world.clock.advance(1)
    assert following.due() == ["pages"]
    assert following.follow("pages").unchanged == 2
    assert state(following).lag(world.clock.now()) == 0


def test_why_it_failed_is_remembered_until_it_works_again(world, following, pages):
    following.follow("pages")
    pages.rename(pages.with_name("away"))
    world.clock.advance(700)
    with pytest.raises(NotFound):
        following.follow("pages")
    assert "nothing at" in state(following).problem
    assert state(following).lag(world.clock.now()) == 700
    assert state(following).documents == 2
    assert following.due() == []  # it was tried just now
    pages.with_name("away").rename(pages)
    following.follow("pages")
    assert state(following).problem == ""


def test_what_could_not_be_taken_in_is_named(following, pages):
    (pages / "empty.md").write_text("")
    following.follow("pages")
    (failure,) = state(following).failures
    assert failure.path == "empty.md"
    assert state(following).fresh is not None  # it is known, and is nothing that waiting would mend


def test_another_declaration_holds_from_the_next_run(world, following, pages):
    following.follow("pages")
    assert len(world.knowledge.documents(world.user("ada"))) == 2
    following.declare(declared(pages, access="[{match: 'pay.md', readers: ['group:hr']}]"))
    following.follow("pages")
    assert world.knowledge.documents(world.user("ada")) == []
    assert [each.title for each in world.knowledge.documents(world.user("ada", "hr"))] == ["Pay"]


def test_a_removed_source_takes_its_documents_along(world, following):
    following.follow("pages")
    world.ingest({"other.md": "# Other\n\nIt stays."})
    assert following.remove("pages").deleted == 2
    assert [each.title for each in world.knowledge.documents(world.user("ada"))] == ["Other"]
    assert [each.name for each in following.states()] == ["memory"]
    assert world.knowledge.check() == []


def test_a_removed_source_leaves_nothing_that_it_kept(world, following, tmp_path):
    kept = world.store.directory / "sources" / "pages"
    (kept / "repository.git").mkdir(parents=True)
    (kept / "repository.git" / "HEAD").write_text("ref: refs/heads/main")
    (beside := kept.with_name("other")).mkdir()
    following.remove("pages")
    assert not kept.exists()
    assert beside.exists()


def test_a_removal_that_breaks_off_is_done_by_removing_again(world, following, monkeypatch):
    following.follow("pages")
    kept = world.store.directory / "sources" / "pages"
    kept.mkdir(parents=True)

    def refused(_folder):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", refused)
        with pytest.raises(Unavailable, match="cannot be deleted: Permission denied"):
            following.remove("pages")
    assert world.knowledge.documents(world.user("ada")) == []
    assert state(following).documents == 0
    assert following.remove("pages").deleted == 0
    assert not kept.exists()
    assert following.states() == []


def test_nobody_follows_a_source_while_it_is_removed(world, following, monkeypatch):
    following.follow("pages")
    met = []

    def meanwhile(_folder):
        with pytest.raises(Conflict):
            following.follow("pages")
        met.append("nobody")

    monkeypatch.setattr(shutil, "rmtree", meanwhile)  # the documents are gone, and the source is not yet
    following.remove("pages")
    assert len(met) == 1
    assert world.knowledge.documents(world.user("ada")) == []
    assert following.states() == []


def test_a_source_is_not_removed_while_it_is_followed(world, following, monkeypatch):
    met, known = [], service.kind_of

    def meanwhile(name):
        with pytest.raises(Conflict):
            following.remove("pages")
        met.append("nobody")
        return known(name)

    monkeypatch.setattr(
        service, "kind_of", meanwhile
    )  # the run knows what the source is declared as, and lists nothing yet
    assert following.follow("pages").added == 2
    assert len(met) == 1
    assert [(each.name, each.kind) for each in following.states()] == [("pages", "folder")]
    assert following.remove("pages").deleted == 2


def test_what_was_ingested_by_hand_keeps_nothing_whatever_its_name(world, following, tmp_path):
    (outside := world.store.directory / "outside").mkdir()
    world.knowledge.ingest(MemorySource({"a.md": "# A\n\nHere."}, name="../outside"), AccessList.everyone())
    following.remove("../outside")
    assert outside.exists()


@pytest.mark.parametrize("act", ["follow", "remove"])
def test_a_source_that_is_not_there(following, act):
    with pytest.raises(NotFound, match="Did you mean 'pages'"):
        getattr(following, act)("page")


def test_what_was_ingested_by_hand_cannot_be_followed(world, following):
    world.ingest({"other.md": "# Other\n\nIt stays."})
    with pytest.raises(NotFound, match="by hand"):
        following.follow("memory")
    assert following.due() == ["pages"]


def test_declarations_and_removals_are_evidence(world, following):
    following.remove("pages")
    assert [step.facts for step in world.ledger.of_kind("source_declared")] == [{"declared": 1}]
    (removed,) = world.ledger.of_kind("source_removed")
    assert (removed.facts, removed.body) == ({"deleted": 0}, {"source": "pages"})


def test_a_secret_is_asked_for_and_never_stored(world, tmp_path):
    asked = []

    def secret(reference):
        asked.append(reference)
        raise Unavailable("The secret cannot be had", "Set it.")

    following = Sources(world.store, world.ledger, world.knowledge, world.clock, secret, 2**20)
    text = "sources: {desk: {kind: sql, database: 'env:DESK', query: SELECT 1 AS id}}"
    following.declare(parse_sources(text, "s.yaml"))
    with pytest.raises(Unavailable):
        following.follow("desk")
    assert asked == ["env:DESK"]
