"""Releases over real HTTP: whose models a caller sees, which release a turn of an agent is brought to its end under, and dying while one is promoted."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import closing

import aiohttp
import pytest
from aver.releases.registry import Registry

from aver.evidence import Step
from aver.server.acting import at_work, begin
from aver.store import Store
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, ToolCall
from tests.integration.test_agents_cli import TOOL
from tests.servers import serving
from tests.unit.server.releases import ENVIRONMENT, home

POLICY = """
@id("first")
@decision("ask")
@reason("Somebody looks at every change of the list.")
permit (principal, action, resource);
"""


def bundle(url, model, words):
    return f"""\
providers: {{p: {{kind: openai, base_url: "{url}"}}}}
models: {{{model}: {{provider: p, capabilities: [tools], price: {{input: 0, output: 0}}}}}}
tools:
  python:
    desk: {{file: tools/desk.py, sandbox: none}}
agents:
  clerk: {{about: Keeps the list., model: {model}, instructions: {words}, limits: {{steps: 4}}}}
"""


def think(received):
    """Adds milk, then says how it was told to keep the list."""
    if '"items"' in received.prompt:
        return Reply("new words" if "New words" in received.prompt else "old words")
    return Reply(tools=(ToolCall("c1", "add_item", json.dumps({"item": "milk"})),))


@pytest.fixture
def place(tmp_path):
    with home(tmp_path) as found:
        yield found


@pytest.fixture
def model():
    with FakeProvider(think) as provider:
        yield provider


async def test_a_caller_goes_by_the_release_of_their_arm_at_every_door(place, model):
    stable = place.freeze("old", bundle(model.base_url, "small", "Old words."), tools__desk=TOOL)
    candidate = place.freeze("new", bundle(model.base_url, "large", "New words."), tools__desk=TOOL)
    place.promote(stable)
    place.roll_out(stable, candidate, 50)
    with serving(place.application) as server:
        async with aiohttp.ClientSession() as session:
            seen = {}
            for number in range(12):
                key = place.application.create_key("acme", f"user{number}")[1]
                headers = {"Authorization": f"Bearer {key}"}
                async with session.get(server.url + "/v1/models", headers=headers) as response:
                    names = {each["id"] for each in (await response.json())["data"]} & {"small", "large"}
                assert len(names) == 1
                (name,) = names
                message = {"role": "user", "content": '"items"'}
                for asked, status in ((name, 200), ({"small": "large", "large": "small"}[name], 404)):
                    body = {"model": asked, "messages": [message]}
                    async with session.post(
                        server.url + "/v1/chat/completions", headers=headers, json=body
                    ) as response:
                        assert response.status == status, await response.text()
                seen.setdefault(name, f"user{number}")
            assert seen.keys() == {"small", "large"}
    services = place.application.tenant("acme")
    services.outbox.settle()
    answered = [step.facts for step in services.ledger.of_kind("called") if step.facts["error"] is None]
    assert {(each["model"], each["release"]) for each in answered} == {
        ("small", stable[:16]),
        ("large", candidate[:16]),
    }


async def test_a_turn_of_an_agent_goes_on_under_the_release_it_began_under_days_later(place, model):
    stable = place.freeze("old", bundle(model.base_url, "small", "Old words."), tools__desk=TOOL, policies__p=POLICY)
    candidate = place.freeze("new", bundle(model.base_url, "large", "New words."), tools__desk=TOOL, policies__p=POLICY)
    place.promote(stable)
    place.roll_out(stable, candidate, 100)
    application, services = place.application, place.application.tenant("acme")
    ann = services.principal("ann")
    turn = await begin(application, services, ann, "clerk", "Add milk")
    async with at_work(application, services, turn) as acting:
        waiting = await acting.run(turn)
    assert (waiting.status, len(waiting.approvals)) == ("waiting", 1)
    place.save(None)
    place.promote(stable)
    await application.aclose()
    later = place.replica()  # another process, after the rollback
    services = later.tenant("acme")
    services.approvals.approve(ann, waiting.approvals[0])
    async with at_work(later, services, turn) as acting:
        ended = await acting.run(turn)
    assert (ended.status, ended.text) == ("answered", "new words")
    steps = services.evidence(ann, turn)
    assert [_release(step) for step in steps if step.kind in ("admitted", "resumed")] == [candidate, candidate]
    begun = await begin(later, services, ann, "clerk", "Add milk", ended.conversation)
    assert _release(services.evidence(ann, begun)[0]) == stable
    await later.aclose()


def _release(step: Step) -> str:
    return step.facts["release"]


DYING = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from aver.core import SystemClock
from aver.releases.registry import Registry
from aver.store import Store

data, digest, moment = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
registry = Registry(store := Store(data), SystemClock(), data / "releases")
seen = 0

def die(*_):
    global seen
    seen += 1
    if seen == moment:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", die)
event.listen(Engine, "commit", die)
registry.promote("development", digest, "ann", "it is better")
print("promoted", seen)
"""


def test_who_dies_while_promoting_leaves_the_old_release_in_force_or_the_new_one(place):
    stable, candidate = place.freeze("old"), place.freeze("new")
    place.promote(stable)
    data, ends = place.settings.data, []
    for moment in range(1, 40):
        command = [sys.executable, "-c", DYING, str(data), candidate, str(moment)]
        died = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
        assert died.returncode in (0, -signal.SIGKILL), died.stderr
        with closing(Store(data)) as store:
            registry = Registry(store, place.application.clock, data / "releases")
            found = registry.environment(ENVIRONMENT)
            assert found.digest == (candidate if died.returncode == 0 else stable)
            assert (registry.open_folder(found.digest) / "aver.yaml").is_file()
        ends.append(died.returncode)
        if died.returncode == 0:
            break
    assert ends[-1] == 0
    assert len(ends) > 3
    assert asyncio.run(_served(place)) == candidate


async def _served(place):
    with await place.application.servings.lend(place.application.tenant("acme").principal("ann")) as lent:
        return lent.pin.release
