"""A scope narrows a search and never widens what may be read; a date shows documents as they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aver.core.errors import InvalidInput
from aver.knowledge.scope import Scope
from tests.knowledge import MemorySource, World, access, open_world

OLD, NEW = "Staff have 25 days of leave a year.", "Staff have 27 days of leave a year."


@pytest.fixture
def acme(tmp_path) -> World:
    opened = open_world(tmp_path / "data")
    opened.knowledge.ingest(MemorySource({"leave.md": f"# Leave\n\n{OLD}"}, name="hr"))
    opened.knowledge.ingest(MemorySource({"travel.md": "# Travel\n\nStaff have a travel card."}, name="desk"))
    return opened


def _later(acme: World, days: int = 30) -> datetime:
    """The time a day before ``days`` have gone by."""
    acme.clock.advance(timedelta(days=days).total_seconds())
    return acme.clock.now() - timedelta(days=1)


def test_sources_and_documents_narrow(acme):
    ada = acme.user("ada")
    (leave,) = [each.id for each in acme.knowledge.documents(ada) if each.title == "Leave"]

    def titles(scope: Scope) -> list[str]:
        return [hit.title for hit in acme.knowledge.search(ada, "staff", 8, scope)]

    assert sorted(titles(Scope())) == ["Leave", "Travel"]
    assert titles(Scope(sources=("hr",))) == ["Leave"]
    assert titles(Scope(documents=(leave,))) == ["Leave"]
    assert titles(Scope(sources=("desk",), documents=(leave,))) == []
    assert titles(Scope(sources=("nowhere",))) == []


def test_a_scope_shows_nothing_that_may_not_be_read(acme):
    hidden = MemorySource({"leave.md": f"# Leave\n\n{OLD}"}, name="hr")
    acme.knowledge.ingest(hidden, access({"leave.md": ["user:bob"]}))
    then = _later(acme)
    hidden.files["leave.md"] = f"# Leave\n\n{NEW}"
    acme.knowledge.ingest(hidden, access({"leave.md": ["user:bob"]}))
    for scope in (Scope(("hr",)), Scope(as_of=then), Scope(("hr",), as_of=then)):
        assert all(hit.title != "Leave" for hit in acme.knowledge.search(acme.user("ada"), "days of leave", 8, scope))
        assert OLD in [hit.text for hit in acme.knowledge.search(acme.user("bob"), "days of leave", 8, scope)] or (
            scope.as_of is None
        )


def test_since_keeps_what_changed_then_or_later(acme):
    then = _later(acme)
    acme.knowledge.ingest(MemorySource({"leave.md": f"# Leave\n\n{NEW}"}, name="hr"))
    ada = acme.user("ada")
    assert [hit.title for hit in acme.knowledge.search(ada, "staff", 8, Scope(since=then))] == ["Leave"]
    assert acme.knowledge.search(ada, "staff", 8, Scope(since=acme.clock.now() + timedelta(days=1))) == []


def test_as_of_shows_each_document_as_it_was(acme):
    ada, begun = acme.user("ada"), acme.clock.now() - timedelta(days=1)
    then = _later(acme)
    acme.knowledge.ingest(
        MemorySource({"leave.md": f"# Leave\n\n{NEW}", "sick.md": "# Sick\n\nStaff call."}, name="hr")
    )
    now = {hit.text for hit in acme.knowledge.search(ada, "staff leave", 8, Scope(as_of=acme.clock.now()))}
    assert {NEW, "Staff call."} <= now
    hits = acme.knowledge.search(ada, "staff leave", 8, Scope(as_of=then))
    assert {hit.text for hit in hits} == {OLD, "Staff have a travel card."}
    for hit in hits:
        assert acme.knowledge.document(ada, hit.document, hit.version).text[hit.start : hit.end] == hit.text
    assert acme.knowledge.search(ada, "staff leave", 8, Scope(as_of=begun)) == []


def test_a_time_without_offset_is_refused():
    with pytest.raises(InvalidInput):
        Scope(since=datetime(2026, 1, 1))  # noqa: DTZ001
    Scope(since=datetime(2026, 1, 1, tzinfo=UTC))
