"""Sums over time: every slot of a stretch is there, what was counted is counted once, and what checks, policy and providers came to is told apart."""

from datetime import timedelta

import pytest

from aver.evidence import Draft
from aver.ops.reading import EvidenceReader
from aver.ops.trends import trends
from tests.operations import call, open_bench, turn

KINDS = ("check", "tool", "rule", "provider", "route", "cache", "model", "feature")
LOOKED = {
    "place": "output",
    "outcome": "redact",
    "checks": ["personal", "exfiltration"],
    "outcomes": ["pass", "redact"],
    "failures": [None, "late"],
}


@pytest.fixture
def bench(tmp_path):
    return open_bench(tmp_path)


def counted(bench, length=timedelta(hours=1), kinds=KINDS):
    EvidenceReader(bench.store, bench.clock).catch_up()
    return trends(bench.store, bench.clock.now(), length, kinds)


def decided(outcome, tool="mail.send", rules=("no-outside",)):
    facts = {"tool": tool, "outcome": outcome, "policies": list(rules)}
    return [Draft("turn_1", "decided", "user:ann", facts, None)]


def test_nothing_is_every_slot_without_sums(bench):
    found = counted(bench)
    assert found.counted is None
    assert len(found.starts) == 13
    assert found.names("model") == []
    assert [sums for _, sums in found.each("model:small")] == [{}] * 13


@pytest.mark.parametrize(
    ("hours", "size"),
    [
        (1, 300),
        (6, 900),
        (24, 3600),
        (7 * 24, 6 * 3600),
        (30 * 24, 24 * 3600),
        (90 * 24, 3 * 86400),
        (365 * 24, 14 * 86400),
    ],
)
def test_a_stretch_is_cut_into_slots_that_can_be_drawn(bench, hours, size):
    bench.write(turn())
    found = counted(bench, timedelta(hours=hours))
    assert found.size == size
    assert len(found.starts) <= 54
    assert found.whole("feature:assistant")["turns"] == 1


def test_each_moment_counts_in_its_slot(bench):
    bench.write(turn())
    EvidenceReader(bench.store, bench.clock).catch_up()
    bench.clock.advance(1800)
    bench.write(turn(), turn(model="large", provider="two"))
    found = counted(bench)
    told = [sums.get("turns", 0) for _, sums in found.each("feature:assistant") if sums]
    assert told == [1, 2]
    assert found.names("model") == ["large", "small"]
    assert found.together("model").whole("model:")["calls"] == 3
    assert counted(bench, kinds=["model"]).names("feature") == []


def test_what_lies_before_the_stretch_is_left_out(bench):
    bench.write(turn())
    EvidenceReader(bench.store, bench.clock).catch_up()
    bench.clock.advance(3 * 3600)
    assert counted(bench).names("feature") == []


def test_a_check_is_told_by_place_and_by_what_it_made_of_texts(bench):
    bench.write(turn(checked=LOOKED), turn(checked={**LOOKED, "place": "input", "outcomes": ["block", "flag"]}))
    sums = counted(bench).whole("check:exfiltration")
    assert sums == {
        "output.looked": 1,
        "output.redact": 1,
        "output.broken": 1,
        "input.looked": 1,
        "input.flag": 1,
        "input.broken": 1,
    }
    assert counted(bench).whole("check:personal") == {"output.looked": 1, "input.looked": 1, "input.block": 1}


def test_decisions_count_for_their_tool_and_denials_for_their_rules(bench):
    bench.write(decided("allow"), decided("deny"), decided("ask"), decided("deny", "files.read", ()))
    found = counted(bench)
    assert found.whole("tool:mail.send") == {"decisions": 3, "denied": 1, "asked": 1}
    assert found.whole("tool:files.read")["denied"] == 1
    assert found.whole("rule:no-outside") == {"denied": 1, "asked": 1}


def test_a_call_counts_for_its_provider_its_route_and_the_cache(bench):
    bench.write(call(route="chat", cache="exact"), call(route="chat", cache="miss", error="provider-error"))
    found = counted(bench)
    provider = found.whole("provider:one")
    assert (provider["calls"], provider["failed"], provider["spent"]) == (2, 1, 2_000_000)
    assert sum(value for name, value in provider.items() if name.startswith("latency_ms~")) == 1
    assert found.whole("route:chat")["calls"] == 2
    assert found.names("cache") == ["exact", "miss"]
