"""Retention over SQLite and over Postgres: content of steps, versions, originals and documents go when their time is up, and nothing that is held."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aver.core.errors import NotFound
from aver.evidence import Draft
from aver.governance.declaration import Declaration
from aver.governance.declared import Declared
from aver.governance.service import Governance
from aver.knowledge.ingest import document_id
from aver.knowledge.originals import ORIGINALS
from tests.knowledge import world
from tests.unit.knowledge.adapters.building import pdf

LEAVE, PRINTED = document_id("memory", "leave.md"), document_id("memory", "printed.pdf")
ALL = "retention: {conversations: 30d, accesses: 30d, versions: 30d, originals: 30d, documents: 300d}"


def printed(words):
    return pdf(
        [[(72.0, 720.0, 12.0, words), (72.0, 690.0, 12.0, "A second line of the printed page.")]], title="Printed"
    )


def governed(opened, text):
    declared = Declared(opened.store, opened.clock, list)
    governance = Governance(opened.store, opened.ledger, opened.clock, declared, "", lambda: opened.knowledge)
    governance.declare(Declaration.parse(text, "g"), "test")
    return governance


@pytest.fixture
def acme(store):
    opened = world(store)
    opened.ingest({"leave.md": "# Leave\n\nThirty days of leave.", "printed.pdf": printed("The gate opens at nine.")})
    opened.clock.advance(86_400)
    opened.ingest({"leave.md": "# Leave\n\nForty days of leave.", "printed.pdf": printed("The gate opens at ten.")})
    opened.governance = governed(opened, ALL)
    return opened


def applied(acme):
    acme.clock.advance(1)  # what is declared is read again
    return {each.name: each.count for each in acme.governance.retention.apply() if each.count}


def later(acme, days):
    acme.clock.advance(timedelta(days=days).total_seconds())


def kept(acme):
    return len([path for path in (acme.store.directory / ORIGINALS).rglob("*") if path.is_file()])


def test_everything_goes_in_its_time_and_nothing_before(acme):
    user = acme.user("ada")
    with acme.store.begin() as tx:
        draft = Draft("turn_1", "admitted", "user:ada", {}, {"question": "how many days?", "user": "ada"})
        acme.ledger.append_all(tx, [draft])
    assert applied(acme) == {}
    assert kept(acme) == 2
    later(acme, 32)
    assert applied(acme) == {"conversations": 1, "versions": 2, "originals": 1}
    assert acme.ledger.turn("turn_1")[0].body is None
    with pytest.raises(NotFound):
        acme.knowledge.document(user, LEAVE, 1)
    assert "Forty" in acme.knowledge.document(user, LEAVE).text
    assert "ten" in acme.knowledge.document(user, PRINTED).text
    assert not acme.knowledge.has_original(user, PRINTED, 2)
    assert kept(acme) == 0
    assert acme.knowledge.check() == []
    later(acme, 300)
    assert applied(acme) == {"documents": 2}
    assert acme.knowledge.documents(user) == []
    assert acme.knowledge.check() == []
    assert applied(acme) == {}
    found = acme.ledger.verify()
    assert found.ok, found.reason


def test_what_is_held_stays_until_it_is_released(acme):
    hold = acme.governance.holds.place("Claim 7", "a letter", users=(), documents=[LEAVE], by="olga")
    later(acme, 400)
    assert applied(acme) == {"versions": 1, "originals": 1, "documents": 1}
    user = acme.user("ada")
    assert "Thirty" in acme.knowledge.document(user, LEAVE, 1).text
    acme.governance.holds.release(hold.id, "settled", by="olga")
    assert applied(acme) == {"versions": 1, "documents": 1}
    assert acme.knowledge.documents(user) == []
    told = [step.body["text"] for step in acme.ledger.turn(hold.id) if step.facts["event"] == "preserved"]
    assert told == ["Leave\n\nForty days of leave."]
    assert acme.ledger.verify().ok


def test_a_version_that_a_snapshot_names_stays(store):
    opened = world(store)
    opened.ingest({"leave.md": "# Leave\n\nThirty days of leave."})
    opened.knowledge.index.snapshot("before")
    opened.ingest({"leave.md": "# Leave\n\nForty days of leave."})
    governance = governed(opened, "retention: {versions: 1d}")
    opened.clock.advance(86_400 * 9)
    assert [each.count for each in governance.retention.apply()] == [0]
    assert "Thirty" in opened.knowledge.document(opened.user("ada"), LEAVE, 1).text
    opened.knowledge.index.rollback("before")
    assert "Thirty" in opened.knowledge.document(opened.user("ada"), LEAVE).text
