"""Sums are right, buckets too, and no caller can make more series than there may be."""

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from aver.evidence.telemetry import meter as meters
from aver.evidence.telemetry.instruments import INSTRUMENTS
from aver.evidence.telemetry.meter import Meter


@given(st.lists(st.floats(0, 1000), min_size=1))
def test_a_distribution_has_every_value_once(values):
    meter = Meter()
    for value in values:
        meter.add("t", "aver.retrieval.duration", value, {"aver.feature.name": "a", "unknown": 1})
    ((instrument, (points,)),) = meter.of("t")
    assert sum(points.counts) == len(values)
    assert len(points.counts) == len(instrument.bounds) + 1
    for at in range(len(points.counts)):
        assert points.counts[at] == sum(bisect_left(instrument.bounds, value) == at for value in values)
    assert points.attributes == {"aver.tenant.name": "t", "aver.feature.name": "a"}


def test_a_value_on_a_bound_is_below_it():
    """As Prometheus has it: ``le``."""
    meter, bounds = Meter(), INSTRUMENTS["aver.retrieval.duration"].bounds
    meter.add("t", "aver.retrieval.duration", bounds[2], {})
    ((_, (points,)),) = meter.of("t")
    assert points.counts[2] == 1


def test_tenants_are_apart():
    meter = Meter()
    for tenant in ("a", "b", "b"):
        meter.add(tenant, "aver.decisions", 1, {"gen_ai.tool.name": "mail", "aver.decision.outcome": "deny"})
    assert [(each.attributes["aver.tenant.name"], each.total) for _, found in meter.all() for each in found] == [
        ("a", 1.0),
        ("b", 2.0),
    ]
    assert [each.total for _, found in meter.of("a") for each in found] == [1.0]
    assert meter.of("c") == []


def test_more_series_than_there_may_be_are_one(monkeypatch):
    monkeypatch.setattr(meters, "_MOST", 3)
    meter = Meter()
    for number in range(10):
        meter.add("t", "aver.decisions", 1, {"gen_ai.tool.name": f"tool{number}", "aver.decision.outcome": "allow"})
    ((_, found),) = meter.of("t")
    assert len(found) == 4
    assert found[-1].attributes == {"aver.tenant.name": "t", "otel.metric.overflow": True}
    assert (found[-1].total, sum(each.total for each in found)) == (7.0, 10.0)
