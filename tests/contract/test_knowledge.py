"""Knowledge behaves alike over SQLite and over Postgres: ingest, versions, readers, search, deletion."""

from __future__ import annotations

import pytest

from aver.core.errors import NotFound
from tests.knowledge import World, access, world

FILES = {
    "leave.md": "# Leave\n\nThirty days of leave a year.",
    "pay.md": "# Pay\n\nThe salaries of the board, in leave and out.",
    "café.md": "# Café 東京\n\nOpen from nine. Naïve 😀 guests welcome, ERR-1234.",
}
ACCESS = access({"leave.md": ["everyone"], "pay.md": ["group:board"], "café.md": ["user:ada", "group:it"]})


@pytest.fixture
def acme(store) -> World:
    opened = world(store)
    assert opened.ingest(FILES, ACCESS).added == 3
    return opened


def test_each_user_gets_their_own_documents_and_exact_spans(acme):
    expected = {"ada": {"Leave", "Café 東京"}, "bob": {"Leave"}}
    for name, titles in expected.items():
        user = acme.user(name)
        assert {document.title for document in acme.knowledge.documents(user)} == titles
        hits = acme.knowledge.search(user, "leave of the board 東京 ERR-1234", 20)
        assert {hit.title for hit in hits} == titles
        for hit in hits:
            assert acme.knowledge.document(user, hit.document).text[hit.start : hit.end] == hit.text
    assert "Pay" in acme.titles(acme.user("eve", "board"), "salaries")


def test_scores_are_those_of_a_tenant_without_the_hidden_documents(acme, store):
    small = world(store, "small")
    small.ingest({"leave.md": FILES["leave.md"]})
    (hit,) = acme.knowledge.search(acme.user("bob"), "leave")
    (same,) = small.knowledge.search(small.user("bob"), "leave")
    assert (hit.document, hit.score, hit.bm25, hit.cosine) == (same.document, same.score, same.bm25, same.cosine)


def test_changes_readers_and_deletions_apply(acme):
    ada, bob = acme.user("ada"), acme.user("bob")
    changed = FILES | {"leave.md": FILES["leave.md"] + " Or forty."}
    report = acme.ingest(
        changed, access({"leave.md": ["user:ada"], "pay.md": ["group:board"], "café.md": ["user:bob"]})
    )
    assert (report.changed, report.unchanged, report.acl_changed) == (1, 2, 1)
    (leave,) = acme.knowledge.documents(ada)
    assert acme.knowledge.readable(ada, [(leave.id, 1), (leave.id, 2)]) == {(leave.id, 1), (leave.id, 2)}
    assert acme.titles(bob, "leave forty") == ["Café 東京"]
    with pytest.raises(NotFound):
        acme.knowledge.delete(bob, leave.id)
    acme.knowledge.delete(ada, leave.id)
    assert acme.knowledge.documents(ada) == []
    assert acme.knowledge.check() == []
    assert acme.ingest({}).deleted == 2
    assert acme.knowledge.check() == []
    assert acme.ledger.verify().ok
