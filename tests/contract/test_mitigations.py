"""What is done about incidents, on both databases: claimed once, a tenant's own, and on record before it is done and after."""

from types import SimpleNamespace

import pytest

from aver.core.errors import Conflict, NotFound
from aver.core.principal import Principal
from aver.evidence import Ledger
from aver.ops.incidents.corrections import Corrections
from aver.ops.incidents.desk import IncidentDesk
from aver.ops.mitigation.actions import read_action
from aver.ops.mitigation.desk import MitigationDesk
from aver.ops.mitigation.ports import Ports
from aver.ops.mitigation.types import Actor
from aver.testing import FixedClock

ACTION = read_action("disable_tool tool=pay")


class Board:
    """Switches of one tenant over the real store."""

    def __init__(self, store, tenant):
        self.store, self.tenant = store, tenant

    def find(self, kind, name):
        return next((each.id for each in self.store.switches() if (each.kind, each.name) == (kind, name)), "")

    def throw(self, kind, name, value, *, reason, by):
        assert by
        return self.store.throw_switch(kind, name, self.tenant, reason=reason, value=value).id

    def lift(self, switch, *, by):
        assert by
        self.store.lift_switch(switch)


class House:
    def __init__(self, store, name):
        store.create_tenant(name)
        self.tenant = store.tenant(name)
        clock = FixedClock()
        self.ledger = Ledger(self.tenant, clock)
        self.incidents = IncidentDesk(self.tenant, self.ledger, clock)
        self.corrections = Corrections(self.tenant, self.ledger, clock)
        nothing = SimpleNamespace(names=lambda _: None)
        ports = Ports(self.tenant.tenant.id, Board(store, name), nothing, nothing, nothing, nothing)  # type: ignore[arg-type]
        self.desk = MitigationDesk(self.tenant, self.ledger, clock, lambda: ports)
        self.actor = Actor.fixed(Principal(self.tenant.tenant.id, "olga", roles=frozenset({"operator"})))


@pytest.fixture
def acme(store):
    return House(store, "acme")


def test_what_is_done_of_itself_is_claimed_by_one_alone(store, acme):
    incident = acme.incidents.open("it pays twice", by="ann").id
    done = acme.desk.take(ACTION, acme.actor, reason="it pays twice", incident=incident, rule="twice")
    with pytest.raises(Conflict, match="before"):
        acme.desk.take(ACTION, acme.actor, reason="it pays twice", incident=incident, rule="twice")
    with pytest.raises(Conflict, match="on record already"):
        acme.desk.hold(ACTION, rule="twice", incident=incident, why="its limits")
    assert [(each.id, each.status) for each in acme.desk.mitigations(incident=incident)] == [(done.id, "in_force")]
    assert [step.facts["event"] for step in acme.ledger.turn(done.id)] == ["begun", "in_force"]
    acme.desk.undo(done.id, acme.actor, reason="it is mended")
    assert store.switches() == []
    assert acme.ledger.verify().ok


def test_another_tenants_are_not_there(store, acme):
    kestrel = House(store, "kestrel")
    incident = acme.incidents.open("it pays twice", by="ann").id
    done = acme.desk.take(ACTION, acme.actor, reason="it pays twice", incident=incident)
    taken = acme.corrections.accept(incident, "other", "ask the vendor", by="ann")
    assert kestrel.desk.mitigations() == []
    assert kestrel.corrections.of("") == []
    with pytest.raises(NotFound):
        kestrel.desk.undo(done.id, kestrel.actor, reason="x")
    with pytest.raises(NotFound):
        kestrel.corrections.end(taken.id, "done", by="kim")
    with pytest.raises(NotFound):
        kestrel.desk.take(ACTION, kestrel.actor, reason="x", incident=incident)
    assert [each.status for each in acme.desk.mitigations()] == ["in_force"]
