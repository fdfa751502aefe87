from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aver.gateway.calling.breaker import CircuitBreaker
from aver.gateway.config.types import Breaker

CONFIG = Breaker(failures=3, share=0.5, window=10.0, open=5.0)


def broken(now=0.0, hold=0.0):
    breaker = CircuitBreaker(CONFIG)
    for _ in range(CONFIG.failures):
        assert breaker.allow(now)
        breaker.failed(now, hold)
    return breaker


def test_it_opens_after_enough_failures_and_lets_one_probe_through_later():
    breaker = broken()
    assert breaker.state(4.9) == "open"
    assert not breaker.allow(4.9)
    assert breaker.retry_after(2) == 3
    assert breaker.state(5) == "half_open"
    assert breaker.allow(5)
    assert not breaker.allow(5), "one probe at a time"
    breaker.succeeded(5.5)
    assert breaker.state(5.5) == "closed"
    assert breaker.allow(5.5)


def test_a_probe_that_fails_opens_it_again():
    breaker = broken()
    assert breaker.allow(5)
    breaker.failed(6)
    assert breaker.state(10.9) == "open"
    assert breaker.allow(11)


def test_a_probe_that_tells_nothing_makes_room_for_another():
    breaker = broken()
    assert breaker.allow(5)
    breaker.passed()
    assert breaker.allow(5)


def test_a_probe_that_never_reports_is_forgotten():
    breaker = broken()
    assert breaker.allow(5)
    assert not breaker.allow(9.9)
    assert breaker.allow(10)


def test_a_provider_that_asks_for_longer_is_left_alone_for_longer():
    assert not broken(hold=60).allow(59)
    assert broken(hold=60).allow(60)


def test_failures_among_many_successes_do_not_open_it():
    breaker = CircuitBreaker(CONFIG)
    for _ in range(100):
        breaker.succeeded(1)
        breaker.failed(1) if _ % 3 == 0 else breaker.succeeded(1)
    assert breaker.state(1) == "closed"


def test_what_is_long_past_does_not_count():
    breaker = CircuitBreaker(CONFIG)
    for moment in (0, 20, 40, 60):
        breaker.failed(moment)
        breaker.failed(moment)
    assert breaker.state(60) == "closed"


def test_news_from_before_it_opened_changes_nothing():
    breaker = broken()
    breaker.succeeded(1)
    assert breaker.state(1) == "open"
    breaker.failed(4)
    assert breaker.allow(5), "it was not opened anew"


@given(st.floats(0, 1e6), st.lists(st.tuples(st.floats(0, 2), st.booleans()), max_size=200))
def test_it_is_open_exactly_when_the_recent_past_says_so(now, calls):
    """Against the definition, with a window that forgets in whole slots."""
    breaker, seen = CircuitBreaker(CONFIG), []
    for pause, good in calls:
        now += pause
        if breaker.state(now) != "closed":
            return
        seen.append((int(now), good))
        (breaker.succeeded if good else breaker.failed)(now)
        recent = [well for slot, well in seen if int(now) - slot < 10]
        failures = recent.count(False)
        expected = not good and failures >= 3 and failures >= 0.5 * len(recent)
        assert (breaker.state(now) == "open") == expected


class Probes(RuleBasedStateMachine):
    """Whatever happens in whatever order: of an open breaker at most one call is out, and it never stays shut for ever."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.breaker = CircuitBreaker(CONFIG)
        self.out = []

    @rule(seconds=st.floats(0, 7))
    def wait(self, seconds):
        self.now += seconds

    @rule()
    def ask(self):
        shut = self.breaker.state(self.now) != "closed"
        if self.breaker.allow(self.now):
            self.out.append((self.now, shut))

    @precondition(lambda self: self.out)
    @rule(outcome=st.sampled_from(["succeeded", "failed", "passed"]))
    def report(self, outcome):
        self.out.pop()
        getattr(self.breaker, outcome)(*(() if outcome == "passed" else (self.now,)))

    @invariant()
    def it_says_when_to_come_back(self):
        wait = self.breaker.retry_after(self.now)
        assert 0 <= wait <= CONFIG.open + 1e-9
        assert (wait == 0) == (not self.breaker.is_open(self.now))

    @invariant()
    def it_comes_back(self):
        later = self.now + 2 * CONFIG.open
        assert not self.breaker.is_open(later)


TestProbes = Probes.TestCase
