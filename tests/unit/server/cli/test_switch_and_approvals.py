"""``aver switch`` and ``aver approvals``: what is stopped and let go on, what waits and is answered, and how both are on record."""

from __future__ import annotations

import asyncio
import json

import pytest

from aver.core import SystemClock
from aver.gateway.adapters.extractive import Extractive
from aver.server.cli import main
from tests.unit.agents.acting.scene import SEND, Scene, Script, Scripted, ask_to_send, schema
from tests.unit.agents.acting.test_approvals import MAIL


@pytest.fixture
def aver(tmp_path, capsys):
    """Run a command; its document with ``--json``, else what it printed."""

    def run(*words, code=0, text=False):
        assert main(["--data", str(tmp_path / "data"), *words, *([] if text else ["--json"])]) == code
        said = capsys.readouterr()
        return said.out + said.err if text else json.loads(said.out)

    return run


def test_what_is_stopped_is_listed_let_go_on_and_on_record(aver):
    aver("tenant", "create", "acme")
    aver("tenant", "create", "other")
    thrown = aver("switch", "off", "tool", "send_mail", "--tenant", "acme", "--reason", "mails go astray")
    assert aver("switch", "off", "installation", "--reason", "maintenance", text=True) == "stopped: installation\n"
    assert [each["kind"] for each in aver("switch", "list")["switches"]] == ["tool", "installation"]
    listed = aver("switch", "list", text=True)
    assert "mails go astray" in listed
    assert "acme" in listed
    assert aver("switch", "on", "tool", "send_mail", "--tenant", "acme") == {"id": thrown["id"], "lifted": True}
    aver("switch", "on", "tool", "send_mail", "--tenant", "acme", code=3)
    aver("switch", "on", "tool", "send_mail", code=3)
    assert aver("switch", "on", "installation", text=True) == "goes on: installation\n"
    assert aver("switch", "list") == {"switches": []}
    assert aver("evidence", "verify")["ok"]


def test_a_name_that_is_misspelt_is_said(aver):
    why = ("--reason", "maintenance")
    for feature in ("assistant", "search", "sources"):
        assert aver("switch", "off", "feature", feature, *why, text=True) == f"stopped: feature {feature}\n"
    assert aver("switch", "off", "model", "extractive", *why)["name"] == Extractive.name
    assert aver("switch", "on", "model", "extractive")["lifted"]
    assert "No feature has this name here." in aver("switch", "off", "feature", "serach", *why, text=True)
    assert "No model has this name here." in aver("switch", "off", "model", "gpt", *why, text=True)


@pytest.mark.parametrize(
    "words", [("tool", "--reason", "x"), ("door", "x", "--reason", "x"), ("tenant", "--reason", "x"), ("model", "x")]
)
def test_what_cannot_be_stopped_is_said(aver, words):
    aver("switch", "off", *words, code=2)


@pytest.fixture
def waiting(tmp_path):
    """A turn of ann's that waits for her."""
    at = Scene(
        tmp_path,
        Script([("send", MAIL)], "Sent."),
        [Scripted("send", SEND, schema(to="string", text="string"))],
        ask_to_send,
        clock=SystemClock(),
    )
    found = asyncio.run(at.ask("Write to bob@acme"))
    at.close()
    return found


ANN = ("--tenant", "acme", "--user", "ann")


def test_what_waits_is_shown_as_it_is_and_answered(aver, waiting):
    (listed,) = aver("approvals", "list", *ANN)["approvals"]
    assert (listed["id"], listed["arguments"], listed["expires"][:4]) == (waiting.approvals[0], MAIL, "2026")
    assert listed["id"] in aver("approvals", "list", *ANN, text=True)
    shown = aver("approvals", "show", listed["id"], *ANN, text=True)
    for told in (
        "send (send)",
        "Write to bob@acme",
        "It leaves the house.",
        'to = "bob@acme"',
        "the asker's own words",
        "nowhere",
    ):
        assert told in shown
    assert aver("approvals", "list", "--tenant", "acme", "--user", "eve") == {"approvals": []}
    aver("approvals", "show", listed["id"], "--tenant", "acme", "--user", "eve", code=3)
    aver("approvals", "approve", listed["id"], "--tenant", "acme", "--user", "eve", code=3)
    answered = aver("approvals", "approve", listed["id"], *ANN, "--reason", "fine")
    assert answered == {"id": listed["id"], "turn": waiting.turn, "answer": "approved"}
    aver("approvals", "refuse", listed["id"], *ANN, code=1)
    assert aver("approvals", "show", listed["id"], *ANN)["status"] == "approved"


def test_a_refusal_says_that_the_turn_can_go_on(aver, waiting):
    told = aver("approvals", "refuse", waiting.approvals[0], *ANN, "--never", text=True)
    assert told == f"refused: {waiting.approvals[0]}; turn {waiting.turn} can go on\n"


def test_turns_are_their_askers_to_see_and_to_end(aver, waiting):
    (listed,) = aver("agents", "turns", *ANN)["turns"]
    assert (listed["turn"], listed["status"], listed["task"]) == (waiting.turn, "waiting", "Write to bob@acme")
    assert waiting.turn in aver("agents", "turns", *ANN, text=True)
    assert aver("agents", "show", waiting.turn, *ANN)["approvals"] == list(waiting.approvals)
    assert f"waits for {waiting.approvals[0]}" in aver("agents", "show", waiting.turn, *ANN, text=True)
    eve = ("--tenant", "acme", "--user", "eve")
    assert aver("agents", "turns", *eve) == {"turns": []}
    for verb in ("show", "cancel"):
        aver("agents", verb, waiting.turn, *eve, code=3)
    assert aver("agents", "cancel", waiting.turn, *ANN, text=True) == f"cancelled: {waiting.turn}\n"
    assert aver("agents", "show", waiting.turn, *ANN)["status"] == "waiting"  # until somebody runs it
