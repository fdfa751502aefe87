"""Sums over time, and the last steps of rare kinds, are the same on every engine a store can have."""

from datetime import timedelta

import pytest

from aver.evidence import Draft, Ledger
from aver.ops.reading import EvidenceReader
from aver.ops.trends import trends
from aver.testing import FixedClock
from tests.operations import call, turn


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def tenants(store, clock):
    """Two tenants with the same traffic, and different runs on record."""
    found = []
    for name, runs in (("acme", 4), ("other", 1)):
        store.create_tenant(name)
        tenant = store.tenant(name)
        ledger = Ledger(tenant, clock)
        evaluated = [Draft(f"evaluation_{each}", "evaluated", None, {"questions": each}, {}) for each in range(runs)]
        with tenant.begin() as tx:
            ledger.append_all(tx, [*turn(), *call(route="chat", cache="exact"), *evaluated])
        EvidenceReader(tenant, clock).catch_up()
        found.append((tenant, ledger))
    return found


@pytest.mark.parametrize("hours", [1, 24, 30 * 24])
def test_sums_are_those_of_the_tenant(tenants, clock, hours):
    for tenant, _ in tenants:
        found = trends(tenant, clock.now(), timedelta(hours=hours), ("model", "route"))
        assert set(found.slots) == {"model:small", "route:chat"}
        assert found.whole("model:small")["calls"] == 2
        assert found.whole("route:chat")["calls"] == 1


def test_the_last_steps_of_a_kind_are_those_of_the_tenant(tenants):
    (_, ledger), (_, other) = tenants
    assert [step.facts["questions"] for step in ledger.latest("evaluated", 2)] == [3, 2]
    assert [step.facts["questions"] for step in other.latest("evaluated", 2)] == [0]
    assert [step.facts["questions"] for step in ledger.of_kind("evaluated")] == [0, 1, 2, 3]
    assert len(ledger.latest("called", 5)) == 2
