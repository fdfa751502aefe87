"""``aver agents``: an agent of a bundle, its tool and its model, from the command line."""

import json

import pytest

from aver.server.cli import main
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, ToolCall
from tests.servers import open_application

BUNDLE = """\
providers: {{p: {{kind: openai, base_url: "{url}"}}}}
models: {{thinker: {{provider: p, capabilities: [tools], price: {{input: 0, output: 0}}}}}}
tools:
  python:
    desk: {{file: tools/desk.py, sandbox: none}}
agents:
  clerk:
    about: Keeps the list.
    model: thinker
    instructions: |
      You keep a list.
      Be brief.
    tenants: [acme]
    groups: [staff]
    limits: {{steps: 4}}
"""
TOOL = '''
from pathlib import Path
from aver.agents.tools import tool

NOTES = Path(__file__).parent / "notes.txt"


@tool(effects=["write"], targets=["item"], output="trusted")
def add_item(item: str) -> dict[str, int]:
    """Add an item to the list.

    Args:
        item: What to add.
    """
    with NOTES.open("a") as file:
        file.write(item + "\\n")
    return {"items": len(NOTES.read_text().splitlines())}
'''


def say(text):
    return Reply(text)


def call(**arguments):
    return Reply(tools=(ToolCall("c1", "add_item", json.dumps(arguments)),))


class Place:
    """An installation with a bundle, and its command line."""

    def __init__(self, folder, monkeypatch, capsys):
        self.folder = folder
        self.bundle = folder / "bundle"
        (self.bundle / "tools").mkdir(parents=True)
        (self.bundle / "tools" / "desk.py").write_text(TOOL)
        self._capsys = capsys
        monkeypatch.setenv("AVER_BUNDLE", str(self.bundle))
        self.aver("tenant", "create", "acme")
        self.aver("tenant", "create", "other")

    def declare(self, url, text=BUNDLE):
        (self.bundle / "aver.yaml").write_text(text.format(url=url))

    @property
    def notes(self):
        file = self.bundle / "tools" / "notes.txt"
        return file.read_text().split("\n")[:-1] if file.exists() else []

    def aver(self, *words, code=0, text=False):
        self._capsys.readouterr()
        given = ["--data", str(self.folder / "data"), *words, *([] if text else ["--json"])]
        ended = main(given, open_application=open_application)
        said = self._capsys.readouterr()
        assert ended == code, said
        return said.out + said.err if text else json.loads(said.out)


@pytest.fixture
def place(tmp_path, monkeypatch, capsys):
    found = Place(tmp_path, monkeypatch, capsys)
    found.declare("http://127.0.0.1:9/v1")
    return found


ANN = ("--tenant", "acme", "--user", "ann", "--group", "staff")
EVE = ("--tenant", "acme", "--user", "eve")


def test_a_task_is_done_by_a_tool_of_the_bundle(place):
    with FakeProvider([call(item="milk"), say("Milk is on the list.")]) as model:
        place.declare(model.base_url)
        done = place.aver("agents", "run", "clerk", "Add milk to the list", *ANN)
    assert place.notes == ["milk"]
    assert (done["status"], done["text"]) == ("answered", "Milk is on the list.")
    assert [(each["tool"], each["status"], each["arguments"]) for each in done["actions"]] == [
        ("add_item", "done", {"item": "milk"})
    ]
    assert [each["tool"] for each in done["performed"]] == ["add_item"]
    system = model.requests[0].body["messages"][0]["content"]
    assert system.startswith("You keep a list.\nBe brief.")
    (listed,) = place.aver("agents", "turns", *ANN)["turns"]
    assert (listed["turn"], listed["task"]) == (done["turn"], "Add milk to the list")


def test_what_only_the_model_wants_is_refused_with_the_reason(place):
    with FakeProvider([call(item="caviar"), say("I may not.")]) as model:
        place.declare(model.base_url)
        shown = place.aver("agents", "run", "clerk", "What would you put on the list?", *ANN, text=True)
    assert place.notes == []
    assert "add_item" in shown
    assert ": denied: What it is aimed at was taken from untrusted content, or from nowhere." in shown
    turn = place.aver("agents", "turns", *ANN)["turns"][0]["turn"]
    explained = place.aver("policy", "explain", turn, "1.1", "--tenant", "acme")
    assert explained["decided"]["outcome"] == "deny"
    assert explained["now"]["decision"]["policies"] == ["foreign-target"]
    assert "denies a call of add_item" in place.aver("evidence", "show", turn, text=True)
    assert "'9.9'" in place.aver("policy", "explain", turn, "9.9", "--tenant", "acme", code=3)["detail"]


def test_what_nobody_asked_for_waits_and_goes_on_once_approved(place):
    with FakeProvider([call(item="milk"), say("Milk is on the list.")]) as model:
        place.declare(model.base_url)
        turn = place.aver("agents", "run", "clerk", "Is milk on the list?", *ANN)
        assert (turn["status"], place.notes) == ("waiting", [])
        (asked,) = place.aver("approvals", "list", *ANN)["approvals"]
        shown = place.aver("approvals", "show", asked["id"], *ANN, text=True)
        assert 'item = "milk"' in shown
        assert "the asker's own words" in shown
        assert place.aver("agents", "resume", turn["turn"], *ANN)["status"] == "waiting"
        place.aver("approvals", "approve", asked["id"], *ANN)
        place.aver("agents", "resume", turn["turn"], *EVE, code=3)
        done = place.aver("agents", "resume", turn["turn"], *ANN)
    assert (done["status"], done["text"], place.notes) == ("answered", "Milk is on the list.", ["milk"])


