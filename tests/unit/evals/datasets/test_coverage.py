"""Flows, and how many cases they have."""

import pytest

from aver.core.errors import SettingsError
from aver.evals.datasets.coverage import Covered, cover, only_synthetic
from aver.evals.datasets.declaration import FLOWS, Flow
from aver.evals.types import Case
from aver.server.bundle import read_whole


def case(name, **fields):
    return Case(**{"id": name, "question": name, "refuse": True, **fields})


def test_what_counts_is_confirmed_and_not_synthetic():
    flows = {"leave": Flow("leave", 2), "travel": Flow("travel", 1, ("other",)), "pay": Flow("pay")}
    suites = {
        "handbook": [
            case("a", flow="leave"),
            case("b", flow="leave", origin="production"),
            case("c", flow="leave", status="draft", origin="synthetic"),
            case("d", flow="leave", origin="synthetic"),
            case("e", flow="travel"),
            case("f"),
        ],
        "other": [case("a", flow="leave"), case("g", flow="travel", status="draft"), case("h", flow="new")],
    }
    assert cover(flows, suites) == [
        Covered("leave", 2, 2, 1, 1),
        Covered("travel", 1, 0, 1, 0),
        Covered("pay", 1, 0, 0, 0),
        Covered("new", None, 1, 0, 0),
    ]
    assert [each.is_enough for each in cover(flows, suites)] == [True, False, False, False]


def test_a_bundle_declares_flows(tmp_path):
    (tmp_path / "aver.yaml").write_text(
        "evals:\n  suites:\n    handbook: {cases: [evals/a.jsonl], target: assistant}\n"
        "  flows:\n    leave: {at_least: 20, suites: [handbook]}\n    travel: {}\n"
    )
    found = read_whole(tmp_path).evals
    assert found.flows == {"leave": Flow("leave", 20, ("handbook",)), "travel": Flow("travel")}
    assert FLOWS.write(found.flows) == {"leave": {"at_least": 20, "suites": ["handbook"]}, "travel": {}}


@pytest.mark.parametrize(
    ("flows", "says"),
    [
        ("{leave: {at_least: 0}}", "from 1"),
        ("{leave: {least: 3}}", "'least' is not known"),
        ("{leave: {suites: [handbok]}}", "there is no suite 'handbok'"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, flows, says):
    (tmp_path / "aver.yaml").write_text(f"evals:\n  flows: {flows}\n")
    with pytest.raises(SettingsError, match=says) as raised:
        read_whole(tmp_path)
    assert "aver.yaml:2" in raised.value.cause


def test_synthetic_cases_alone_are_told_from_others():
    made = case("a", origin="synthetic")
    assert only_synthetic([made, made])
    assert not only_synthetic([made, case("b")])
    assert not only_synthetic([])
