"""Incidents over real HTTP: a provider that fails is shut out of itself while its route goes on; a runbook is gone through; what was done is taken back."""

import asyncio
from types import SimpleNamespace

import aiohttp
import pytest
from starlette.requests import Request

from aver.core.errors import Unauthenticated
from aver.core.settings import Settings
from aver.ops.mitigation.actions import read_action
from aver.ops.types import Departure
from aver.server.http.auth import actor_of
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.servers import fill, open_application, serving

BUNDLE = """
unknown_price: highest
providers:
  one: {kind: openai, base_url: 'ONE'}
  two: {kind: openai, base_url: 'TWO'}
models: {small: {provider: one}, large: {provider: two}}
routes: {answers: {models: [small, large]}}
objectives:
  slos: {up: {indicator: availability, target: 0.99}}
  mitigations:
    outage: {when: {rule: "anomaly:model_failures"}, do: ["shut_out_provider provider={provider}"]}
"""
PROMISE = 1.0
"""Seconds after which a switch holds everywhere."""
RUNBOOK = """---
title: A provider is out
rules: ["anomaly:model_*"]
---
- [ ] Look at its status page.

```aver
disable_tool tool=wire
```

```aver
revoke_key key=KEY
```
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mitigating")
    (folder / "runbooks").mkdir()
    with FakeProvider(lambda _: Reply("One.")) as one, FakeProvider(lambda _: Reply("Two.")) as two:
        (folder / "aver.yaml").write_text(BUNDLE.replace("ONE", one.base_url).replace("TWO", two.base_url))
        application = open_application(Settings(data=folder / "data", bundle=folder))
        fill(application, folder)
        victim, _ = application.create_key("northwind", "vera")
        (folder / "runbooks" / "provider-outage.md").write_text(RUNBOOK.replace("KEY", victim.id))
        with serving(application) as served:
            yield served, one, two
        application.close()


@pytest.fixture
def call(place):
    served, *_ = place
    keys: dict = {}

    async def calling(method, path, role="operator", **options):
        if role not in keys:
            keys[role] = served.application.create_key("northwind", f"an-{role}", roles=[role])
        headers = {"Authorization": f"Bearer {keys[role][1]}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, served.url + path, **options) as response,
        ):
            return response.status, await response.json()

    calling.keys = keys
    return calling


def asked(model="answers"):
    return {"model": model, "messages": [{"role": "user", "content": "hello"}]}


async def until(condition, seconds=30.0):
    """What ``condition`` gives once it gives anything."""
    for _ in range(int(seconds / 0.1)):
        if found := await condition():
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("it never came to that")


async def test_a_provider_that_fails_is_shut_out_of_itself_and_let_in_by_one_word(place, call):
    served, one, _ = place
    operations = served.application.tenant("northwind").operations
    departure = Departure("anomaly:model_failures", "ticket", (("model", "small"),), "calls fail")
    operations.alerts.look([departure])

    async def done():
        return [each for each in (await call("GET", "/v1/mitigations?standing=true"))[1]["mitigations"] if each["rule"]]

    (found,) = await until(done)
    assert (found["action"], found["by"]) == ("shut_out_provider provider=one", "aver-mitigation")
    await asyncio.sleep(PROMISE)
    before = len(one.requests)
    status, answer = await call("POST", "/v1/chat/completions", json=asked())
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "Two.")
    assert len(one.requests) == before
    status, incident = await call("GET", f"/v1/incidents/{found['incident']}")
    assert (status, incident["status"], incident["origin"]) == (200, "open", "alert")
    assert [each["what"] for each in incident["timeline"] if each["kind"] == "mitigation"] == ["in force"]

    async def told():
        alerts = (await call("GET", "/v1/alerts"))[1]["alerts"]
        return [each for each in alerts if each["rule"] == "mitigation:outage"]

    (alert,) = await until(told)
    assert f"aver mitigation undo {found['id']}" in alert["said"]
    assert alert["incident"] is None
    assert (await call("POST", f"/v1/mitigations/{found['id']}/undo", "builder", json={}))[0] == 403
    status, undone = await call("POST", f"/v1/mitigations/{found['id']}/undo", json={"reason": "it is well"})
    assert (status, undone["status"]) == (200, "undone")
    await asyncio.sleep(PROMISE)
    assert (await call("POST", "/v1/chat/completions", json=asked()))[1]["choices"][0]["message"]["content"] == "One."
    assert operations.mitigate() == []


async def test_a_runbook_is_gone_through_step_by_step(place, call):
    status, incident = await call("POST", "/v1/incidents", json={"title": "calls fail", "feature": "assistant"})
    assert status == 201
    path = f"/v1/incidents/{incident['id']}/runbooks/provider-outage"
    status, stands = await call("GET", path)
    assert [(each["state"], each["action"] is None) for each in stands["steps"]] == [
        ("to_do", True),
        ("to_do", False),
        ("to_do", False),
    ]
    assert stands["steps"][1]["said"] == "would disable the tool 'wire'"
    assert (await call("POST", f"{path}/steps/1", json={}))[1]["state"] == "done"
    status, done = await call("POST", f"{path}/steps/2", json={"reason": "it pays twice"})
    assert (status, done["state"], done["undoable"]) == (200, "in_force", True)
    assert (await call("POST", f"{path}/steps/2", json={}))[0] == 409
    assert (await call("POST", f"{path}/steps/3", json={}))[0] == 403  # an operator revokes nobody's key
    assert (await call("POST", f"{path}/steps/9", json={}))[0] == 404
    assert (await call("GET", path.replace("provider", "provder")))[0] == 404
    status, revoked = await call("POST", f"{path}/steps/3", "admin", json={})
    assert (status, revoked["state"], revoked["undoable"]) == (200, "done", False)
    (switch,) = (await call("GET", "/v1/switches"))[1]["switches"]
    assert (switch["kind"], switch["reason"]) == ("tool", "it pays twice")
    await call("POST", f"/v1/mitigations/{done['mitigation']}/undo", json={})
    told = (await call("GET", f"/v1/incidents/{incident['id']}"))[1]["timeline"]
    assert [each["what"] for each in told if each["kind"] == "mitigation"] == [
        "in force",
        "refused",
        "done",
        "undone",
    ]


async def test_a_key_that_is_revoked_meanwhile_takes_no_further_step(place, call):
    served, *_ = place
    await call("GET", "/v1/incidents")
    key, secret = call.keys["operator"]
    app = SimpleNamespace(state=SimpleNamespace(application=served.application))
    headers = [(b"authorization", f"Bearer {secret}".encode())]
    request = Request({"type": "http", "app": app, "headers": headers})
    services = served.application.tenant("northwind")
    actor = actor_of(request, key.principal)
    desk = services.operations.mitigations
    first = desk.take(read_action("disable_tool tool=a"), actor, reason="x")
    served.application.revoke_key("northwind", key.id)
    with pytest.raises(Unauthenticated):
        desk.take(read_action("disable_tool tool=b"), actor, reason="x")
    assert desk.mitigations()[-1].status == "refused"
    assert {each.name for each in served.application.store.switches()} == {"a"}
    with pytest.raises(Unauthenticated):
        desk.undo(first.id, actor, reason="x")


async def test_what_is_said_of_an_incident_is_on_its_timeline_and_in_its_draft(place, call):
    status, incident = await call("POST", "/v1/incidents", "builder", json={"title": "<b>odd</b> answers"})
    path = f"/v1/incidents/{incident['id']}"
    assert (await call("POST", f"{path}/notes", "builder", json={"text": "since noon"}))[0] == 200
    assert (await call("POST", f"{path}/mitigate", "builder", json={"text": "off"}))[0] == 403
    assert (await call("POST", f"{path}/mitigate", json={"text": "switched off"}))[1]["status"] == "mitigated"
    assert (await call("POST", f"{path}/mitigate", json={"text": "again"}))[0] == 409
    status, taken = await call("POST", f"{path}/actions", json={"text": "ask the vendor"})
    assert (status, taken["status"]) == (201, "accepted")
    done = {"status": "done"}
    assert (await call("PUT", f"{path}/actions/{taken['id']}", json=done))[1]["status"] == "done"
    assert (await call("POST", f"{path}/resolve", json={"text": "understood"}))[1]["status"] == "resolved"
    draft = (await call("GET", f"{path}/postmortem", "auditor"))[1]["markdown"]
    assert draft.startswith("# \\<b\\>odd\\</b\\> answers\n")
    assert "since noon" in draft
    assert "[x] other: ask the vendor" in draft
    assert (await call("GET", path, "member"))[0] == 403


async def test_objectives_alerts_and_silences(place, call):
    (up,) = (await call("GET", "/v1/objectives"))[1]["objectives"]
    assert (up["name"], len(up["burn_rates"])) == ("up", 4)
    wanted = {"matches": {"rule": "anomaly:*"}, "seconds": 3600, "reason": "we know"}
    status, silence = await call("POST", "/v1/silences", json=wanted)
    assert status == 201
    assert (await call("GET", "/v1/silences"))[1]["silences"] == [silence]
    assert (await call("DELETE", f"/v1/silences/{silence['id']}"))[1] == {"id": silence["id"], "ended": True}
    assert (await call("POST", "/v1/silences", json={**wanted, "matches": {}}))[0] == 422