def test_an_agent_that_is_gone_only_ends_what_it_began(place):
    with FakeProvider([call(item="milk"), say("Done.")]) as model:
        place.declare(model.base_url)
        turn = place.aver("agents", "run", "clerk", "Is milk on the list?", *ANN)
        place.aver("approvals", "approve", turn["approvals"][0], *ANN)
        place.declare(model.base_url, BUNDLE.replace("clerk:", "other:"))
        ended = place.aver("agents", "resume", turn["turn"], *ANN)
    assert (ended["status"], place.notes) == ("failed", [])
    assert "not there any more" in ended["text"]


def test_an_agent_is_for_those_it_is_declared_for(place):
    assert place.aver("agents", "list", *ANN) == {
        "agents": [{"name": "clerk", "model": "thinker", "about": "Keeps the list."}]
    }
    assert place.aver("agents", "list", *EVE) == {"agents": []}
    assert place.aver("agents", "list", "--tenant", "other", "--user", "ann", "--group", "staff") == {"agents": []}
    for who in (EVE, ("--tenant", "other", "--user", "ann", "--group", "staff")):
        refused = place.aver("agents", "run", "clerk", "Add milk", *who, code=3)
        assert "no agent 'clerk'" in refused["detail"]


def test_the_bundle_is_checked_as_a_whole(place):
    found = place.aver("check", str(place.bundle))["findings"]
    assert {each["level"] for each in found} <= {"warning"}
    assert place.aver("check", str(place.bundle), text=True).endswith("aver.yaml is valid\n")
    place.declare("http://127.0.0.1:9/v1", BUNDLE.replace("limits: {{steps: 4}}", "tools: [add_itm]"))
    wrong = place.aver("check", str(place.bundle), code=4)
    assert [each["said"] for each in wrong["findings"] if each["level"] == "error"] == [
        "There is no tool 'add_itm'. Did you mean 'add_item'?"
    ]
    place.declare("http://127.0.0.1:9/v1", BUNDLE.replace("model: thinker", "model: thinkr"))
    assert (
        "aver.yaml:9: there is no model or route 'thinkr'" in place.aver("check", str(place.bundle), code=2)["detail"]
    )


RULES = """@id("nothing-is-listed")
@reason("The list is closed.")
forbid (principal, action == Action::"call", resource == Tool::"add_item");
"""
CASES = """- name: What the user says is listed
  said: Add milk to the list
  call: {tool: add_item, arguments: {item: milk}}
  expect: allow
"""


def test_rules_of_the_bundle_are_in_force_tested_and_compared(place):
    with FakeProvider([call(item="milk"), say("Milk is on the list.")]) as model:
        place.declare(model.base_url)
        place.aver("agents", "run", "clerk", "Add milk to the list", *ANN)
    policies = place.bundle / "policies"
    policies.mkdir()
    (policies / "cases.yaml").write_text(CASES)
    assert [each["passed"] for each in place.aver("policy", "test")["cases"]] == [True]
    before = place.folder / "before.cedar"
    before.write_text("")
    (policies / "list.cedar").write_text(RULES)
    assert "came out otherwise" in place.aver("policy", "test", code=4)["detail"]
    assert place.aver("policy", "check")["findings"] == []
    export = place.folder / "acme.jsonl"
    place.aver("evidence", "export", "--tenant", "acme", "--out", str(export), "--with-content")
    for where in (("--tenant", "acme"), ("--on", str(export))):
        (changed,) = place.aver("policy", "diff", str(before), str(policies), *where)["changed"]
        assert (changed["tool"], changed["before"]["outcome"], changed["after"]["outcome"]) == (
            "add_item",
            "allow",
            "deny",
        )
    place.aver("policy", "diff", str(before), str(policies), code=2)
    (policies / "list.cedar").write_text("permit (")
    assert "list.cedar:1" in place.aver("check", str(place.bundle), code=2)["detail"]
    place.aver("agents", "list", *ANN, code=2)


def test_tools_are_listed_with_what_is_declared_and_what_is_missing_is_proposed(place):
    (place.bundle / "tools" / "desk.py").write_text(
        TOOL + '\n\n@tool\ndef delete_item(item: str) -> str:\n    """Delete an item."""\n    return item\n'
    )
    listed = place.aver("tools", "list")
    assert [(each["name"], each["annotations"]["effects"]) for each in listed["tools"]] == [("add_item", ["write"])]
    assert [each["name"] for each in listed["unusable"]] == ["delete_item"]
    assert "delete_item: {effects: [delete]" in place.aver("tools", "lint", text=True)
    assert "Did you mean 'desk'" in place.aver("tools", "lint", "dsk", code=3)["next_step"]
    place.aver("tools", "approve", "desk", "--yes", code=3)
