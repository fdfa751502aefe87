"""A run that is to stop takes nothing more in, and still takes away what is to be gone."""

from __future__ import annotations

import pytest

from aver.core.errors import Stopped
from aver.evidence import Ledger
from aver.knowledge import AccessList, Knowledge
from aver.store import Store
from aver.testing import FixedClock, HashEmbedder
from tests.knowledge import MemorySource, World, access

BEFORE = {
    "leave.md": "# Leave\n\nThirty days.",
    "pay.md": "# Pay\n\nOn the first.",
    "safe.md": "# Safe\n\nIn the cellar.",
}
AFTER = {
    "leave.md": "# Leave\n\nForty days.",
    "safe.md": "# Safe\n\nIn the cellar.",
    "trains.md": "# Trains\n\nTo the sea.",
}
TO_ANN = access({"leave.md": ["everyone"], "safe.md": ["user:ann"], "trains.md": ["everyone"]})


class Halt:
    """Stops at the question of this number, from one; at none for 0."""

    def __init__(self) -> None:
        self.at = self.asked = 0

    def __call__(self, _source: str) -> None:
        self.asked += 1
        if self.at and self.asked >= self.at:
            raise Stopped("This is stopped by an administrator: stocktaking", "Wait until it is let go on.")


@pytest.fixture
def halt() -> Halt:
    return Halt()


@pytest.fixture
def acme(tmp_path, halt) -> World:
    store, clock = Store(tmp_path / "data"), FixedClock()
    store.create_tenant("acme")
    entered = store.tenant("acme")
    ledger = Ledger(entered, clock)
    opened = World(entered, ledger, Knowledge(entered, ledger, HashEmbedder(), clock, halt=halt), clock)
    opened.ingest(BEFORE)
    return opened


def shown(acme: World, user: str) -> dict[str, str]:
    ada = acme.user(user)
    found = [acme.knowledge.document(ada, each.id) for each in acme.knowledge.documents(ada)]
    return {each.title: each.text.splitlines()[-1] for each in found}


@pytest.mark.parametrize("at", range(1, 6))
def test_whenever_it_is_stopped_deletions_and_readers_hold_and_content_waits(acme, halt, at):
    halt.at, halt.asked = at, 0
    with pytest.raises(Stopped, match="stocktaking"):
        acme.knowledge.ingest(MemorySource(AFTER), TO_ANN)
    assert halt.asked == at
    assert shown(acme, "bo") == {"Leave": "Thirty days."}
    assert shown(acme, "ann") == {"Leave": "Thirty days.", "Safe": "In the cellar."}
    assert acme.knowledge.check() == []
    halt.at = 0
    report = acme.knowledge.ingest(MemorySource(AFTER))
    assert (report.added, report.changed, report.deleted) == (1, 1, 0)
    assert shown(acme, "bo") == {"Leave": "Forty days.", "Trains": "To the sea."}


def test_a_run_asks_before_it_begins_for_each_document_and_before_it_shows_them(acme, halt):
    halt.asked = 0
    acme.knowledge.ingest(MemorySource(AFTER), AccessList.everyone())
    assert halt.asked == 5
