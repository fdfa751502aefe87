"""Deadlines of one reply, on a loop whose clock is turned by hand."""

import asyncio
import heapq

import pytest

from aver.core.settings import ModelTimeouts
from aver.gateway.waits import Waits

TIMEOUTS = ModelTimeouts(connect=1, first_token=10, stall=5, total=60)


class Clock:
    """As much of an event loop as a timer needs."""

    def __init__(self):
        self.now = 100.0
        self.timers = []
        self.set = 0

    def time(self):
        return self.now

    def call_at(self, when, call):
        self.set += 1
        handle = Handle(when, call)
        heapq.heappush(self.timers, (when, self.set, handle))
        return handle

    def turn(self, seconds):
        end = self.now + seconds
        while self.timers and self.timers[0][0] <= end:
            when, _, handle = heapq.heappop(self.timers)
            self.now = max(self.now, when)
            if not handle.cancelled:
                handle.call()
        self.now = end


class Handle:
    def __init__(self, when, call):
        self._when, self.call, self.cancelled = when, call, False

    def when(self):
        return self._when

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    return clock


def watching(silent=False, total=60):
    waits, late = Waits(TIMEOUTS, total, silent=silent), []
    waits.watch(late.append)
    return waits, late


def test_nothing_written_is_noticed(clock):
    _, late = watching()
    clock.turn(9.9)
    assert not late
    clock.turn(0.1)
    assert "wrote nothing within 10 s" in late[0].cause


def test_a_stall_after_an_early_first_word_does_not_wait_for_the_time_of_the_first(clock):
    waits, late = watching()
    clock.turn(0.5)
    waits.heard()
    clock.turn(4.9)
    assert not late
    clock.turn(0.2)
    assert "stopped writing for 5 s" in late[0].cause


def test_a_stall_is_noticed_after_the_last_word(clock):
    waits, late = watching()
    for _ in range(10):
        clock.turn(4)
        waits.heard()
    clock.turn(4.9)
    assert not late
    clock.turn(0.2)
    assert "stopped writing for 5 s" in late[0].cause
    assert len(late) == 1


def test_however_much_is_heard_the_end_is_the_end(clock):
    waits, late = watching(total=20)
    for _ in range(20):
        clock.turn(1)
        waits.heard()
    assert "did not finish within 20 s" in late[0].cause


def test_what_comes_in_one_piece_has_only_an_end(clock):
    waits, late = watching(silent=True)
    assert waits.first == clock.now + 60
    clock.turn(59.9)
    assert not late
    clock.turn(0.2)
    assert "did not finish" in late[0].cause


def test_a_finished_reply_waits_a_moment_for_its_usage(clock):
    waits, late = watching()
    waits.heard()
    waits.finish()
    clock.turn(0.9)
    assert not late
    clock.turn(0.2)
    assert late
    assert waits.finished


def test_a_thousand_words_cost_no_thousand_timers(clock):
    waits, late = watching()
    for _ in range(1000):
        clock.turn(0.01)
        waits.heard()
    assert clock.set <= 4
    waits.stop()
    clock.turn(1000)
    assert not late
