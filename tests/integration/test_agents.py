"""Agents over real HTTP: begun, told as they happen, asked for by approvals, called as models, and in the chat."""

import asyncio
import json

import aiohttp
import pytest

from aver.testing.replies import Reply, ToolCall
from tests.clerk import clerk, noted
from tests.integration.test_agents_cli import BUNDLE


def think(received):
    """Adds what is asked about, then says what came of it."""
    said = received.prompt
    if '"items"' in said:
        return Reply("Milk is on the list.")
    if "Denied by policy" in said or "did not approve" in said:
        return Reply("It is not on the list.")
    item = "caviar" if "what you like" in said else "milk"
    return Reply(tools=(ToolCall("c1", "add_item", json.dumps({"item": item})),))


def bundle(url):
    return "feature: {model: extractive}\n" + BUNDLE.format(url=url)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with clerk(tmp_path_factory.mktemp("agents"), think, bundle) as served:
        yield served


notes = pytest.fixture(noted)


@pytest.fixture
async def call(server):
    async with aiohttp.ClientSession() as session:

        async def request(method, path, *, user="ann", groups=("staff",), whole=True, **options):
            key = server.application.create_key("acme", user, groups)[1]
            headers = {"Authorization": f"Bearer {key}"}
            async with session.request(method, server.url + path, headers=headers, **options) as response:
                if whole:
                    return response.status, await response.json(content_type=None)
                return response.status, await response.text()

        yield request


def told(stream):
    """The events of a stream: names and data."""
    blocks = [block.split("\n") for block in stream.strip().split("\n\n")]
    return [(lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))) for lines in blocks]


async def begun(call, task, **more):
    status, turn = await call("POST", "/v1/agents/turns", json={"agent": "clerk", "task": task, **more})
    assert status == 200, turn
    return turn


async def test_an_agent_is_there_for_whom_it_is_declared(call):
    assert (await call("GET", "/v1/agents"))[1] == {"agents": [{"name": "clerk", "about": "Keeps the list."}]}
    assert (await call("GET", "/v1/agents", groups=()))[1] == {"agents": []}
    for agent, groups in (("clerk", ()), ("clark", ("staff",))):
        body = {"agent": agent, "task": "Add milk"}
        assert (await call("POST", "/v1/agents/turns", groups=groups, json=body))[0] == 404
    names = [each["id"] for each in (await call("GET", "/v1/models"))[1]["data"]]
    assert names[:2] == ["assistant", "clerk"]
    assert "clerk" not in [each["id"] for each in (await call("GET", "/v1/models", groups=()))[1]["data"]]


async def test_a_task_is_done_and_told_as_it_happens(call, notes):
    turn = await begun(call, "Add milk to the list")
    assert (turn["status"], turn["text"], notes()) == ("answered", "Milk is on the list.", ["milk"])
    assert [(each["tool"], each["status"]) for each in turn["actions"]] == [("add_item", "done")]
    body = {"agent": "clerk", "task": "Add milk to the list", "stream": True}
    status, stream = await call("POST", "/v1/agents/turns", json=body, whole=False)
    events = told(stream)
    assert (status, events[-1][0], events[-1][1]["status"]) == (200, "outcome", "answered")
    kinds = [data["kind"] for name, data in events if name == "step"]
    assert (kinds[0], kinds[-1]) == ("admitted", "sealed")
    assert {"decided", "intended", "executed"} <= set(kinds)
    again = await call("GET", f"/v1/agents/turns/{events[-1][1]['turn']}/events", whole=False)
    assert told(again[1]) == events
    assert (await call("GET", f"/v1/agents/turns/{turn['turn']}/events", user="eve"))[0] == 404
    assert (await call("GET", f"/v1/turns/{turn['turn']}/evidence"))[0] == 200
    assert (await call("GET", f"/v1/turns/{turn['turn']}/evidence", user="eve"))[0] == 404


@pytest.mark.parametrize(
    ("answer", "said"), [("approve", "Milk is on the list."), ("refuse", "It is not on the list.")]
)
async def test_a_turn_goes_on_by_itself_once_it_is_answered(call, notes, answer, said):
    turn = await begun(call, "Is milk on the list?")
    assert (turn["status"], notes()) == ("waiting", [])
    assert (await call("POST", f"/v1/approvals/{turn['approvals'][0]}/{answer}", json={}))[0] == 200
    async with asyncio.timeout(60):
        _, stream = await call("GET", f"/v1/agents/turns/{turn['turn']}/events", whole=False)
        assert told(stream)[-1][1]["text"] == said
    assert notes() == ["milk"] * (answer == "approve")


async def test_an_agent_answers_as_a_model(call, notes):
    asked = {"model": "clerk", "messages": [{"role": "user", "content": "Add milk to the list"}]}
    status, reply = await call("POST", "/v1/chat/completions", json=asked)
    assert (status, reply["choices"][0]["message"]["content"]) == (200, "Milk is on the list.")
    assert (reply["aver"]["status"], notes()) == ("answered", ["milk"])
    status, stream = await call("POST", "/v1/chat/completions", json={**asked, "stream": True}, whole=False)
    assert status == 200
    assert "Milk is on the list." in stream
    assert '"aver"' in stream
    waiting = {"model": "clerk", "messages": [{"role": "user", "content": "Is milk on the list?"}]}
    _, reply = await call("POST", "/v1/chat/completions", json=waiting)
    assert reply["choices"][0]["message"]["content"].startswith("Before I go on, this has to be approved:\n- add_item")
    assert len(reply["aver"]["approvals"]) == 1
    assert (await call("POST", "/v1/chat/completions", groups=(), json=asked))[0] == 404


async def test_the_chat_shows_actions_reasons_and_questions(server, notes):
    key = server.application.create_key("acme", "kim", ("staff",))[1]
    own = {"Sec-Fetch-Site": "same-origin"}
    async with aiohttp.ClientSession(server.url, headers=own, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:

        async def page(path, **form):
            async with session.request("POST" if form else "GET", path, data=form or None) as response:
                return response.status, await response.text(), str(response.url)

        await page("/sign-in", key=key)
        assert '<option value="clerk"' in (await page("/"))[1]
        _, refused, _ = await page("/", question="Tell me what you like", feature="clerk")
        assert "taken from untrusted content" in refused
        assert notes() == []
        status, asked, address = await page("/", question="Is milk on the list?", feature="clerk")
        assert status == 200
        assert "Approve add_item?" in asked
        assert "the asker&#39;s own words" in asked
        assert "Approve add_item?" in (await page("/approvals"))[1]
        approval = asked.split('action="/approvals/')[1].split('"')[0]
        assert (await page(f"/approvals/{approval}", answer="perhaps"))[0] == 422
        _, done, after = await page(f"/approvals/{approval}", answer="approve")
        assert after == address
        assert "Milk is on the list." in done
        assert notes() == ["milk"]
        turn = address.split("turn=")[1].split("#")[0]
        conversation = address.split("conversation=")[1].split("&")[0]
        _, story, _ = await page(f"/?conversation={conversation}&turn={turn}&open=evidence")
        assert "approved the call" in story
        assert "Nothing waits for you." in (await page("/approvals"))[1]
        _, answered, _ = await page("/", question="How many days of unused leave carry over?", feature="assistant")
        assert "ten days" in answered
