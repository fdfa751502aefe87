"""Models that do not behave, over the wire of a provider: what they ask for that cannot be is refused, bounded and told, and no more is done."""

import json

import aiohttp
import pytest

from aver.testing.replies import Reply, ToolCall
from tests.clerk import clerk, noted
from tests.integration.test_agents_cli import BUNDLE

MILK = json.dumps({"item": "milk"})


def calls(*named):
    return Reply(tools=tuple(ToolCall(f"c{n}", name, arguments) for n, (name, arguments) in enumerate(named)))


WANTED = {
    "unknown tool": calls(("delete_everything", "{}")),
    "invented argument": calls(("add_item", json.dumps({"item": "milk", "as_admin": True}))),
    "missing argument": calls(("add_item", "{}")),
    "no JSON": calls(("add_item", '{"item": "mil')),
    "endless": calls(("add_item", MILK)),
    "ten thousand": calls(*(("add_item", json.dumps({"item": f"milk {n}"})) for n in range(10_000))),
    "unseen characters": calls(("add_item", json.dumps({"item": "milk\u202e\u200b"}))),
}


def think(received):
    """Wants what the task names, again and again where it is told to, else until it is told that it was refused."""
    task = next(each["content"] for each in received.body["messages"] if each["role"] == "user")
    refused = any(each["role"] == "tool" for each in received.body["messages"]) and "endless" not in task
    if refused or not received.body.get("tools") or received.body.get("tool_choice") == "none":
        return Reply("That is all.")
    return next(reply for name, reply in WANTED.items() if name in task)


def bundle(url):
    return BUNDLE.format(url=url).replace("limits: {steps: 4}", "limits: {steps: 9}")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with clerk(tmp_path_factory.mktemp("hostile"), think, bundle) as served:
        yield served


notes = pytest.fixture(noted)


async def turn(server, how):
    headers = {"Authorization": f"Bearer {server.application.create_key('acme', 'ann', ('staff',))[1]}"}
    body = {"agent": "clerk", "task": f"Add milk to the list ({how})"}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as session,
        session.post("/v1/agents/turns", json=body) as response,
    ):
        assert response.status == 200
        return await response.json()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("unknown tool", "no tool"),
        ("invented argument", "as_admin"),
        ("missing argument", "item"),
        ("no JSON", "JSON"),
    ],
)
async def test_a_call_that_cannot_be_made_is_refused_and_the_reason_told(server, notes, how, said):
    told = await turn(server, how)
    assert [each["status"] for each in told["actions"]] == ["refused"]
    assert said in told["actions"][0]["reason"]
    assert (told["status"], told["text"], told["performed"], notes()) == ("answered", "That is all.", [], [])


async def test_what_is_wanted_again_and_again_is_done_once(server, notes):
    told = await turn(server, "endless")
    assert (told["status"], notes()) == ("answered", ["milk"])
    became = [each["status"] for each in told["actions"]]
    assert became[0] == "done"
    assert set(became[1:]) == {"refused"}
    assert len(became) < 9


async def test_of_ten_thousand_calls_sixteen_are_looked_at_and_none_is_made_that_nobody_asked_for(server, notes):
    told = await turn(server, "ten thousand")
    assert len(told["actions"]) == 16
    assert {each["status"] for each in told["actions"]} <= {"denied", "waiting", "withdrawn"}
    assert notes() == []


async def test_what_cannot_be_seen_is_not_what_the_user_said(server, notes):
    told = await turn(server, "unseen characters")
    assert [each["status"] for each in told["actions"]][:1] != ["done"]
    assert notes() == []
