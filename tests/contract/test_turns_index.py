"""The index of turns on each engine: written in goes, changed later, shown to its tenant alone, and the same when it is made again."""

from __future__ import annotations

from sqlalchemy import delete

from aver.evidence import Draft, Ledger
from aver.ops.reading import EvidenceReader
from aver.ops.store import reading
from aver.ops.turns import store as tables
from aver.ops.turns.search import TurnSearch
from aver.ops.turns.types import Filters
from aver.testing import FixedClock
from tests.operations import call, turn


def none(_):
    raise AssertionError("no incident is asked for")


def test_turns_are_found_as_they_stand(store):
    clock = FixedClock()
    for name in ("acme", "other"):
        store.create_tenant(name)
    acme, other = store.tenant("acme"), store.tenant("other")
    ledger, reader = Ledger(acme, clock), EvidenceReader(acme, clock)
    steps = turn(nano=9_000_000)
    several = [steps[:3], turn(failed="provider-error"), call(feature="triage", error=None), turn(supported=1)]
    for each in (several, [steps[3:]], [[Draft(steps[0].turn, "judged", "user:ann", {"score": 0.0}, None)]]):
        with acme.begin() as tx:
            ledger.append_all(tx, [draft for some in each for draft in some])
        reader.catch_up()
        clock.advance(3600)
    EvidenceReader(other, clock).catch_up()
    search = TurnSearch(acme, none, reader.behind)

    def ids(**filters):
        return [each.id for each in search.find(Filters(**filters)).turns]

    everything = search.find(Filters(sort="cost"))
    assert everything.total == 4
    assert everything.behind == 0
    assert everything.turns[0].id == steps[0].turn
    assert ids(feedback="bad") == ids(feature="assistant", outcome="answered", sort="latency")[-1:] == [steps[0].turn]
    assert ids(outcome="open") == []
    assert len(ids(unsupported=True)) == len(ids(outcome="failed")) == len(ids(feature="triage")) == 1
    assert search.choices()["feature"] == ["assistant", "triage"]
    assert TurnSearch(other, none).find(Filters()).total == 0
    with acme.begin() as tx:
        for table in (tables.turns, tables.sets, tables.values):
            tx.execute(delete(table))
        tx.execute(delete(reading).where(reading.c.name == "turns"))
    assert ids() == []
    reader.catch_up()
    assert search.find(Filters(sort="cost")) == everything
