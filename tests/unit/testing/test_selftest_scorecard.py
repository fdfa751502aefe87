from xml.etree import ElementTree

from aver.testing.selftest.judge import Judgement
from aver.testing.selftest.scorecard import Scorecard, finding

GOOD = Judgement("pass", "the exact text")
ALONE = Judgement("pass", "provider-denied, as nobody else could answer")
LATE = Judgement("partial", "took 9.0 s, more than 3.0")
WRONG = Judgement("fail", "no text, presented as a success")


def scorecard(*judgements) -> Scorecard:
    findings = [
        finding(f"fault-{number}", "It happens.", [("a route, streamed", each)], 0.5)
        for number, each in enumerate(judgements)
    ]
    return Scorecard(tuple(findings), ("a route",), 60.0, ("a note",))


def test_the_worst_over_all_routes_counts_and_names_its_route():
    found = finding("stalled", "It stalls.", [("a, whole", GOOD), ("b, whole", LATE), ("c, streamed", WRONG)], 1.0)
    assert found.result == "fail"
    assert found.detail == "c, streamed: no text, presented as a success (and 1 more of 3)"


def test_what_passed_in_several_ways_says_how_often_each():
    found = finding("key-refused", "It refuses.", [("a", GOOD), ("b", GOOD), ("c", ALONE)], 1.0)
    assert found.detail == "the exact text (2 of 3); provider-denied, as nobody else could answer (1 of 3)"


def test_only_a_card_of_passes_is_passed():
    assert scorecard(GOOD, GOOD).passed
    assert not scorecard(GOOD, LATE).passed
    assert not scorecard(WRONG).passed


def test_a_program_reads_every_fault_with_its_result():
    document = scorecard(GOOD, LATE, WRONG).to_json()
    assert [(each["name"], each["result"]) for each in document["faults"]] == [
        ("fault-0", "pass"),
        ("fault-1", "partial"),
        ("fault-2", "fail"),
    ]
    assert document["faults"][0]["detail"] == "the exact text"
    assert document["totals"] == {"pass": 1, "partial": 1, "fail": 1}
    assert document["routes"] == ["a route"]
    assert document["notes"] == ["a note"]


def test_junit_has_one_case_a_fault_and_counts_what_did_not_pass():
    root = ElementTree.fromstring(scorecard(GOOD, LATE, WRONG).to_junit())
    suite = root.find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "2", "0")
    assert [case.get("name") for case in suite] == ["fault-0", "fault-1", "fault-2"]
    failures = [case.find("failure") for case in suite]
    assert failures[0] is None
    assert [each.get("type") for each in failures[1:]] == ["partial", "fail"]
    assert failures[2].get("message") == "a route, streamed: no text, presented as a success"


def test_junit_stays_xml_whatever_a_route_is_called():
    judged = [("<route> & \x00\x1b]0;\ud800", WRONG)]
    card = Scorecard((finding("fault", "It happens.", judged, 0.1),), ("r",), 60.0)
    case = ElementTree.fromstring(card.to_junit().encode()).find(".//failure")
    assert "<route> & " in case.get("message")
