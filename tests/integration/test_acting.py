"""The acting loop over real HTTP, in the protocols of several families; and real processes killed at work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aver.agents.acting import Acting, Agent
from aver.gateway import Gateway
from aver.gateway.credentials import signer
from aver.gateway.types import ToolCall
from aver.testing.acting import ActingCrashes
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.gateways import config
from tests.unit.agents.acting.scene import READ, SEND, Scene, Script, Scripted, schema

REPLIES = (
    Reply(
        "Let me look.", tools=(ToolCall("c1", "lookup", '{"name": "bob"}'), ToolCall("c2", "lookup", '{"name": "eve"}'))
    ),
    Reply(tools=(ToolCall("c3", "send", '{"to": "bob@acme", "text": "hi"}'),)),
    Reply("Bob has been told."),
)

AWS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.mark.parametrize("family", ["openai", "anthropic", "gemini", "bedrock", "cohere"])
async def test_any_family_that_calls_tools(family, tmp_path: Path) -> None:
    replies = list(REPLIES)
    tools = [
        Scripted("lookup", READ, schema(name="string"), lambda arguments: {"mail": f"{arguments['name']}@acme"}),
        Scripted("send", SEND, schema(to="string", text="string")),
    ]
    with FakeProvider(replies) as server:
        url = server.base_url if family == "openai" else server.root_url
        configuration = config(url, kinds=[family], provider={"options": {"region": "eu-west-1"}})
        gateway = Gateway(lambda: configuration, signers=lambda provider: signer(provider, AWS))
        at = Scene(tmp_path, Script("unused"), tools, agent=Agent("r"))
        at.acting = Acting(_with(at.parts, gateway))
        outcome = await at.ask("Tell Bob")
        await gateway.close()
    assert (outcome.status, outcome.text) == ("answered", "Bob has been told."), outcome
    assert tools[1].done[0][1] == {"to": "bob@acme", "text": "hi"}
    last = json.dumps(server.requests[-1].body)
    assert "bob@acme" in last
    assert "eve@acme" in last
    at.close()


def _with(parts, gateway):
    from dataclasses import replace

    return replace(parts, model=gateway)


def test_processes_that_are_killed_at_work_leave_no_effect_twice(tmp_path: Path) -> None:
    crashes = ActingCrashes(tmp_path, seed=3)
    assert list(crashes.run(5)) == [1, 2, 3, 4, 5]
    crashes.finish()
    crashes.close()
    assert crashes.found.problems == []
    assert sum(crashes.found.killed.values()) == 5
