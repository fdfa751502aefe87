"""Labels of data in agents' runs, against real servers: what a tool returned goes to no provider that may not be given it, streamed or not,
through memory of the conversation, and after the process that ran the turn was killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from aver.agents.tools import open_tools, read_tools
from aver.core.labels import Label
from aver.core.settings import Settings
from aver.gateway import Gateway
from aver.gateway.credentials import Secrets, signer
from aver.server.checking import examine
from aver.server.cli.main import main
from aver.server.mcp import McpApp
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, ToolCall
from tests.gateways import Caller
from tests.gateways import config as declared
from tests.servers import fill, open_application, serving, serving_mcp

SECRET = "nine thousand a week"
BUNDLE = """
unknown_price: highest
feature: {model: extractive}
providers:
  far: {kind: openai, base_url: FAR, region: us}
  near: {kind: openai, base_url: NEAR, region: eu, clearance: restricted}
models:
  far: {provider: far, capabilities: [tools]}
  near: {provider: near, capabilities: [tools]}
routes:
  both: {models: [far, near]}
  abroad: {models: [far]}
tools:
  python:
    desk:
      file: tools/desk.py
      sandbox: none
      tools:
        read_contract: {effects: [read], output: trusted, label: {level: restricted, regions: [eu]}}
        send_mail: {effects: [send], targets: [to], content: [text], region: us}
  mcp:
    handbook:
      url: MCP
      credential: file:KEY
      tools: {search: {effects: [read]}}
agents:
  desk: {model: both, limits: {steps: 5}}
  away: {model: abroad, limits: {steps: 5}}
"""
TOOLS = '''
from aver.agents.tools import tool

@tool(effects=["read"])
def read_contract() -> dict[str, str]:
    """Tells what the contract says."""
    return {"penalty": "nine thousand a week"}

@tool(effects=["read"], output="trusted")
def read_menu() -> dict[str, str]:
    """Tells what there is to eat."""
    return {"soup": "of lentils"}

@tool(effects=["send"])
def send_mail(to: str, text: str) -> str:
    """Sends a mail."""
    return "sent"
'''
DYING = """
import asyncio, sys
from pathlib import Path

from aver.core.settings import Settings
from aver.server.acting import at_work, begin
from tests.servers import open_application

application = open_application(Settings(data=Path(sys.argv[1]), bundle=Path(sys.argv[2])))
services = application.tenant("northwind")
services.journal.seconds = 1.0

async def run():
    principal = services.principal("kim", ())
    turn = await begin(application, services, principal, "desk", "Read the contract, slowly")
    print(turn, flush=True)
    async with at_work(application, services, turn) as acting:
        await acting.run(turn)

