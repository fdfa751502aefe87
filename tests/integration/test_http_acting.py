"""Approvals and switches over real HTTP: whose they are, what takes a role, and what everyone is told."""

import asyncio
import time

import aiohttp
import pytest

from aver.core import SystemClock
from aver.core.settings import Settings
from tests.servers import fill, open_application, serving
from tests.unit.agents.acting.scene import SEND, Scene, Script, Scripted, ask_to_send, schema

MAIL = {"to": "b\u043eb@acme", "text": "hi"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("acting")
    application = open_application(Settings(data=folder / "data"))
    fill(application, folder, "acme")
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture(scope="module")
def waiting(server, tmp_path_factory):
    mail = Scripted("send", SEND, schema(to="string", text="string"))
    folder, model = server.application.settings.data.parent, Script([("send", MAIL)])
    at = Scene(folder, model, [mail], ask_to_send, clock=SystemClock())
    turns = [asyncio.run(at.ask("Write to bob")) for _ in range(2)]
    yield turns
    at.close()


@pytest.fixture
async def call(server):
    async with aiohttp.ClientSession() as session:

        async def request(method, path, *, user="ann", roles=(), **options):
            key = server.application.create_key("acme", user, (), roles)[1]
            headers = {"Authorization": f"Bearer {key}"}
            async with session.request(method, server.url + path, headers=headers, **options) as response:
                return response.status, await response.json(content_type=None)

        yield request


async def test_what_waits_is_its_askers_to_see_and_to_answer(call, waiting):
    first, second = (turn.approvals[0] for turn in waiting)
    status, found = await call("GET", "/v1/approvals")
    assert (status, [each["id"] for each in found["approvals"]]) == (200, [first, second])
    status, shown = await call("GET", f"/v1/approvals/{first}")
    assert shown["arguments"] == MAIL
    assert any("alphabets" in each for each in shown["warnings"])
    assert shown["origins"]["text"] == [
        {"kind": "unknown", "step": "", "readers": None, "label": {"level": "public", "regions": None}}
    ]
    assert (await call("GET", "/v1/approvals", user="eve"))[1] == {"approvals": []}
    for path in (f"/v1/approvals/{first}", "/v1/approvals/approval_none"):
        assert (await call("GET", path, user="eve"))[0] == 404
    assert (await call("POST", f"/v1/approvals/{first}/approve", user="eve", json={}))[0] == 404
    assert (await call("POST", f"/v1/approvals/{first}/approve", json={"scope": "always"}))[0] == 422
    status, answered = await call("POST", f"/v1/approvals/{first}/approve", json={"reason": "fine"})
    assert (status, answered["answer"], answered["turn"]) == (200, "approved", waiting[0].turn)
    assert (await call("POST", f"/v1/approvals/{first}/refuse", json={}))[0] == 409
    status, answered = await call("POST", f"/v1/approvals/{second}/refuse", json={"never": True})
    assert (status, answered["answer"]) == (200, "refused")
    assert (await call("GET", "/v1/approvals"))[1] == {"approvals": []}


async def test_turns_are_their_askers_to_see_and_to_end(call, waiting):
    turn = waiting[0].turn
    status, found = await call("GET", "/v1/agents/turns")
    assert (status, {each["turn"] for each in found["turns"]}) == (200, {each.turn for each in waiting})
    status, shown = await call("GET", f"/v1/agents/turns/{turn}")
    assert (status, shown["conversation"], shown["performed"]) == (200, waiting[0].conversation, [])
    for method, path in (("GET", f"/v1/agents/turns/{turn}"), ("POST", f"/v1/agents/turns/{turn}/cancel")):
        assert (await call(method, path, user="eve"))[0] == 404
    assert (await call("GET", "/v1/agents/turns", user="eve"))[1] == {"turns": []}
    assert (await call("POST", f"/v1/agents/turns/{turn}/cancel"))[1] == {"turn": turn, "cancelled": True}


async def test_a_switch_takes_a_role_holds_for_its_tenant_and_says_so(call, server):
    wanted = {"kind": "feature", "name": "assistant", "reason": "the handbook is being revised"}
    assert (await call("POST", "/v1/switches", json=wanted))[0] == 403
    status, thrown = await call("POST", "/v1/switches", roles=["admin"], json=wanted)
    assert (status, thrown["name"], thrown["tenant"][:7]) == (200, "assistant", "tenant_")
    assert (await call("GET", "/v1/switches"))[1] == {"switches": [thrown]}
    question = {"question": "How many days of unused leave carry over?"}
    until = time.monotonic() + 30
    while (answer := await call("POST", "/v1/ask", json=question))[0] == 200 and time.monotonic() < until:
        pass
    assert (answer[0], answer[1]["title"]) == (503, "stopped")
    assert "the handbook is being revised" in answer[1]["detail"]
    everything = server.application.store.throw_switch("model", "other", reason="for all")
    path = f"/v1/switches/{thrown['id']}"
    assert (await call("DELETE", path))[0] == 403
    assert (await call("DELETE", f"/v1/switches/{everything.id}", roles=["admin"]))[0] == 404
    assert (await call("DELETE", path, roles=["admin"]))[1] == {"id": thrown["id"], "lifted": True}
    assert (await call("DELETE", path, roles=["admin"]))[0] == 404
    while (answer := await call("POST", "/v1/ask", json=question))[0] != 200 and time.monotonic() < until:
        pass
    assert answer[0] == 200
    assert (await call("POST", "/v1/switches", roles=["admin"], json={**wanted, "kind": "tool", "name": ""}))[0] == 422
    ledger = server.application.tenant("acme").ledger
    assert [(step.facts["lifted"], step.body["by"]) for step in ledger.of_kind("switched")] == [
        (False, "ann"),
        (True, "ann"),
    ]
