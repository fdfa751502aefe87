"""The controller over traffic that is made up, among replicas, and killed half-way. The same code serves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aver.core.errors import Conflict
from aver.releases.rollout.controller import Measured, RolloutController
from aver.releases.rollout.machine import begin
from aver.testing import FixedClock
from aver.testing.rollouts import MemoryDesk, Profile, SimulatedTraffic, run_rollout
from tests.unit.releases.rollout.conftest import plan_of

PLAN = """
stages:
  - {percent: 25, least: 2m, samples: 25}
  - {percent: 50, least: 5m, samples: 200, requires: proven}
metrics:
  - {metric: groundedness, no_worse_by: 0.03, weight: 3}
  - {metric: failed, at_most: 0.05}
  - {metric: cost_usd, no_worse_by: 0.2}
  - {metric: latency_ms, no_worse_by: 0.2}
"""
CONTROL, CANDIDATE = "a" * 64, "b" * 64


def _scene(seed, profile=lambda digest, seconds: Profile(), plan=PLAN):
    clock = FixedClock()
    rollout = begin(
        plan_of(plan), "production", CONTROL, {"candidate": CANDIDATE}, clock.now(), by="ann", id=f"rollout_{seed}"
    )
    return rollout, SimulatedTraffic(clock, profile, seed)


def test_five_points_less_groundedness_are_rolled_back_within_2000_turns():
    for seed in range(8):
        rollout, traffic = _scene(seed, lambda digest, _: Profile(grounded=0.95 if digest == CONTROL else 0.9))
        ended, desk = run_rollout(rollout, traffic, most=4000)
        assert ended.status == "rolled_back"
        assert traffic.turns <= 2000
        assert desk.served == {"production": CONTROL}
        assert desk.recorded[-1].kind == "rolled_back"


def test_healthy_rollouts_are_promoted_and_not_rolled_back():
    statuses = []
    for seed in range(12):
        rollout, traffic = _scene(seed)
        ended, _ = run_rollout(rollout, traffic)
        statuses.append(ended.status)
    assert statuses.count("rolled_back") == 0
    assert statuses.count("promoted") >= 11


def test_three_times_the_tokens_are_rolled_back_within_a_minute():
    plan = "stages: [{percent: 50, least: 1d}]\nmetrics: [{metric: failed, at_most: 0.5}]"
    late = []
    for seed in range(8):
        rollout, traffic = _scene(
            seed, lambda digest, seconds: Profile(tokens=9000 if digest == CANDIDATE and seconds >= 300 else 3000), plan
        )
        ended, desk = run_rollout(rollout, traffic, every=5, most=600)
        assert ended.status == "rolled_back"
        assert "times the tokens" in ended.reason
        assert desk.recorded[-1].found["spikes"]["candidate"]["turns"]
        late.append(traffic.turns - 250)
    assert max(late) <= 50


def test_a_rise_for_everybody_is_nobodys_fault():
    plan = "stages: [{percent: 50, least: 1d}]\nmetrics: [{metric: failed, at_most: 0.5}]"
    for seed in range(4):
        rollout, traffic = _scene(seed, lambda _, seconds: Profile(tokens=9000 if seconds >= 300 else 3000), plan)
        ended, _ = run_rollout(rollout, traffic, every=5, most=500)
        assert ended.status == "running"


class _Killed(RuntimeError):
    pass


class _Fragile(MemoryDesk):
    """Dies once at the ``dies``-th thing that it is to change."""

    dies = -1

    def _count(self):
        self.dies -= 1
        if self.dies == 0:
            raise _Killed

    def save(self, kept, rollout):
        self._count()
        return super().save(kept, rollout)

    def record(self, rollout, events):
        super().record(rollout, events)
        self._count()

    def keep(self, rollout, measured, revision):
        self._count()
        super().keep(rollout, Measured.from_json(measured.to_json()), revision)

    def measured(self, rollout):
        measured, revision = super().measured(rollout)
        return Measured.from_json(measured.to_json()), revision

    def end(self, kept):
        self._count()
        super().end(kept)


@pytest.mark.parametrize("dies", range(1, 7))
def test_a_controller_killed_anywhere_loses_and_repeats_nothing(dies):
    plan = "stages: [{percent: 50, samples: 5}]\nmetrics: [{metric: failed, at_most: 0.9}]"
    rollout, traffic = _scene(3, plan=plan)
    desk = _Fragile()
    desk.start(rollout)
    desk.dies = dies
    given = traffic.since

    def from_a_cursor(rollout, cursors):  # evidence stays where it is: what was not kept is read again
        missing = traffic.turns - cursors.get("turns", 0)
        again, traffic.unkept = traffic.unkept[-missing:] if missing else [], []
        fresh, after = given(rollout, cursors)
        traffic.unkept = [*again, *fresh]
        return traffic.unkept, after

    traffic.unkept = []
    traffic.since = from_a_cursor
    controller, deaths = RolloutController(desk, traffic, traffic.clock), 0
    for _ in range(60):
        traffic.clock.advance(10)
        try:
            controller.step()
        except _Killed:
            deaths += 1
        if desk.past:
            break
    assert deaths == 1
    assert desk.past[0].status == "promoted"
    assert [event.number for event in desk.recorded] == [1, *range(2, len(desk.recorded) + 1)]
    assert desk.recorded[-1].kind == "promoted"
    measured, _ = desk.measured(desk.past[0])
    assert measured.observed.turns.sum() == traffic.turns


def test_of_two_replicas_that_look_at_once_one_is_heard():
    rollout, traffic = _scene(1)
    desk = MemoryDesk()
    kept = desk.start(rollout)
    traffic.clock.advance(60)
    one, other = (RolloutController(desk, traffic, traffic.clock) for _ in range(2))
    assert [each.reason for each in one.step()] == []
    with pytest.raises(Conflict):
        desk.save(kept, rollout)  # what the other had read by then
    other.step()
    assert desk.measured(rollout)[0].observed.turns.sum() == traffic.turns


def test_what_fails_of_one_rollout_keeps_the_others_from_nothing():
    rollout, traffic = _scene(1)
    other = replace(rollout, id="rollout_other", environment="staging")
    desk = MemoryDesk()
    desk.start(rollout)
    desk.start(other)
    keep, failed = desk.keep, []

    def failing(which, measured, revision):
        if which.environment == "production":
            failed.append(which.id)
            raise Conflict("The figures are held", "Wait.")
        keep(which, measured, revision)

    desk.keep = failing
    traffic.clock.advance(60)
    RolloutController(desk, traffic, traffic.clock).step()
    assert failed == ["rollout_1"]
    assert [each.rollout.environment for each in desk.under_way() if each.rollout.looked != rollout.looked] == [
        "staging"
    ]