asyncio.run(run())
"""
SLOW = []
"""Seconds that the model takes to begin, once, where it is told to be slow."""


def think(received):
    """Reads what the task names, mails it where that is wanted, and then says what it read."""
    said, task = received.prompt, str(received.body)
    if "Denied by policy" in said:
        return Reply("It was not mailed.")
    results = [each for each in received.body["messages"] if each["role"] == "tool"]
    last = next(each for each in reversed(received.body["messages"]) if each["role"] == "user")["content"]
    slowly = SLOW.pop() if "slowly" in last and results and SLOW else 0.0
    if not results and "Again" not in last:
        name, given = next(
            (tool, given)
            for word, tool, given in (
                ("contract", "read_contract", {}),
                ("menu", "read_menu", {}),
                ("handbook", "search", {"query": "unused leave"}),
            )
            if word in last
        )
        return Reply(tools=(ToolCall("c1", name, json.dumps(given)),))
    if "mail it" in last and len(results) == 1:
        mail = {"to": "bob@acme.test", "text": SECRET}
        return Reply(tools=(ToolCall("c2", "send_mail", json.dumps(mail)),))
    return Reply(f"It says {SECRET}." if SECRET in task else "It says soup.", first_pause=slowly)


class World:
    """A tenant whose agents may ask a model near and one far away."""

    def __init__(self, folder, far, near, mcp, knowledge):
        self.folder, self.far, self.near, self.knowledge = folder, far, near, knowledge
        bundle = folder / "bundle"
        (bundle / "tools").mkdir(parents=True)
        (bundle / "tools" / "desk.py").write_text(TOOLS)
        (folder / "key").write_text(knowledge.create_key("handbooks", "robot")[1])
        text = BUNDLE.replace("FAR", far.base_url).replace("NEAR", near.base_url)
        (bundle / "aver.yaml").write_text(text.replace("MCP", f"{mcp}/mcp").replace("KEY", str(folder / "key")))
        self.settings = Settings(data=folder / "data", bundle=bundle)
        asyncio.run(self._approve(bundle))
        self.application = open_application(self.settings)
        fill(self.application, folder)
        self.served = None

    async def _approve(self, bundle):
        toolbox = await open_tools(read_tools(bundle), bundle, Secrets(os.environ))
        await toolbox.approve("handbook")
        await toolbox.close()

    def told_far(self):
        """Everything that the model far away was told."""
        return json.dumps([each.body for each in self.far.requests])

    def called(self, turn, ledger=None):
        """The calls of a turn: facts, and what kept each model from being asked."""
        steps = (ledger or self.application.tenant("northwind").ledger).turn(turn)
        return [
            (step.facts, {each["model"]: each["skipped"] for each in step.body["candidates"] if each["skipped"]})
            for step in steps
            if step.kind == "called"
        ]

    async def request(self, method, path, body=None, headers=None, user="kim"):
        key = self.served.application.create_key("northwind", user)[1]
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", **(headers or {})}) as session,
            session.request(method, self.served.url + path, json=body) as response,
        ):
            text = await response.text()
            return response.status, text if "event-stream" in response.content_type else json.loads(text)

    async def act(self, agent, task, **more):
        status, outcome = await self.request("POST", "/v1/agents/turns", {"agent": agent, "task": task, **more})
        assert status == 200, outcome
        return outcome


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    knowledge = open_application(Settings(data=folder / "handbooks"))
    fill(knowledge, folder / "handbooks", "handbooks")
    app = McpApp(knowledge)

    with FakeProvider(think) as far, FakeProvider(think) as near, serving_mcp(app) as mcp:
        world = World(folder, far, near, mcp, knowledge)
        with serving(world.application) as world.served:
            yield world
        world.application.close()
    knowledge.close()


@pytest.fixture(autouse=True)
def afresh(world):
    world.far.requests.clear()
    world.near.requests.clear()


async def test_the_model_near_goes_on_once_a_tool_has_returned_what_must_stay_near(world):
    outcome = await world.act("desk", "Read the contract")
    assert (outcome["status"], outcome["text"]) == ("answered", f"It says {SECRET}.")
    assert (len(world.far.requests), len(world.near.requests)) == (1, 1)
    assert SECRET not in world.told_far()
    (first, kept), (second, barred) = world.called(outcome["turn"])
    assert (first["model"], first["level"], kept) == ("far", None, {})
    assert (second["model"], second["level"], second["regions"]) == ("near", "restricted", ["eu"])
    assert (second["raised_by"], barred) == (["1.1"], {"far": "classification"})
    again = await world.act("desk", "Again?", conversation=outcome["conversation"])
    assert again["status"] == "answered"
    ((facts, _),) = world.called(again["turn"])
    assert (facts["model"], facts["raised_by"]) == ("near", [outcome["turn"]]), "the conversation remembers"


async def test_what_has_no_label_is_read_wherever_the_route_leads(world):
    outcome = await world.act("desk", "Read the menu")
    assert outcome["text"] == "It says soup."
    assert (len(world.far.requests), len(world.near.requests)) == (2, 0)
    assert [facts["level"] for facts, _ in world.called(outcome["turn"])] == [None, None]


async def test_an_agent_without_a_model_near_is_refused_and_told_why(world):
    outcome = await world.act("away", "Read the contract")
    assert (outcome["status"], outcome["error"]) == ("failed", "unavailable")
    assert "too confidential for the providers of far" in outcome["text"]
    assert "raised by 1.1" in outcome["text"]
    assert "1.1 is a call of read_contract." in outcome["text"]
    assert "clearance and region" in outcome["text"]
    assert len(world.far.requests) == 1
    assert SECRET not in world.told_far()


async def test_as_a_model_and_streamed_it_is_the_same(world):
    asked = {"model": "desk", "messages": [{"role": "user", "content": "Read the contract"}], "stream": True}
    status, stream = await world.request("POST", "/v1/chat/completions", asked)
    assert (status, SECRET in stream.replace('"', "")) == (200, True), stream
    assert SECRET not in world.told_far()
    assert SECRET in json.dumps([each.body for each in world.near.requests])
    body = {"agent": "desk", "task": "Read the contract", "stream": True}
    status, stream = await world.request("POST", "/v1/agents/turns", body)
    assert (status, "restricted, for eu alone" in stream) == (200, True), "told as it happens"
    assert SECRET not in world.told_far()


async def test_a_tool_that_would_carry_it_away_is_denied(world):
    outcome = await world.act("desk", "Read the contract and mail it to bob@acme.test")
    assert outcome["text"] == "It was not mailed."
    (_, mail) = outcome["actions"]
    assert (mail["tool"], mail["status"]) == ("send_mail", "denied")
    assert "by its label" in mail["reason"]
    assert SECRET not in world.told_far()


async def test_what_is_found_in_documents_has_their_label(world):
    outcome = await world.act("desk", "Read the handbook")
    assert [facts["model"] for facts, _ in world.called(outcome["turn"])] == ["far", "far"]
    (world.folder / "governance.yaml").write_text("classification: [{match: leave.md, level: internal, regions: [eu]}]")
    words = ["--data", str(world.folder / "handbooks"), "governance", "declare", str(world.folder / "governance.yaml")]
    assert main([*words, "-t", "handbooks"], open_application=open_application) == 0
    world.knowledge.tenant("handbooks").declared.forget()
    outcome = await world.act("desk", "Read the handbook")
    first, (second, barred) = world.called(outcome["turn"])
    assert first[0]["model"] == "far"
    assert (second["model"], second["level"], second["regions"], barred) == (
        "near",
        "internal",
        ["eu"],
        {"far": "residency"},
    )


async def test_a_caller_says_what_a_request_is(world):
    asked = {"model": "both", "messages": [{"role": "user", "content": "menu"}]}
    said = {"X-Aver-Level": "confidential", "X-Aver-Regions": "eu, ch"}
    assert (await world.request("POST", "/v1/chat/completions", asked, said))[0] == 200
    assert (len(world.far.requests), len(world.near.requests)) == (0, 1)
    status, told = await world.request("POST", "/v1/chat/completions", {**asked, "model": "abroad"}, said)
    assert status == 503
    assert "raised by caller" in json.dumps(told)
    asked["model"] = "desk"
    status, reply = await world.request("POST", "/v1/chat/completions", asked, said)
    assert status == 200
    assert {facts["raised_by"][0] for facts, _ in world.called(reply["aver"]["turn"])} == {"caller"}
    label = {"level": "restricted", "regions": ["eu"]}
    outcome = await world.act("desk", "Read the menu", label=label)
    assert outcome["text"] == "It says soup."
    assert world.far.requests == []
    for headers in ({"X-Aver-Level": "secret"}, {"X-Aver-Regions": "the moon"}):
        status, told = await world.request("POST", "/v1/chat/completions", asked, headers)
        assert (status, "X-Aver-Level" in json.dumps(told)) == (422, True)
    refused = await world.request("POST", "/v1/chat/completions", {**asked, "model": "assistant"}, said)
    assert refused[0] == 422
    assert (await world.request("POST", "/v1/agents/turns", {"agent": "desk", "task": "x", "label": {"level": "x"}}))[
        0
    ] == 422


async def test_a_look_at_the_bundle_says_where_an_agent_would_have_nobody_left_to_ask(world):
    found = await examine(world.application.serving.bundle(), Secrets(os.environ), offline=True)
    about = [(each.level, each.said) for each in found if each.subject.startswith("agent ") and "labelled" in each.said]
    said = "What 'read_contract' returns is labelled restricted, eu, and no model of 'abroad' may be given that."
    assert about == [("warning", f"{said} Declare a provider's clearance and region.")]


async def test_who_may_not_be_given_a_request_does_not_count_its_tokens_either():
    with FakeProvider([Reply("x")]) as server:
        configuration = declared(server.root_url, kinds=["anthropic"])
        gateway = Gateway(lambda: configuration, signers=lambda provider: signer(provider, {}))
        caller = Caller(gateway, "anthropic")
        assert await gateway.count_tokens(caller.call(prompt="How many?")) > 0
        assert len(server.requests) == 1
        labelled = replace(caller.call(prompt="How many?"), labels={"caller": Label("restricted")})
        assert await gateway.count_tokens(labelled) > 0, "estimated here"
        assert len(server.requests) == 1
        await gateway.close()


def test_after_the_process_was_killed_it_is_still_so(world, tmp_path):
    root, settings = Path(__file__).parents[2], Settings(data=tmp_path / "data", bundle=world.settings.bundle)
    application = open_application(settings)
    application.store.create_tenant("northwind")
    ledger = application.tenant("northwind").ledger
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    command = [sys.executable, "-c", DYING, str(settings.data), str(settings.bundle)]
    deadline = time.monotonic() + 120
    SLOW.append(60.0)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        turn = process.stdout.readline().strip()
        while not world.near.requests:  # the contract was read, and the model near is being asked
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert [step.kind for step in ledger.turn(turn)][-1] == "executed", "nothing of the reply is on record"
    with serving(application):
        while ledger.turn(turn)[-1].kind not in ("sealed", "failed"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    (_, (second, barred)) = world.called(turn, ledger)
    assert (second["model"], second["raised_by"], barred) == ("near", ["1.1"], {"far": "classification"})
    assert (len(world.near.requests), len(world.far.requests)) == (2, 1)
    assert SECRET not in world.told_far()
    assert ledger.verify().ok
    application.close()
