"""What a principal may not see has no effect on anything they get: not on a title, a count, a score or its last bit.

The property is tried on random tenants, and the last test shows that it is the filter that holds it: without
:func:`~aver.knowledge.visibility.visible_acls` the same property fails.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from aver.core import Principal
from aver.core.errors import NotFound
from aver.knowledge import Hit, visibility
from aver.knowledge.store import acls
from aver.store import Store
from tests.knowledge import World, access, world

READERS = ["everyone", "user:ada", "user:bob", "group:hr", "group:it", "group:board"]
WORDS = ["leave", "travel", "card", "salary", "merger", "laptop", "ERR-1234", "holiday", "the", "budget"]

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
readers = st.frozensets(st.sampled_from(READERS), max_size=3)
tenants = st.lists(st.tuples(texts, readers), min_size=1, max_size=7)
principals = st.builds(
    lambda user, groups: Principal("acme", user, groups),
    st.sampled_from(["ada", "bob", "eve"]),
    st.frozensets(st.sampled_from(["hr", "it", "board"]), max_size=2),
)
queries = st.lists(st.sampled_from([*WORDS, "unknown"]), min_size=1, max_size=4).map(" ".join)


@pytest.fixture(scope="module")
def store():
    with tempfile.TemporaryDirectory() as folder:
        opened = Store(Path(folder))
        yield opened
        opened.close()


def _fill(world: World, documents: dict[int, tuple[str, frozenset[str]]]) -> None:
    """A document's path is its place, so it has the same id with and without the others."""
    files = {f"{place}.md": f"# Page {place}\n\n{text}." for place, (text, _) in documents.items()}
    world.ingest(files, access({f"{place}.md": some for place, (_, some) in documents.items()}))


def _check_noninterference(with_hidden: World, without: World, documents, changed, principal, query) -> None:
    """Bring one tenant to ``documents`` then ``changed``, the other to the visible part alone, and compare all there is to see."""
    everything = dict(enumerate(documents))
    _fill(with_hidden, everything)
    now = everything | {place: (everything[place][0], some) for place, some in changed.items() if place in everything}
    _fill(with_hidden, now)
    visible = {place: held for place, held in now.items() if held[1] & principal.readers}
    _fill(without, {})
    _fill(without, visible)
    found_with, found_without = (one.knowledge.search(principal, query, 20) for one in (with_hidden, without))
    assert _unversioned(found_with) == _unversioned(found_without)
    listed, expected_listed = (one.knowledge.documents(principal) for one in (with_hidden, without))
    assert [(found.id, found.title) for found in listed] == [(found.id, found.title) for found in expected_listed]
    for found in with_hidden.knowledge.documents(_insider(now)):
        pair = (found.id, found.version)
        hidden = found.id not in {document.id for document in listed}
        assert (pair in with_hidden.knowledge.readable(principal, [pair])) == (not hidden)
        if hidden:
            with pytest.raises(NotFound) as refused:
                with_hidden.knowledge.document(principal, found.id)
            with pytest.raises(NotFound) as absent:
                with_hidden.knowledge.document(principal, "doc_nowhere")
            assert str(refused.value) == str(absent.value)
            with pytest.raises(NotFound):
                with_hidden.knowledge.delete(principal, found.id)


def _insider(documents) -> Principal:
    """Someone in every group: sees most of what there is."""
    return Principal("acme", "ada", frozenset({"hr", "it", "board"}))


def _unversioned(hits: list[Hit]) -> list[tuple]:
    """All of a hit but its version, which counts how often a tenant was brought back to a text."""
    return [(h.document, h.start, h.end, h.title, h.uri, h.section, h.text, h.score, h.bm25, h.cosine) for h in hits]


@pytest.fixture(scope="module")
def pair(store):
    return world(store, "with-hidden"), world(store, "without")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tenants, st.dictionaries(st.integers(0, 6), readers, max_size=3), principals, queries)
def test_hidden_documents_change_nothing(pair, documents, changed, principal, query):
    _check_noninterference(*pair, documents, changed, principal, query)


def test_the_property_fails_without_the_filter(pair, monkeypatch):
    case = ([("salary of the board", frozenset({"group:board"})), ("leave and salary", frozenset({"everyone"}))], {})
    eve = Principal("acme", "eve")
    _check_noninterference(*pair, *case, eve, "salary")
    monkeypatch.setattr(visibility, "visible_acls", lambda _principal: select(acls.c.id.label("acl")))
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        _check_noninterference(*pair, *case, eve, "salary")
