from hypothesis import given
from hypothesis import strategies as st

from aver.gateway.calling.latency import Latency


@given(st.lists(st.floats(0, 100), min_size=16, max_size=600), st.floats(0, 1))
def test_a_quantile_is_exact_over_the_recent_past(times, share):
    latency = Latency()
    for seconds in times:
        latency.add(seconds)
    recent = sorted(times[-256:])
    assert latency.quantile(share) == recent[min(len(recent) - 1, int(share * len(recent)))]


def test_too_few_times_say_nothing():
    latency = Latency()
    assert latency.mean is None
    for _ in range(15):
        latency.add(1)
    assert latency.quantile(0.9) is None
    latency.add(1)
    assert latency.quantile(0.9) == 1


def test_the_mean_follows_what_changes():
    latency = Latency()
    for _ in range(100):
        latency.add(1)
    for _ in range(100):
        latency.add(3)
    assert 2.9 < latency.mean < 3
