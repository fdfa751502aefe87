"""For any interleaving of crashes, approvals, denials, expiry and cancelling, every effect happens at most once and evidence agrees."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aver.agents.acting import Journal
from aver.core.errors import Conflict
from aver.testing import FixedClock
from aver.testing.acting import KINDS, Desk, compared
from tests.unit.agents.acting.scene import allow


class Killed(BaseException):
    """The process is gone: nothing after this line of it ran."""


class Mortal(Journal):
    """A journal whose process can die before or after any of its transactions. Once dead it does nothing more."""

    passing = staticmethod(lambda _: None)

    def record(self, *arguments, **more):
        self.passing("before a record")
        super().record(*arguments, **more)
        self.passing("after a record")

    def release(self, lease):
        self.passing("before the release")
        super().release(lease)


class Life:
    """Of one process: it dies at its ``at``-th moment, if it comes to that."""

    def __init__(self, at: int | None) -> None:
        self._left = at
        self.dead = False

    def passing(self, _: str) -> None:
        if self._left is not None:
            self._left -= 1
            self.dead = self.dead or self._left < 0
        if self.dead:
            raise Killed


def process(folder: Path, clock: FixedClock, at: int | None = None, **more) -> Desk:
    life = Life(at)
    desk = Desk(folder, clock=clock, passing=life.passing, journal=Mortal, lease=15.0, **more)
    desk.journal.passing = life.passing
    return desk


def live(folder: Path, clock: FixedClock, at: int | None, do) -> bool:
    """One process at work; whether it was killed."""
    desk = process(folder, clock, at)
    try:
        do(desk)
    except Killed:
        clock.advance(20)  # longer than a lease
        return True
    finally:
        desk.close()
    return False


def drained(folder: Path, clock: FixedClock) -> Desk:
    """A process that nothing happens to brings everything to its end: what waits expires."""
    desk = process(folder, clock)
    for _ in range(10):
        asyncio.run(desk.acting.run_due())
        clock.advance(80 * 3600)
    return desk


PLANS = st.lists(st.lists(st.sampled_from([*KINDS, "look"]), min_size=1, max_size=3), min_size=1, max_size=2).flatmap(
    lambda plan: st.sampled_from([plan, [*plan, "fail"]])
)
WORDS = st.sampled_from(["run", "run", "run", "approve", "conversation", "reject", "never", "expire", "cancel"])
MOMENTS = st.none() | st.integers(0, 25)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(PLANS, st.lists(st.tuples(WORDS, MOMENTS), min_size=1, max_size=8))
def test_every_effect_happens_at_most_once_and_evidence_agrees(plan, lives):
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), FixedClock()
        desk = process(folder, clock)
        desk.acting.begin(desk.user, json.dumps(plan))
        desk.close()
        crashed = False

        def act(word):
            def do(desk):
                pending = desk.acting.approvals.pending(desk.user)
                if word == "cancel":
                    desk.acting.turns.cancel(desk.user, next(iter(desk.turns())))
                elif word == "expire":
                    clock.advance(80 * 3600)
                elif pending and word in ("approve", "conversation"):
                    scope = "once" if word == "approve" else "conversation"
                    desk.acting.approvals.approve(desk.user, pending[0].id, scope)
                elif pending and word in ("reject", "never"):
                    desk.acting.approvals.reject(desk.user, pending[0].id, never=word == "never")
                asyncio.run(desk.acting.run_due())

            return do

        for word, at in lives:
            crashed = live(folder, clock, at, act(word)) or crashed
        desk = drained(folder, clock)
        try:
            problems, outcomes = compared(desk.turns(), desk.world.keys())
            assert problems == []
            assert crashed or not outcomes["undecided"]
            assert desk.acting.approvals.asking().pending == 0
            assert desk.ledger.verify().ok
        finally:
            desk.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_at_every_single_moment(kind, tmp_path):
    """Of a turn with a reading call, an effect, and another effect after it."""
    plan, outcomes, moment = [["look", kind], [kind]], set(), 0
    while True:
        folder, clock = tmp_path / str(moment), FixedClock()
        folder.mkdir()
        desk = process(folder, clock)
        desk.acting.begin(desk.user, json.dumps(plan))
        desk.close()
        died = live(folder, clock, moment, lambda desk: asyncio.run(desk.acting.run_due()))
        desk = drained(folder, clock)
        problems, came = compared(desk.turns(), desk.world.keys())
        desk.close()
        assert problems == [], f"killed at moment {moment}"
        outcomes |= set(came)
        if not died:
            break
        moment += 1
    assert moment > 15
    assert (
        outcomes
        == {
            "plain": {"done", "undecided"},
            "booked": {"done", "undecided"},
            "idempotent": {"done"},
            "looked_up": {"done", "not_run"},
        }[kind]
    )


@pytest.mark.parametrize(
    ("kind", "found"),
    [("plain", "undecided"), ("idempotent", "undecided"), ("looked_up", "done"), ("booked", "undecided")],
)
def test_what_was_under_way_when_a_turn_is_cancelled_is_found_out_and_not_begun_again(kind, found, tmp_path):
    clock = FixedClock()

    def cut_off(desk):
        desk.world.passing = lambda moment: _die(desk) if moment == "after the effect" else None
        asyncio.run(desk.acting.run_due())

    def _die(desk):
        desk.journal.passing = desk.world.passing = _dead
        raise Killed

    desk = process(tmp_path, clock)
    turn = desk.acting.begin(desk.user, json.dumps([["look", kind]]))
    desk.close()
    assert live(tmp_path, clock, None, cut_off)
    desk = process(tmp_path, clock)
    desk.acting.turns.cancel(desk.user, turn)
    (outcome,) = asyncio.run(desk.acting.run_due())
    assert (outcome.status, [each.status for each in outcome.performed]) == ("cancelled", [found])
    problems, _ = compared(desk.turns(), desk.world.keys())
    assert problems == []
    assert sum(desk.world.keys().values()) == 1
    desk.close()


def _dead(_):
    raise Killed


def test_two_processes_do_not_run_one_turn(tmp_path):
    clock = FixedClock()
    one, other = process(tmp_path, clock), process(tmp_path, clock)
    turn = one.acting.begin(one.user, json.dumps([["plain"]]))
    lease, state = one.journal.take(turn)
    with pytest.raises(Conflict, match="Another process is at this turn"):
        other.journal.take(turn)
    assert other.acting.due() == []
    clock.advance(16)
    taken, _ = other.journal.take(turn)
    with pytest.raises(Conflict, match="taken over"):
        one.journal.record(lease, state, [])
    one.journal.release(lease)  # which is no longer its own
    with pytest.raises(Conflict):
        one.journal.take(turn)
    other.journal.release(taken)
    assert one.acting.due() == [turn]
    one.close()
    other.close()


def test_a_process_that_was_away_begins_nothing(tmp_path):
    clock = FixedClock()
    slow, quick = process(tmp_path, clock, decide=allow), process(tmp_path, clock, decide=allow)
    turn = slow.acting.begin(slow.user, json.dumps([["plain"], ["plain"]]))

    def overtaken(_):
        if slow.world.keys() and quick.turns()[turn][-1].kind != "sealed":
            clock.advance(16)
            asyncio.run(quick.acting.run(turn))

    slow.journal.passing = overtaken
    with pytest.raises(Conflict, match="taken over"):
        asyncio.run(slow.acting.run(turn))
    problems, outcomes = compared(quick.turns(), quick.world.keys())
    assert problems == []
    assert outcomes == {"undecided": 1, "done": 1}
    slow.close()
    quick.close()
