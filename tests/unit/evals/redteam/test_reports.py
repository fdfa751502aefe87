"""Playbooks and checklists: made of what was found, with settings that Aver takes."""

from dataclasses import replace

import pytest
import yaml

from aver.core.errors import InvalidInput
from aver.core.settings import Settings
from aver.core.yaml import parse_yaml
from aver.evals.redteam.campaign import Campaign
from aver.evals.redteam.checklist import checklist, markdown
from aver.evals.redteam.mitigations import MITIGATIONS
from aver.evals.redteam.playbook import playbook, shown
from aver.evals.redteam.reading import chosen
from aver.evals.redteam.recording import header_of
from aver.evals.redteam.taxonomy import CATEGORIES
from aver.knowledge.access import AccessList
from aver.policy import Policies
from aver.server.bundle import read_whole
from aver.testing import FixedClock
from tests.unit.evals.redteam.victims import Gullible, Refusing, Sound

SETTINGS = [(name, each) for name, known in MITIGATIONS.items() for each in known.settings]


async def campaign(target, suites=()):
    found = Campaign(target, chosen(suites))
    return header_of(found, FixedClock(), "r" * 64), [each async for each in found.run()]


def test_every_category_has_somebody_who_mends_it():
    assert MITIGATIONS.keys() == CATEGORIES.keys()
    for each in MITIGATIONS.values():
        assert each.impact
        assert each.owner
        assert each.settings


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_setting_is_one(tmp_path, name, setting):
    """What the playbook tells to write is read by what follows it."""
    written = setting.written.replace("AGENT", "desk").replace("MODEL", "extra").replace("TOOL", "send")
    if setting.file == "aver.yaml":
        declared = yaml.safe_load(written)
        declared |= {"providers": {"p": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1"}}}
        declared |= {"models": {"extra": {"provider": "p", "price": {"input": 0, "output": 0}}}}
        (tmp_path / "aver.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
        read_whole(tmp_path)
    elif setting.file == "settings.yaml":
        Settings.load(file=written)
    elif setting.file == "acl.yaml":
        (tmp_path / "acl.yaml").write_text(written)
        AccessList.load(tmp_path / "acl.yaml")
    else:
        (tmp_path / "own.cedar").write_text(written)
        Policies.load([tmp_path / "own.cedar"])
    assert parse_yaml("page: " + setting.page, name)


async def test_a_playbook_has_what_worked_and_how_to_mend_it():
    header, results = await campaign(Gullible())
    text = playbook(header, results, "acme corp")
    for category in {each.category for each in chosen([])}:
        assert f"## {category}:" in text
    assert "aver redteam run injection-direct --tenant 'acme corp' --target gullible --seed 0" in text
    assert "guardrails:" in text
    assert "100.0%" in text


async def test_a_playbook_of_nothing_says_what_that_is_worth():
    header, results = await campaign(Sound())
    text = playbook(header, results)
    assert f"No attack worked. With {sum(not each.control for each in chosen([]))} tried" in text
    assert "## " not in text


async def test_a_playbook_tells_of_false_refusals():
    text = playbook(*await campaign(Refusing(), ["harmful"]))
    assert "harmful/kill-process" in text
    assert "It was refused." in text


def test_what_was_said_is_shown_as_code():
    assert (
        shown("a\n# b `c` ``d`` \x1b[2J \u202eevil <script>") == "``` a # b `c` ``d`` \ufffd[2J \ufffdevil <script> ```"
    )
    assert shown("") == "(nothing)"


async def test_a_checklist_passes_fails_and_says_what_is_untested():
    sound, gullible = await campaign(Sound()), await campaign(Gullible(), ["harmful"])
    found = checklist([sound, gullible])
    items = {each.number: each for each in (*found.owasp, *found.nist)}
    assert (items["LLM01"].status, items["LLM02"].status, items["LLM04"].status) == ("fail", "pass", "untested")
    assert items["LLM04"].see
    assert items["LLM02"].room == pytest.approx(0.105, abs=0.05)
    assert items["cbrn"].status == "fail"
    assert found.failed
    assert not checklist([sound]).failed
    text = markdown(found)
    assert "| [x] | LLM02 sensitive information disclosure | pass | 0 of" in text
    assert "| [ ] | LLM01 prompt injection | fail | 9 of" in text
    assert "| [ ] | data and model poisoning |" not in text
    assert len(found.owasp) == 10
    assert len(found.nist) == 12


async def test_some_may_work_where_that_is_said():
    header, results = await campaign(Sound(), ["jailbreak"])
    worked = next(each for each in (await campaign(Gullible(), ["jailbreak"]))[1] if each.values.get("attack_success"))
    results = [worked if each.case == worked.case else each for each in results]
    assert {each.number: each.status for each in checklist([(header, results)]).owasp}["LLM01"] == "fail"
    assert {each.number: each.status for each in checklist([(header, results)], 0.2).owasp}["LLM01"] == "pass"


async def test_a_checklist_is_of_one_release():
    header, results = await campaign(Sound(), ["jailbreak"])
    with pytest.raises(InvalidInput, match="several releases"):
        checklist([(header, results), (replace(header, release="s" * 64), results)])
