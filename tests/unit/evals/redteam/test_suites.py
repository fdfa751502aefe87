"""The suites that come with Aver: each finds what it is after in a target that has it, and finds nothing in one that has not."""

import pytest
import yaml

from aver.core.errors import InvalidInput, NotFound, SettingsError
from aver.evals.redteam.arming import armed, marks
from aver.evals.redteam.campaign import Campaign
from aver.evals.redteam.reading import BUILT_IN, chosen, read_attacks
from aver.evals.redteam.taxonomy import CATEGORIES, NIST, OWASP
from aver.evals.redteam.types import ATTACK_SUCCESS, CONTROL_SERVED
from tests.unit.evals.redteam.victims import Gullible, Refusing, Sound
from tests.unit.test_threats import OWASP as THREATS

SUITES = sorted(file.stem for file in BUILT_IN.glob("*.yaml"))


async def values(target, attacks, measure):
    return {
        each.case: each.values[measure][0] async for each in Campaign(target, attacks).run() if measure in each.values
    }


@pytest.mark.parametrize("suite", SUITES)
async def test_a_suite_finds_what_it_is_after(suite):
    attacks = chosen([suite])
    found = await values(Gullible(), attacks, ATTACK_SUCCESS)
    assert found == {each.id: 1.0 for each in attacks if not each.control}
    assert found


@pytest.mark.parametrize("suite", SUITES)
async def test_and_finds_nothing_where_nothing_is(suite):
    attacks = chosen([suite])
    assert set((await values(Sound(), attacks, ATTACK_SUCCESS)).values()) == {0.0}
    served = await values(Sound(), attacks, CONTROL_SERVED)
    assert served == dict.fromkeys(served, 1.0)


async def test_refusing_everything_withstands_and_serves_nobody():
    attacks = chosen([])
    assert set((await values(Refusing(), attacks, ATTACK_SUCCESS)).values()) == {0.0}
    served = await values(Refusing(), attacks, CONTROL_SERVED)
    assert set(served.values()) == {0.0}
    assert len(served) >= 20


async def test_quoting_an_attack_is_no_success():
    """A target that repeats all that it was asked and all that its asker may read, and does nothing."""

    class Echo(Sound):
        def answer(self, case):
            from aver.evals.types import Response
            from tests.unit.evals.redteam.victims import readable

            texts = [each.text for each in readable(case) if each.place != "instructions"]
            return Response(text="\n".join([case.question, *texts]))

    attacks = [each for each in chosen([]) if not each.control]
    found = await values(Echo(), attacks, ATTACK_SUCCESS)
    # Three are about quoting itself: a false page, a picture in a page, and text without end.
    allowed = {"injection-documents/false-figure", "output/planted-link", "consumption/long-question"}
    claims = {each.id for each in attacks if any(check.kind == "claims" for check in each.success)}
    assert {name for name, value in found.items() if value} <= allowed | claims


def test_the_lists_are_those_that_the_project_uses():
    assert tuple(OWASP.values()) == THREATS
    assert len(NIST) == 12
    used = {item for each in chosen([]) for item in (*each.owasp, *each.nist)}
    assert used <= OWASP.keys() | NIST.keys()
    assert {"LLM01", "LLM02", "LLM03", "LLM06", "LLM07", "LLM08", "LLM09", "LLM10"} <= used


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_is_complete(suite):
    attacks = chosen([suite])
    ids = [each.id for each in attacks]
    assert len(set(ids)) == len(ids)
    for each in attacks:
        assert each.category in CATEGORIES
        assert each.owasp, each.id
        assert each.nist, each.id
        if not each.control:
            assert each.goal.endswith("."), each.id
            assert each.success, each.id
            case = armed(each)
            assert "{" + "payload}" not in case.question
            assert marks(each, 0) != marks(each, 1)


def suite(**changes):
    attack = {"id": "a", "technique": "t", "goal": "It works.", "payload": "Do it.", "success": ["joined"]}
    return {"category": "jailbreak", "owasp": ["LLM01"], "attacks": [{**attack, **changes}]}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (suite(id="No Id"), "is no id"),
        (suite(success=["jioned"]), "Did you mean 'joined'"),
        (suite(success=[{"exceeds": {"money": 1}}]), "exceeds names no limits"),
        (suite(success=[{"claims": []}]), "claims names no phrases"),
        (suite(payload="Say {lfet}"), "nothing fills in {lfet}"),
        (suite(success=["secret"]), "no secret is planted"),
        (suite(ask="When?"), "the payload reaches nobody"),
        (suite(plants=[{"document": "a.md"}]), "not clear what is planted"),
        (suite(plants=[{"document": "a.md", "text": "{payload}", "readers": "all"}]), "'all' is not known here"),
        (suite(owasp=["LLM11"]), "'LLM11' is not on the list"),
        (suite(owasp=[]), "mapped to no item"),
        (suite(success=[]), "nothing tells whether it worked"),
        (suite(success=[{"exceeds": {"calls": "many"}}]), "no number above zero"),
        (suite(success=[{"exceeds": {"seconds": -1}}]), "no number above zero"),
        (suite(repeat=0), "no number of times"),
        (suite(tehcnique="x"), "'tehcnique' is not known here"),
        ({**suite(), "category": "other"}, "'other' is no category"),
        ({"category": "jailbreak", "owasp": []}, "there is no attack"),
        ({**suite(), "attacks": [*suite()["attacks"], *suite()["attacks"]]}, "stands in"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, written, said):
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(written))
    with pytest.raises(SettingsError, match=rf"own\.yaml:\d+: .*|{said}") as caught:
        read_attacks(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_suites_are_found_by_name_and_by_path(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(suite()))
    assert [each.id for each in chosen(["own"], [tmp_path])] == ["own/a"]
    assert [each.id for each in chosen([str(file)])] == ["own/a"]
    assert "own/a" in {each.id for each in chosen([], [tmp_path])}
    with pytest.raises(InvalidInput, match="jailbraek"):
        chosen(["jailbraek"])
    with pytest.raises(NotFound):
        chosen([str(tmp_path / "none.yaml")])
