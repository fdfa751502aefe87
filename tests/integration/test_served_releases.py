"""Releases over real HTTP: whose models a caller sees, which release a turn of an agent is brought to its end under, and dying while one is promoted."""

import asyncio
import json
import signal
import subprocess
import sys

import aiohttp
import pytest

from aver.evidence import Step
from aver.releases.rollout.reading import EvidenceTraffic
from aver.server.acting import at_work, begin
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, ToolCall
from tests.integration.test_agents_cli import TOOL
from tests.servers import serving
from tests.unit.server.releases import home

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
    rollout = place.roll_out(stable, candidate, 50)
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
    # Each call says which arm it was given, so that the rollout measures it: also one that asks for what its release does not have.
    traffic, before = EvidenceTraffic(lambda: {"acme": services.ledger}), {"acme": {}}
    readings, _ = traffic.since(rollout, before)
    assert len(readings) == 24
    assert {each.arm for each in readings} == {"control", "candidate"}
    assert sum(each.values["failed"] for each in readings) == 12
    assert all(each.covariate > 0 and (each.values["failed"] or each.values["latency_ms"] > 0) for each in readings)
    assert any(each.values["total_tokens"] for each in readings)


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
    assert (waiting.status, len(waiting.approvals)) == ("waiting", 1), waiting
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
from contextlib import closing
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from aver.core import SystemClock
from aver.releases.registry import Registry
from aver.store import Store

data, digest = Path(sys.argv[1]), sys.argv[2]

def registry(store):
    return Registry(store, SystemClock(), data / "releases")

def promote(moment):
    left = [moment]
    def die(*_):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    store = Store(data)
    event.listen(Engine, "before_cursor_execute", die)
    event.listen(Engine, "commit", die)
    registry(store).promote("development", digest, "ann", "it is better")

for moment in range(1, 60):
    child = os.fork()
    if not child:
        promote(moment)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with closing(Store(data)) as store:
        print(status, registry(store).environment("development").digest, flush=True)
    if not status:
        break
"""


def test_who_dies_while_promoting_leaves_the_old_release_in_force_or_the_new_one(place):
    stable, candidate = place.freeze("old"), place.freeze("new")
    place.promote(stable)
    command = [sys.executable, "-c", DYING, str(place.settings.data), candidate]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    *died, survived = [tuple(line.split()) for line in told]
    assert survived == ("0", candidate)
    assert len(died) > 3
    assert {status for status, _ in died} == {str(-signal.SIGKILL)}
    assert {digest for _, digest in died} <= {stable, candidate}
    assert [digest for _, digest in died] == sorted((digest for _, digest in died), key=[stable, candidate].index)
    assert asyncio.run(_served(place)) == candidate


async def _served(place):
    with await place.application.servings.lend(place.application.tenant("acme").principal("ann")) as lent:
        return lent.pin.release
