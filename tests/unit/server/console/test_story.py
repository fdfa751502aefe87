"""The story of a turn: one moment a step, in time, with the seal at its end."""

from datetime import UTC, datetime, timedelta

from aver.evidence.types import Step
from aver.server.console.story import story

BEGIN = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def steps(*kinds, ms=None):
    return [
        Step(
            100 + n,
            "turn_1",
            kind,
            BEGIN + timedelta(milliseconds=40 * n),
            {"ms": ms} if ms else {},
            None,
            False,
            f"{n:064x}",
        )
        for n, kind in enumerate(kinds)
    ]


def test_moments_keep_order_and_time():
    told = story(steps("admitted", "retrieved", "responded", "sealed"), question="Why?", back="/")
    assert [moment.seq for moment in told.moments] == [100, 101, 102, 103]
    assert [moment.since for moment in told.moments] == ["04:05:06", "+0.04 s", "+0.08 s", "+0.12 s"]
    assert all(moment.sentence for moment in told.moments)
    assert '"seq": 100' in told.moments[0].record


def test_the_seal_is_the_last_record():
    told = story(steps("admitted", "sealed"), question="Why?", back="/")
    assert (told.sealed, told.hash) == (101, f"{1:064x}")
    assert story(steps("admitted", "failed"), question="Why?", back="/").sealed == 0


def test_only_steps_that_say_so_take_time():
    told = story(steps("admitted", "retrieved", "responded", "sealed", ms=60), question="Why?", back="/")
    assert [moment.share for moment in told.moments] == [0, 50, 0, 0]


def test_a_single_step_is_a_story():
    assert story(steps("admitted"), question="Why?", back="/").moments[0].share == 0
