"""``aver agents``: an agent of a bundle, its tool and its model, from the command line."""

import json

import pytest

from aver.server.cli import main
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, ToolCall
from tests.servers import open_application

pytestmark = pytest.mark.enable_socket

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
    NOTES.open("a").write(item + "\\n")
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


def test_what_the_user_did_not_choose_is_asked_about_and_goes_on_once_approved(place):
    with FakeProvider([call(item="caviar"), say("Caviar is on the list.")]) as model:
        place.declare(model.base_url)
        asked = place.aver("agents", "run", "clerk", "What would you put on the list?", *ANN, text=True)
        assert "denied: " in asked or "waits for approval" in asked
    assert place.notes == []


def test_an_agent_is_for_those_it_is_declared_for(place):
    assert place.aver("agents", "list", *ANN) == {
        "agents": [{"name": "clerk", "model": "thinker", "about": "Keeps the list."}]
    }
    assert place.aver("agents", "list", *EVE) == {"agents": []}
    assert place.aver("agents", "list", "--tenant", "other", "--user", "ann", "--group", "staff") == {"agents": []}
    for who in (EVE, ("--tenant", "other", "--user", "ann", "--group", "staff")):
        refused = place.aver("agents", "run", "clerk", "Add milk", *who, code=3)
        assert "no agent 'clerk'" in refused["detail"]
