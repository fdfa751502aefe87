"""Where a rollout goes from each state: forward, nowhere, or back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import get_args

import pytest

from aver.core.errors import Conflict, InvalidInput, VerificationFailed
from aver.releases.rollout.analysis import analyse
from aver.releases.rollout.machine import LONGEST_LOOK, Surroundings, Word, advance, begin, promote, say
from aver.releases.rollout.state import from_json, to_json
from tests.unit.releases.rollout.conftest import NOW, PLAN, grounded, observed_of, plan_of, readings, rollout_of


def _measured(rollout, control=(400, 0.95), candidate=(100, 0.95), stage=0, failed=0.01):
    observed = observed_of(rollout)
    for arm, (count, mean) in (("control", control), ("candidate", candidate)):
        observed.add(readings(count, arm, grounded(mean, failed if arm == "candidate" else 0.01), stage=stage))
    return observed


def _look(rollout, observed, seconds=600.0, around=None):
    """As the controller does every minute, for so long."""
    now = rollout.looked
    for _ in range(int(seconds / 60)):
        now += timedelta(seconds=60)
        rollout = advance(rollout, analyse(rollout, observed), now, around)
    return rollout


def test_a_good_release_goes_from_stage_to_stage_and_is_promoted():
    rollout = rollout_of()
    observed = _measured(rollout)
    rollout = _look(rollout, observed, 180)
    assert (rollout.stage, rollout.status) == (1, "running")
    observed.merge(_measured(rollout, (3000, 0.95), (3000, 0.95), stage=1))
    rollout = _look(rollout, observed)
    assert rollout.status == "promoted"
    assert [event.kind for event in rollout.pending] == ["began", "advanced", "promoted"]
    assert rollout.pending[-1].found["verdict"] == "success"


def test_a_bad_release_is_rolled_back_with_its_figures_and_the_turns_that_weighed():
    rollout = rollout_of()
    rollout = _look(rollout, _measured(rollout, (2000, 0.95), (500, 0.6)), 60)
    event = rollout.pending[-1]
    assert (rollout.status, event.kind) == ("rolled_back", "rolled_back")
    assert "groundedness of candidate is certainly worse" in rollout.reason
    finding = next(each for each in event.found["findings"] if each["outcome"] == "fail")
    low, high = finding["interval"]
    assert low < finding["change"] < high < 0
    assert len(finding["turns"]) == 5
    assert all(turn.startswith("turn_candidate_") for turn in finding["turns"])
    json.dumps(event.found)


def test_what_is_not_certain_is_held_and_said_once():
    rollout = rollout_of()
    observed = _measured(rollout)
    rollout = replace(_look(rollout, observed, 180), pending=())
    observed.merge(_measured(rollout, (150, 0.9), (150, 0.9), stage=1))
    held = _look(rollout, observed, 3600)
    assert (held.status, held.stage) == ("running", 1)
    assert held.reason.startswith("held: groundedness of candidate may or may not be no worse by 0.05")
    assert [event.kind for event in held.pending] == ["held"]


def test_a_threshold_of_its_own_fails_without_a_control():
    rollout = rollout_of()
    failing = _look(rollout, _measured(rollout, failed=0.6), 60)
    assert failing.status == "rolled_back"
    assert "failed of candidate is not at most 0.2" in failing.reason


def test_a_spike_and_a_release_that_is_gone_end_it_at_once():
    rollout = rollout_of()
    nothing = observed_of(rollout)
    spiked = _look(rollout, nothing, 60, Surroundings(spikes={"candidate": {"times": 3.1, "turns": ["t"]}}))
    assert (spiked.status, spiked.reason) == ("rolled_back", "candidate takes 3.1 times the tokens")
    gone = _look(rollout, nothing, 60, Surroundings(gone={"b" * 64}))
    assert (gone.status, gone.reason) == ("rolled_back", "the release of candidate is gone")
    stuck = _look(rollout, _measured(rollout, (2000, 0.95), (500, 0.6)), 60, Surroundings(gone={"a" * 64}))
    assert stuck.status == "running"  # there is nothing to go back to
    assert "nothing to go back to" in stuck.reason


def test_a_clock_that_jumps_moves_no_stage():
    rollout = rollout_of(PLAN.replace("least: 2m", "least: 3m"))
    observed = _measured(rollout)
    ahead = advance(rollout, analyse(rollout, observed), NOW + timedelta(days=1))
    assert ahead.ran == LONGEST_LOOK
    back = advance(ahead, analyse(ahead, observed), NOW - timedelta(days=1))
    assert (back.ran, back.stage) == (LONGEST_LOOK, 0)
    assert _look(back, observed, 60).stage == 1  # three minutes are over


def test_an_arm_without_traffic_is_inconclusive():
    rollout = rollout_of()
    held = _look(rollout, _measured(rollout, candidate=(0, 0.9)), 600)
    assert "candidate has had no turn in this stage" in held.reason
    assert held.stage == 0
    held = _look(rollout, _measured(rollout, control=(0, 0.9), candidate=(30, 0.9)), 600)
    assert "control has had no turn in this stage" in held.reason


def test_a_sample_ratio_mismatch_makes_it_inconclusive_however_bad_it_looks():
    rollout = rollout_of()
    held = _look(rollout, _measured(rollout, (500, 0.95), (500, 0.5)), 600)
    assert held.status == "running"
    assert "sample ratio mismatch" in held.reason
    assert next(event for event in held.pending if event.kind == "held").found["mismatch"]["candidate"] > 50


def test_a_metric_without_readings_holds_unless_it_is_optional():
    text = "stages: [{percent: 50, samples: 20}]\nmetrics:\n- {metric: failed, at_most: 0.5}\n- {metric: feedback, no_worse_by: 0.1"
    rollout = rollout_of(text + "}")
    held = _look(rollout, _measured(rollout, (100, 0.9), (100, 0.9)), 60)
    assert "there is no reading of feedback" in held.reason
    optional = rollout_of(text + ", optional: true}")
    assert _look(optional, _measured(optional, (100, 0.9), (100, 0.9)), 60).status == "promoted"


def test_feedback_that_comes_late_counts_and_rolls_back():
    text = "stages: [{percent: 50, least: 1d}]\nmetrics: [{metric: feedback, no_worse_by: 0.1, optional: true}]"
    rollout = rollout_of(text)
    observed = observed_of(rollout)
    for arm, score in (("control", 0.9), ("candidate", 0.3)):
        observed.add(readings(300, arm, lambda _: {}))
        observed.add(readings(300, arm, lambda random, s=score: {"feedback": float(random.random() < s)}, late=True))
    after = _look(rollout, observed, 60)
    assert analyse(rollout, observed).turns == {"control": 300, "candidate": 300}
    assert after.status == "rolled_back"


def test_what_keeps_a_release_from_being_promoted_holds_it():
    rollout = rollout_of("stages: [{percent: 50, samples: 20}]\nmetrics: [{metric: failed, at_most: 0.5}]")
    observed = _measured(rollout, (100, 0.9), (100, 0.9))
    held = _look(rollout, observed, 60, Surroundings(lacking=("nobody has signed it off as security",)))
    assert held.status == "running"
    assert "nobody has signed it off as security" in held.reason
    assert _look(held, observed, 60).status == "promoted"


def test_of_several_variants_the_bad_one_is_stopped_and_the_others_go_on():
    text = "stages: [{percent: 60, samples: 20}]\nmetrics: [{metric: groundedness, no_worse_by: 0.2}]"
    variants = {"b": "b" * 64, "c": "c" * 64}
    rollout = begin(plan_of(text), "production", "a" * 64, variants, NOW, by="ann", kind="experiment")
    observed = observed_of(rollout)
    for arm, count, mean in (("control", 400, 0.95), ("b", 300, 0.5), ("c", 300, 0.95)):
        observed.add(readings(count, arm, grounded(mean)))
    after = _look(rollout, observed, 120)
    assert [event.kind for event in after.pending] == ["began", "stopped", "concluded"]
    assert [variant.stopped for variant in after.variants] == [True, False]


def test_two_replicas_whose_clocks_differ_count_no_time_twice():
    rollout, observed, now = rollout_of(), observed_of(rollout_of()), NOW
    for _ in range(20):  # one of them is 50 seconds behind; they take turns, three seconds apart
        now += timedelta(seconds=3)
        rollout = advance(rollout, analyse(rollout, observed), now)
        now += timedelta(seconds=3)
        rollout = advance(rollout, analyse(rollout, observed), now - timedelta(seconds=50))
    assert rollout.ran <= 120
    behind = now - timedelta(days=400)  # and a clock that was set back holds nothing up for as long
    for _ in range(3):
        behind += timedelta(seconds=60)
        rollout = advance(rollout, analyse(rollout, observed), behind)
    assert rollout.looked == behind


def test_people_pause_resume_abort_and_promote():
    rollout = rollout_of()
    observed = _measured(rollout, (2000, 0.95), (500, 0.6))
    paused = say(rollout, "pause", NOW + timedelta(seconds=30), by="ann", reason="an incident")
    assert advance(paused, analyse(paused, observed), NOW + timedelta(hours=1)) == paused
    resumed = say(paused, "resume", NOW + timedelta(hours=5), by="ann", reason="it is over")
    assert resumed.ran == 30  # the pause does not count
    assert say(resumed, "abort", NOW, by="ann", reason="enough").status == "aborted"
    promoted = promote(paused, NOW, by="ann", reason="it mends an outage")
    assert (promoted.status, promoted.pending[-1].by) == ("promoted", "ann")
    for word in get_args(Word):
        with pytest.raises(Conflict):
            say(promoted, word, NOW, by="ann", reason="again")
        with pytest.raises(InvalidInput):
            say(paused if word == "resume" else rollout, word, NOW, by="ann", reason=" ")
    for act in (partial(promote, promoted), partial(say, rollout, "resume"), partial(say, paused, "pause")):
        with pytest.raises(Conflict):
            act(NOW, by="ann", reason="again")
    with pytest.raises(InvalidInput):
        say(rollout, "pause", NOW, by="ann", reason="x\x1b[2J")


def test_nothing_begins_that_tries_nothing():
    plan = plan_of()
    for control, variants in (
        ("", {"candidate": "b"}),
        ("a", {}),
        ("a", {"candidate": ""}),
        ("a", {"candidate": "a"}),
        ("a", {"control": "b"}),
    ):
        with pytest.raises(InvalidInput):
            begin(plan, "production", control, variants, NOW, by="ann")


def test_a_row_is_read_back_and_a_strange_one_is_refused():
    rollout = _look(rollout_of(), _measured(rollout_of()), 180)
    row = json.loads(json.dumps(to_json(rollout)))
    assert from_json(row) == rollout
    for wrong in (
        {**row, "format": "aver-rollout-9"},
        {**row, "stage": 7},
        {**row, "plan": {}},
        {"format": "aver-rollout-1"},
    ):
        with pytest.raises(VerificationFailed):
            from_json(wrong)
