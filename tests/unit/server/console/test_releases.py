"""The Releases page tells what is in force, what a release lacks, what gates said with their figures, what differs, and how a rollout stands."""

import pytest

from aver.core.errors import NotFound
from aver.evidence import Draft
from aver.releases.rollout.observed import Reading
from aver.releases.types import GateRecord
from aver.server.console.pages import render
from aver.server.console.releases import releases
from aver.server.releasing import create_release, registry
from aver.server.rolling import desk, say_of_rollout, start_rollout
from tests.releases import write_bundle
from tests.unit.server.console.rooms import House

DECLARED = """feature: {model: extractive}
guardrails: {input: {personal: %s}}
release: {environments: {staging: {}, production: {after: staging, gate: true, sign_offs: [reviewer], override: [admin]}}}
rollout:
  stages: [{percent: 10}, {percent: 50, groups: [board]}]
  metrics: [{metric: groundedness, no_worse_by: 0.05}, {metric: failed, at_most: 0.2}]
"""
JUDGED = {
    "condition": "handbook:groundedness>=0.9",
    "suite": "handbook",
    "measure": "groundedness",
    "slice": "",
    "outcome": "fail",
    "said": "0.820 is certainly below 0.9",
    "found": {"value": 0.82, "low": 0.74, "high": 0.88, "n": 120, "method": "wilson"},
    "bound": 0.9,
    "upward": True,
    "needed": None,
    "cases": ["leave-1"],
}


def freeze(made, folder, check, tag, by="bob"):
    bundle = write_bundle(folder, DECLARED % check, prompts__answer_dot_md=f"Answer. {tag}\n")
    release = create_release(made.application, bundle, by=by, note="<i>made for a test</i>")
    return registry(made.application).tag(release, tag, by=by)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("releases")
    made = House(folder)
    known = registry(made.application)
    made.first, made.second = (
        freeze(made, folder / "frozen", check, tag) for check, tag in (("redact", "v1"), ("block", "v2"))
    )
    for release in (made.first, made.second):
        known.promote("staging", release.digest, "ann")
    known.record_gate(GateRecord(made.second.digest, "fail", made.clock.now(), "ann"))
    known.promote("production", made.first.digest, "ann", "the first", roles=["admin"], force=True)
    facts = {"outcome": "fail", "release": made.second.digest, "conditions": 1}
    with made.services.store.begin() as tx:
        made.services.ledger.append(
            tx, turn="gate_1", kind="gated", subject=None, facts=facts, body={"judged": [JUDGED], "objections": {}}
        )
    yield made
    made.application.close()


def look(made, *roles, **given):
    return releases(made.application, made.services, made.somebody(*(roles or ("admin",))), **given)


def test_environments_say_what_is_in_force_and_what_they_go_back_to(place):
    production, staging = look(place).environments
    assert (production.name, production.release.words, production.previous) == ("production", "v1", None)
    assert production.needs == ("has been in staging", "passed its gate", "signed off as reviewer")
    assert (staging.release.words, staging.previous.words) == ("v2", "v1")
    assert [each.kind for each in production.moves] == ["promoted"]


def test_a_release_says_what_it_lacks_and_who_may_do_what(place):
    opened = look(place, "admin", "reviewer", release="v2").opened
    way = next(each for each in opened.ways if each.environment == "production")
    assert way.lacks == ("its gate says fail", "nobody has signed it off as reviewer")
    assert (way.may_force, way.rolls, way.here) == (True, True, False)
    assert opened.signing == ("reviewer",)
    assert opened.against.words == "v1"
    assert opened.files == {"bundle": 1, "prompt": 1}
    assert look(place, "reviewer", release="v2").opened.ways[0].may_force is False
    assert look(place, "builder").may is False


def test_a_gate_is_told_with_its_conditions_and_figures(place):
    (gate,) = look(place, release="v2").opened.gates
    (condition,) = gate.conditions
    assert (gate.outcome, condition.outcome, condition.cases) == ("fail", "fail", ("leave-1",))
    assert (condition.value, condition.low, condition.high, condition.bound) == (0.82, 0.74, 0.88, 0.9)


def test_two_releases_differ_by_meaning(place):
    found = look(place, before="v1", after="v2").difference
    assert [each.text for each in found.changes] == [
        "prompt answer.md: 1 line",
        "guardrail personal (input): redact → block",
    ]
    assert look(place, before="v1", after="v1").difference.changes == ()


def test_what_is_not_there_is_said(place):
    with pytest.raises(NotFound):
        look(place, release="v9")


def test_a_rollout_is_told_with_its_arms_its_stages_and_live_intervals(place):
    rollout = start_rollout(place.application, "production", place.second.digest, by="ann")
    place.write([Draft("turn_362", "admitted", "user:ann", {"feature": "assistant"}, None)])
    kept, revision = desk(place.application).measured(rollout)
    kept.observed.add(
        Reading(f"turn_{each}", arm, 0, each % 128, True, {"groundedness": good, "failed": 0.0})
        for each, (arm, good) in enumerate([("control", 1.0), ("control", 0.8)] * 180 + [("candidate", 0.0)] * 40)
    )
    desk(place.application).keep(rollout, kept, revision)
    view = look(place)
    (one,) = view.rollouts
    assert view.going
    assert [(each.name, each.release.words, each.turns) for each in one.arms] == [
        ("control", "v1", 360),
        ("candidate", "v2", 40),
    ]
    assert [(each.said, each.state) for each in one.stages] == [("10 %", "now"), ("50 % of board", "to come")]
    change = one.findings[0]
    assert (change.finding.outcome, change.unit) == ("fail", "points")
    assert change.finding.low < change.finding.change < change.finding.high < 0
    assert "of-block" in change.drawn
    assert change.finding.turns == ("turn_362",)  # those of other tenants are not told
    assert one.findings[1].unit == "level"
    assert one.findings[1].drawn == ""
    assert one.arms[1].link == f"/turns?release={place.second.digest}&arm=candidate"
    shown = render("releases.html", view=view, place="acme", principal=place.somebody("admin"), twin="/").body.decode()
    assert "data-every" in shown
    assert "<i>made" not in shown
    assert len(shown) < 150_000
    without = render(
        "releases.html", view=look(place, "builder"), place="acme", principal=place.somebody("builder"), twin="/"
    )
    assert "<form method" not in without.body.decode().partition("<main")[2]
    say_of_rollout(place.application, "production", "abort", by="ann", reason="enough seen")
    after = look(place)
    assert after.rollouts == ()
    assert [(each.status, each.reason) for each in after.past] == [("aborted", "enough seen")]


def test_the_list_has_pages(place, monkeypatch):
    monkeypatch.setattr("aver.server.console.releases._A_PAGE", 1)
    first, second = look(place), look(place, page=2)
    assert [len(each.rows) for each in (first, second)] == [1, 1]
    assert (first.earlier, first.later) == ("", "/releases?page=2")
    assert (second.earlier, second.later) == ("/releases?page=1", "")
    assert {first.rows[0].named.digest, second.rows[0].named.digest} == {place.first.digest, place.second.digest}
