"""The access log: of a user, of a document, a page at a time, whatever kind of step says so; without names once they are gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aver.core.errors import NotFound
from aver.evidence import Draft
from aver.governance.reading import accessed
from tests.unit.governance.conftest import World


def put(world: World, *drafts: Draft) -> None:
    with world.store.begin() as tx:
        world.ledger.append_all(tx, drafts)


@pytest.fixture
def read(world: World) -> World:
    world.turn("turn_1", "ann", ["doc_1", "doc_2"])
    put(world, accessed("access_1", "bo", "document", "http", [("doc_1", 3)]))
    world.clock.move(1)
    put(world, Draft("inspection_1", "inspected", None, {"turn": "turn_1"}, {"by": "bo", "why": "a complaint"}))
    put(world, accessed("access_2", "ann", "search", "console", [("doc_2", 1), ("doc_2", 1)]))
    return world


def told(world: World, **wanted: object) -> list[tuple[str, str, tuple[str, ...]]]:
    found = world.governance.accesses.entries(**wanted)  # type: ignore[arg-type]
    return [(each.user, each.what, each.documents) for each in found]


ALL = [
    ("ann", "passages", ("doc_1", "doc_2")),
    ("bo", "document", ("doc_1",)),
    ("bo", "turn", ()),
    ("ann", "search", ("doc_2",)),
]


def test_everything_in_order(read: World) -> None:
    assert told(read) == ALL


def test_of_a_user_with_the_turns_that_they_looked_at(read: World) -> None:
    assert told(read, user="ann") == [ALL[0], ALL[3]]
    assert told(read, user="bo") == [ALL[1], ALL[2]]
    assert told(read, user="nobody") == []


def test_of_a_document_and_from_a_moment(read: World) -> None:
    assert told(read, document="doc_1") == ALL[:2]
    assert told(read, document="doc_1", user="bo") == [ALL[1]]
    assert told(read, since=read.clock.now() - timedelta(hours=1)) == ALL[2:]


def test_a_page_at_a_time(read: World) -> None:
    log, after, found = read.governance.accesses, 0, []
    while some := log.entries(after=after, most=1):
        found += some
        after = some[-1].seq
    assert [each.what for each in found] == [what for _, what, _ in ALL]


def test_whose_name_is_gone_is_not_named(read: World) -> None:
    read.ledger.erase("user:ann")
    assert told(read, document="doc_2") == [("", *ALL[0][1:]), ("", *ALL[3][1:])]
    assert told(read, user="ann") == []


def test_the_readers_of_what_is_not_there(read: World) -> None:
    for document in ("doc_9", "\0"):
        with pytest.raises(NotFound):
            read.governance.accesses.readership(document)
