"""Each query is met by what it asks for, is not by its contrary, and says that it knows nothing where there is nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from aver.core import rfc3339
from aver.core.errors import InvalidInput, NotFound
from aver.evals.redteam.taxonomy import OWASP
from aver.evidence.types import StepKind
from aver.governance.controls.kept import Kept, KeptResults
from aver.governance.controls.reading import find, frameworks, plain_frameworks
from aver.governance.controls.service import check
from aver.governance.proof.asking import Step
from aver.governance.proof.judging import QUERIES, Judging
from tests.governance import governed

END = datetime(2026, 6, 1, tzinfo=UTC)


def asked(name, *given, **params):
    """The outcome of a query over steps ``(kind, facts)`` of one turn, or ``(kind, facts, days before the end)``."""
    control = {"id": "c", "title": "c", "queries": [{"query": name, "params": params}]}
    judging = Judging([{"framework": "f", "controls": [control]}], rfc3339(END))
    for seq, (kind, facts, *days) in enumerate(given, 1):
        at = END - timedelta(days=days[0] if days else 1)
        judging.take(Step(seq, "turn_1", kind, rfc3339(at), facts))
    found = judging.results()[0]
    assert found["results"][0]["said"]
    return found["outcome"]


TURN = ("admitted", {"release": "r"})
END_OF_TURN = ("sealed", {})
ANSWERED = ("responded", {"abstained": False})
CALLED = ("called", {"model": "m", "provider": "p", "unpriced": False})
PROMOTED = ("release_promoted", {"release": "r", "lacked": 0})
PASSED, SIGNED = ("gated", {"outcome": "pass", "release": "r"}), ("release_signed_off", {"release": "r"})
ASKED = ("decided", {"action": "a", "outcome": "ask"})
DONE = ("executed", {"action": "a", "outcome": "done"})

MET = {
    "answers_verified": [TURN, ("retrieved", {}), ("verified", {}), ANSWERED, END_OF_TURN],
    "answers_supported": [("verified", {"claims": 10, "supported": 9})],
    "tool_calls_decided": [TURN, ASKED, ("approved", {"action": "a"}), DONE, END_OF_TURN],
    "approved_by_people": [("asked", {}), ("rejected", {})],
    "turns_guarded": [("admitted", {"guardrails": "g"})],
    "check_ran": [("checked", {"checks": ["injection"], "outcomes": ["pass"], "failures": [None]})],
    "red_team": [("evaluated", {"suite": "redteam", "attack_success": 0.01})],
    "evaluated": [("evaluated", {"questions": 4})],
    "releases_gated": [PASSED, SIGNED, PROMOTED],
    "erasures_done": [("erased", {"steps": 4})],
    "incidents_handled": [("incident", {"event": "opened"}, 40), ("incident", {"event": "resolved"}, 30)],
    "turns_traceable": [TURN],
    "turns_sealed": [TURN, END_OF_TURN],
    "calls_priced": [CALLED],
    "models_known": [CALLED],
    "keys_end": [("key_created", {"expires": True})],
    "glass_whole": [("signed_in", {}), ("glass_broken", {"minutes": 5})],
    "anchored": [("anchored", {"outcome": "done"})],
}
NOT_MET = {
    "answers_verified": [[TURN, ("retrieved", {}), ANSWERED, END_OF_TURN]],
    "answers_supported": [[("verified", {"claims": 10, "supported": 2})]],
    "tool_calls_decided": [
        [TURN, DONE, END_OF_TURN],
        [TURN, ASKED, DONE, END_OF_TURN],
        [TURN, ("decided", {"action": "a", "outcome": "deny"}), DONE, END_OF_TURN],
        [TURN, ("decided", {"action": "b", "outcome": "allow"}), DONE, END_OF_TURN],
    ],
    "approved_by_people": [[("asked", {})]],
    "turns_guarded": [[("admitted", {})]],
    "check_ran": [[("checked", {"checks": ["injection"], "outcomes": ["pass"], "failures": ["late"]})]],
    "red_team": [
        [("evaluated", {"suite": "redteam", "attack_success": 0.5})],
        [("evaluated", {"suite": "redteam", "attack_success": 0.0}, 200)],
    ],
    "evaluated": [[("evaluated", {"questions": 4}, 200)]],
    "releases_gated": [
        [PROMOTED],
        [PASSED, PROMOTED],
        [SIGNED, PROMOTED],
        [PASSED, SIGNED, ("release_sign_off_withdrawn", {"release": "r"}), PROMOTED],
        [PASSED, SIGNED, ("release_promoted", {"release": "r", "lacked": 1})],
        [("gated", {"outcome": "fail", "release": "r"}), SIGNED, PROMOTED],
    ],
    "incidents_handled": [[("incident", {"event": "opened"}, 40)]],
    "turns_traceable": [[("admitted", {})]],
    "turns_sealed": [[TURN]],
    "calls_priced": [[("called", {"unpriced": True})]],
    "models_known": [[("called", {"model": "m"})]],
    "keys_end": [[("key_created", {"expires": False})]],
    "glass_whole": [[("glass_broken", {"minutes": 5})] * 4],
    "anchored": [[("anchored", {"outcome": "failed"})], [("anchored", {"outcome": "done"}, 30)]],
}


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_nothing_is_known_of_nothing(name):
    assert asked(name, **({"kinds": ["erased"]} if name == "recorded" else {})) == "no_data"


@pytest.mark.parametrize("name", sorted(MET))
def test_it_is_met(name):
    assert asked(name, *MET[name]) == "met"


@pytest.mark.parametrize(("name", "given"), [(name, each) for name, several in NOT_MET.items() for each in several])
def test_it_is_not_met(name, given):
    assert asked(name, *given) == "not_met"


def test_every_query_was_tried():
    assert MET.keys() | {"recorded"} == QUERIES.keys()
    assert NOT_MET.keys() >= QUERIES.keys() - {"recorded", "erasures_done"}  # these count what is there
    assert asked("recorded", ("erased", {}), kinds=["erased"]) == "met"
    assert asked("recorded", ("erased", {}, 20), kinds=["erased"], days=7) == "no_data"


def test_frameworks_name_queries_and_kinds_that_there_are():
    kinds = set(get_args(StepKind))
    for framework in frameworks().values():
        assert framework.source.startswith("https://")
        assert framework.note
        for control in framework.controls:
            assert control.queries, control
            for each in control.queries:
                assert each.cannot
                assert set(each.params.get("kinds", ())) <= kinds, control


def test_the_ten_risks_are_those_of_the_red_team():
    titles = {each.id: each.title.lower() for each in frameworks()["owasp-llm"].controls}
    assert titles == dict(OWASP)


def test_the_parts_of_the_act_are_there():
    articles = {each.id for each in frameworks()["eu-ai-act"].controls}
    assert articles == {f"Article {number}" for number in (*range(9, 20), 26)}
    with pytest.raises(NotFound):
        find(["no-such"])


def test_the_worst_query_decides(tmp_path):
    found = governed(tmp_path)
    results = check(found.store, find(), found.start, found.clock.now())
    by_name = {(each["framework"], each["control"]): each for each in results}
    assert by_name["owasp-llm", "LLM01"]["outcome"] == "not_met"  # the agent's turn had no guardrails
    assert by_name["owasp-llm", "LLM03"]["outcome"] == "met"
    assert by_name["owasp-llm", "LLM07"]["outcome"] == "met"
    assert by_name["soc2", "CC8.1"]["outcome"] == "met"
    assert by_name["soc2", "PI1.5"]["outcome"] == "no_data"  # nothing was anchored
    sample = by_name["owasp-llm", "LLM01"]["results"][0]["samples"]
    assert [found.ledger.turn(_turn_of(found, seq))[0].kind for seq in sample] == ["admitted"]
    with pytest.raises(InvalidInput):
        check(found.store, find(), found.clock.now(), found.start)
    kept = Kept(tmp_path / "shelf" / "controls.json")
    assert kept.last() is None
    kept.keep(KeptResults(found.start, found.clock.now(), results))
    assert kept.last().results == results
    found.close()


def test_turns_under_way_are_bounded(monkeypatch):
    from aver.governance.proof import asking

    monkeypatch.setattr(asking, "_MOST_OPEN", 10)
    judging = Judging(plain_frameworks(find(["owasp-llm"])), rfc3339(END))
    for number in range(100):
        judging.take(Step(number, f"turn_{number}", "admitted", rfc3339(END), {}))
    assert judging.results()


def _turn_of(found, seq):
    from aver.evidence.clear import clear_steps

    return clear_steps(found.store, seq - 1, 1)[0].turn
