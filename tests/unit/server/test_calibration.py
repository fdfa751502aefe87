"""What the evidence says of gates and of rollouts, held against each other: which gate let what through."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from aver.evals.gates.recording import record
from aver.evals.gates.types import Condition, Judged, Verdict
from aver.evals.statistics.intervals import Interval
from aver.evidence import Draft
from aver.releases import GateRecord
from aver.server.rolling import held_against
from tests.unit.server.releases import home

COMPARED = Condition("groundedness", no_worse_by=0.03)
FINDING = {
    "metric": "groundedness",
    "variant": "candidate",
    "outcome": "fail",
    "change": -0.06,
    "control": 0.95,
    "treated": 0.89,
    "turns": ["turn_1"],
}


@pytest.fixture
def place(tmp_path):
    with home(tmp_path) as found:
        found.stable = found.freeze("old", "retrieval: {passages: 5}\n")
        found.candidate = found.freeze("new", "retrieval: {passages: 3}\n")
        found.application.store.create_tenant("globex")
        yield found


def gated(place, tenant):
    """The candidate passes a gate that is on record with a tenant."""
    found = Interval(0.001, -0.01, 0.012, 400, "bootstrap")
    judged = Judged(COMPARED.text, "handbook", "groundedness", "", "pass", "no change", found, -0.03, True, 0.9, 0.901)
    trial = SimpleNamespace(
        run=SimpleNamespace(header=SimpleNamespace(release=place.candidate, dataset_digest="d" * 64))
    )
    services = place.application.tenant(tenant)
    return record(Verdict("pass", (judged,)), [trial], [COMPARED], services.store, services.ledger)


def rolled_back(place, rollout="rollout_1"):
    services = place.application.tenant("acme")
    facts = {"rollout": rollout, "event": "rolled_back", "number": 3, "variants": [place.candidate]}
    with services.store.begin() as tx:
        services.ledger.append_all(tx, [Draft(rollout, "staged", None, facts, {"found": {"findings": [FINDING]}})])


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_an_escape_names_the_gate_that_passed_it_and_the_measure_that_stopped_predicting(place, tenant):
    gate = gated(place, tenant)  # whose evidence has it does not matter
    rolled_back(place)
    (escape,) = held_against(place.application, "acme")[0].escapes
    assert (escape.gate, escape.gap, escape.stopped) == (gate, "not the same", "groundedness")
    assert escape.passed == ("groundedness>=baseline-0.03: no change",)
    assert (escape.release, escape.change) == (place.candidate, -0.06)


def test_a_gate_that_was_told_the_registry_alone_is_no_gate_on_record(place):
    rolled_back(place, "rollout_0")
    place.registry.record_gate(GateRecord(place.candidate, "pass", place.application.clock.now(), "ci"))
    rolled_back(place)
    before, after = held_against(place.application, "acme")[0].escapes
    assert (before.gap, after.gap) == ("no gate", "not on record")
    place.registry.record_gate(GateRecord(place.candidate, "fail", place.application.clock.now(), "ci"))
    rolled_back(place, "rollout_2")
    assert held_against(place.application, "acme")[0].escapes[-1].gap == "not passed"
    assert replace(after, gap="no gate").gate == ""
