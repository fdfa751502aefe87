"""Figures of drills, from what users saw and who was told; what is on record of them; scenarios for people."""

from datetime import UTC, datetime

import pytest

from aver.core.errors import InvalidInput
from aver.ops.drills.history import drafted, past, trends
from aver.ops.drills.measuring import by_time, detected, shares, spared
from aver.ops.drills.scenarios import SCENARIOS, scenario, tabletop
from aver.ops.drills.types import Drill, Sample, Told
from aver.server.drills.faults import FAULTS
from tests.operations import open_bench


def sample(sent: float, verdict: str = "right", well: bool | None = None, took: float = 0.5) -> Sample:
    return Sample("ask", sent, sent + took, verdict, verdict == "right" if well is None else well)


def drill(**more) -> Drill:
    known = {
        "name": "disk-full",
        "at": datetime.now(UTC),
        "place": "copy",
        "means": "filled",
        "mttd_s": 4.0,
        "mttm_s": 2.0,
    }
    return Drill(**(known | {"lost": 0, "leaked": 0, "wrong": 0, "samples": 40} | more))


def test_the_first_alert_that_tells_of_the_fault_counts():
    told = [
        Told(2, "anomaly:cost", "ticket", ""),
        Told(9, "anomaly:latency", "ticket", ""),
        Told(12, "health:disk", "page", ""),
    ]
    assert detected(told, ("health:*",), 5) == 12
    assert detected(told, ("anomaly:*",), 5) == 9
    assert detected(told, ("burn:*",), 5) is None


def test_users_are_spared_from_the_first_request_after_the_last_that_was_not_well():
    bad = [sample(10), sample(11, "failed"), sample(12, "failed"), *(sample(13 + n) for n in range(8))]
    assert spared(bad, 10, 21, 6) == 13
    assert spared(bad, 10, 18, 6) is None  # not for long enough
    assert spared(bad[:6], 10, 30, 6) is None  # too few to tell
    assert spared([sample(10 + n) for n in range(8)], 9, 18, 6) == 9  # it never reached anybody
    assert spared([], 9, 99, 6) is None


def test_what_users_saw_over_time():
    seen = [sample(1), sample(10, "failed"), sample(11, "failed"), sample(12, "degraded"), sample(16)]
    assert shares(seen, 10) == {"right": 0.25, "degraded": 0.25, "failed": 0.5, "wrong": 0.0, "leaked": 0.0}
    assert by_time(seen, 10) == ({"at": 0.0, "degraded": 1, "failed": 2}, {"at": 5.0, "right": 1})


@pytest.mark.parametrize(
    ("more", "passed"),
    [
        ({}, True),
        ({"mttd_s": 30.1}, False),
        ({"mttd_s": None, "mttm_s": None}, False),
        ({"mttm_s": 60.1}, False),
        ({"mttm_s": None}, False),
        ({"lost": 1}, False),
        ({"leaked": 1}, False),
        ({"wrong": 1}, False),
        ({"false_alarms": ("anomaly:cost",)}, False),
    ],
)
def test_a_drill_passes_when_all_of_it_holds(more, passed):
    assert drill(**more).passed == passed
    assert drill(**more).record()["passed"] == passed


def test_drills_are_read_off_evidence_with_their_trend(tmp_path):
    bench = open_bench(tmp_path)
    for more in ({"mttd_s": 6.0}, {"mttd_s": 8.0, "lost": 2}, {"mttd_s": 4.0, "mttm_s": None}):
        bench.write([drafted(drill(**more), "ann")])
        bench.clock.advance(60)
    bench.write([drafted(drill(name="clock-skew", place="in place"), "ann")])
    found = past(bench.ledger)
    assert [(each.name, each.passed, each.place, each.lost) for each in found] == [
        ("clock-skew", True, "in place", 0),
        ("disk-full", False, "copy", 0),
        ("disk-full", False, "copy", 2),
        ("disk-full", True, "copy", 0),
    ]
    skew, full = trends(found)
    assert (skew.mttd_change_s, skew.drills) == (None, 1)
    assert (full.drills, full.passed, full.mttd_s, full.mttd_change_s, full.mttm_change_s) == (3, 1, 4.0, -3.0, None)
    step = next(bench.ledger.of_kind("drilled"))
    assert step.body["by"] == "ann"
    assert step.body["means"] == "filled"


def test_every_scenario_has_a_fault_and_a_page_for_people():
    assert set(SCENARIOS) == set(FAULTS)
    assert len(SCENARIOS) == 11
    for each in SCENARIOS.values():
        page = tabletop(each)
        assert each.injects
        assert all(inject.text in page for inject in each.injects)
        assert all(role in page for role in each.roles)
        assert f"aver drill run {each.name}" in page


def test_a_name_that_is_misspelt_is_answered_with_the_nearest():
    with pytest.raises(InvalidInput, match="disk-full"):
        scenario("disk-ful")
