"""What is drafted after an incident, and what follows from it."""

import pytest

from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.evals.gates.declaration import parse_condition
from aver.server.correcting import write_condition
from tests.operations import open_bench, turn


@pytest.fixture
def bench(tmp_path):
    return open_bench(tmp_path, "slos: {grounded: {indicator: groundedness, target: 0.95, feature: assistant}}")


def open_one(bench, title="answers are made up"):
    began = bench.clock.now()
    bench.write(*(turn() for _ in range(6)), *(turn(supported=0, user="bob") for _ in range(2)))
    bench.clock.advance(30)
    operations = bench.operations()
    return operations, operations.incidents.open(title, by="ann", feature="assistant", began=began)


def test_the_draft_says_what_evidence_says_with_its_interval(bench):
    operations, one = open_one(bench)
    bench.clock.advance(60)
    operations.incidents.note(one.id, "it is the <b>model</b>\n# no heading", by="ann")
    operations.incidents.mitigate(one.id, "rolled back", by="ann")
    draft = operations.postmortem(one.id)
    assert draft.startswith("# answers are made up\n")
    assert "- 2 of 8 turns: 25.0 % (7.1 to 59.1 %, 95 % interval)" in draft
    assert "- mitigated 60 s after that" in draft
    assert "- No alert told of it." in draft
    assert "it is the \\<b\\>model\\</b\\> \\# no heading (by ann)" in draft
    assert "- [ ] proposed 1, case: Label 2 of the 2 affected turns as cases" in draft
    assert not [line for line in draft.splitlines() if line.startswith("# no")]


def test_what_is_taken_on_is_tracked_until_it_is_done(bench):
    operations, one = open_one(bench)
    desk = operations.corrections
    gate = desk.accept(one.id, "gate", "Hold releases to it", by="ann", condition="groundedness>=0.9")
    other = desk.accept(one.id, "other", "Ask the vendor", by="bob")
    desk.end(gate.id, "done", by="cleo")
    with pytest.raises(Conflict, match="done already"):
        desk.end(gate.id, "dropped", by="cleo", reason="no")
    with pytest.raises(InvalidInput, match="for a reason"):
        desk.end(other.id, "dropped", by="cleo")
    assert [(each.status, each.by, each.text) for each in desk.of(one.id)] == [
        ("done", "ann", "Hold releases to it"),
        ("accepted", "bob", "Ask the vendor"),
    ]
    assert "- [x] gate: Hold releases to it" in operations.postmortem(one.id)
    with pytest.raises(InvalidInput, match="no condition"):
        desk.accept(one.id, "gate", "x", by="ann", condition="better")
    with pytest.raises(NotFound):
        desk.accept("incident_none", "other", "x", by="ann")


GATE = """evals:
  suites:
    handbook: {cases: [a.jsonl], target: assistant, scorers: [answers]}
  # what must hold
  gate:
    - {suite: handbook, measure: answered, at_least: 0.8}  # kept
flows: {}
"""


def test_a_condition_is_added_to_a_gate_and_nothing_else_is_touched(tmp_path):
    file = tmp_path / "aver.yaml"
    file.write_text(GATE)
    write_condition(tmp_path, parse_condition("groundedness>=baseline-0.02"))
    line = "    - {measure: groundedness, no_worse_by: 0.02}\n"
    assert file.read_text() == GATE.replace("flows: {}\n", f"{line}flows: {{}}\n")
    with pytest.raises(Conflict, match="already"):
        write_condition(tmp_path, parse_condition("groundedness>=baseline-0.02"))
    file.write_text("evals: {gate: [{measure: answered, at_least: 0.8}]}\n")
    with pytest.raises(InvalidInput) as told:
        write_condition(tmp_path, parse_condition("cost_usd<=1.1x"))
    assert "- {measure: cost_usd, no_more_than: 1.1x}" in told.value.next_step


def test_nobody_s_incident_has_a_draft(bench):
    with pytest.raises(NotFound):
        bench.operations().postmortem("incident_none")
