"""Governance over HTTP and by the command line: who read what, what is held, what is erased with a receipt, what a person is given, and which
providers are given what."""

from __future__ import annotations

import io
import json
import zipfile

import aiohttp
import pytest

from aver.core.settings import Settings
from aver.knowledge.ingest import document_id
from aver.server.cli.main import main
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.servers import fill, open_application, serving

LEAVE = document_id("handbook", "leave.md")
QUESTION = "How many days of unused leave carry over to the next year?"
BUNDLE = """
unknown_price: highest
providers:
  far: {kind: openai, base_url: FAR, region: us}
  near: {kind: openai, base_url: NEAR, region: eu, clearance: restricted}
models:
  far: {provider: far}
  near: {provider: near}
routes:
  assistant: {models: [far, near]}
  abroad: {models: [far]}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("governed")
    answer = Reply("Unused leave: up to ten days carry over to the next year. [1]")
    with FakeProvider(lambda _: answer) as far, FakeProvider(lambda _: answer) as near:
        (folder / "bundle").mkdir()
        (folder / "bundle" / "aver.yaml").write_text(BUNDLE.replace("FAR", far.base_url).replace("NEAR", near.base_url))
        settings = Settings(data=folder / "data", bundle=folder / "bundle", region="eu")
        application = open_application(settings)
        fill(application, folder)
        with serving(application) as served:
            yield served, far, near, folder
        application.close()


@pytest.fixture
def api(world):
    served = world[0]

    async def call(user, method, path, body=None, roles=("member",)):
        key = served.application.create_key("northwind", user, roles=roles)[1]
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, served.url + path, json=body) as response,
        ):
            data = await response.read()
            kind = response.headers.get("Content-Type", "")
            return response.status, json.loads(data) if "json" in kind else data

    return call


def command(world, *words):
    """``aver`` on the data of the server; its exit code."""
    folder = world[3]
    return main(
        ["--data", str(folder / "data"), *words],
        open_application=lambda settings: open_application(Settings(data=settings.data, region="eu")),
    )


def declare(world, text):
    (world[3] / "governance.yaml").write_text(text)
    assert command(world, "governance", "declare", str(world[3] / "governance.yaml"), "-t", "northwind") == 0
    world[0].application.tenant("northwind").declared.forget()


async def read_by(api, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    status, told = await api("audra", "GET", f"/v1/access?{asked}&limit=1000", roles=("auditor",))
    assert status == 200, told
    return told


async def settled(world):
    world[0].application.tenant("northwind").outbox.settle()


async def test_the_log_says_who_read_what_through_every_surface(world, api):
    assert (await api("lea", "POST", "/v1/search", {"query": "unused leave"}))[0] == 200
    assert (await api("lea", "GET", f"/v1/documents/{LEAVE}"))[0] == 200
    assert (await api("lea", "POST", "/v1/ask", {"question": QUESTION}))[0] == 200
    assert command(world, "documents", "show", LEAVE, "-t", "northwind", "-u", "lea") == 0
    await settled(world)
    told = await read_by(api, user="lea")
    assert sorted((each["what"], each["surface"]) for each in told["accesses"]) == [
        ("document", "command"),
        ("document", "http"),
        ("passages", "turn"),
        ("search", "http"),
    ]
    assert all(LEAVE in each["documents"] for each in told["accesses"])
    of = await read_by(api, document=LEAVE)
    assert of["readership"]["readers"] == ["everyone"]
    assert {each["user"] for each in of["accesses"]} >= {"lea"}
    assert (await api("mia", "GET", "/v1/access"))[0] == 403
    assert (await api("audra", "GET", "/v1/access?document=none", roles=("auditor",)))[0] == 404
    await settled(world)
    assert "access" in {each["what"] for each in (await read_by(api, user="audra"))["accesses"]}


async def test_a_hold_stops_an_erasure_and_an_erasure_leaves_a_receipt(world, api, capsys):
    await api("erin", "POST", "/v1/ask", {"question": QUESTION})
    about = {"matter": "Claim 7", "reason": "a letter", "users": ["erin"], "documents": [LEAVE]}
    status, hold = await api("adam", "POST", "/v1/holds", about, roles=("admin",))
    assert status == 201, hold
    status, told = await api("adam", "POST", "/v1/erasures", {"user": "erin"}, roles=("admin",))
    assert (status, told["type"]) == (409, "urn:aver:problem:held")
    assert command(world, "erase", "-t", "northwind", "--subject", "user:erin") == 1
    assert command(world, "documents", "delete", LEAVE, "-t", "northwind", "-u", "erin") == 1
    assert hold["id"] in capsys.readouterr().err
    released = await api("adam", "POST", f"/v1/holds/{hold['id']}/release", {"reason": "settled"}, roles=("admin",))
    assert released[0] == 200
    status, envelope = await api("adam", "POST", "/v1/erasures", {"user": "erin"}, roles=("admin",))
    assert status == 201
    receipt = world[3] / "erin.json"
    receipt.write_text(json.dumps(envelope))
    capsys.readouterr()
    assert command(world, "erase", "verify", str(receipt), "-t", "northwind", "--json") == 0
    said = json.loads(capsys.readouterr().out)["receipt"]
    assert (said["subject"], said["by"], said["keys"]) == ("user:erin", "adam", 1)
    assert said["steps"] > 3
    assert main(["erase", "verify", str(receipt), "--key", said["fingerprint"]]) == 0, "with no installation at all"
    assert main(["erase", "verify", str(receipt), "--key", "0" * 64]) == 4
    receipt.write_text(json.dumps({**envelope, "payload": envelope["payload"].replace("A", "B", 1)}))
    assert main(["erase", "verify", str(receipt)]) in (2, 4)
    assert (await api("adam", "POST", "/v1/erasures", {"user": "erin"}, roles=("admin",)))[0] in (201, 404)
    assert world[0].application.tenant("northwind").ledger.verify().ok


async def test_a_person_is_given_what_is_kept_of_them(world, api):
    await api("pia", "POST", "/v1/ask", {"question": "<script>alert(1)</script> " + QUESTION})
    await api("pia", "POST", "/v1/search", {"query": "parental"})
    status, packed = await api("pia", "GET", "/v1/me/export")
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        told, page = json.loads(archive.read("person.json")), archive.read("person.html").decode()
    (conversation,) = told["conversations"]
    assert QUESTION in conversation["turns"][0]["question"]
    assert conversation["turns"][0]["answer"]["answer"]
    assert {each["what"] for each in told["read"]} == {"passages", "search"}
    assert told["keys"]
    assert told["calls"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    out = world[3] / "pia.zip"
    assert command(world, "person", "export", "-t", "northwind", "-u", "pia", "--out", str(out)) == 0
    assert out.stat().st_size > 500
    await settled(world)
    assert "person" in {each["what"] for each in (await read_by(api, user="pia"))["accesses"]}, (
        "the export is on the log"
    )
    assert command(world, "person", "export", "-t", "northwind", "-u", "nobody", "--out", str(out)) == 3
    assert (await api("mia", "GET", "/v1/people/pia/export"))[0] == 403


async def test_content_goes_only_to_providers_that_may_have_it(world, api):
    _, far, near, _ = world
    try:
        await api("rosa", "POST", "/v1/ask", {"question": QUESTION})
        assert far.requests
        before = len(far.requests)
        declare(world, "classification: [{match: leave.md, level: restricted, regions: [eu]}]")
        status, told = await api("rosa", "POST", "/v1/ask", {"question": QUESTION})
        assert (status, told["mode"]) == (200, "generated"), told
        assert len(far.requests) == before, "what is restricted was not given away"
        assert near.requests
        (call,) = await calls_of(world, api, told["turn"])
        assert call["facts"]["level"] == "restricted"
        assert {each["model"]: each["skipped"] for each in call["body"]["candidates"]}["far"] == "classification"
        declare(world, "classification: [{match: leave.md, level: internal, regions: [ch]}]")
        status, told = await api("rosa", "POST", "/v1/ask", {"question": QUESTION})
        assert (status, told["mode"]) == (200, "extractive"), "nobody may have it, so it is answered here, and says so"
        (call,) = await calls_of(world, api, told["turn"])
        assert {each["skipped"] for each in call["body"]["candidates"]} == {"residency"}
        declare(world, "label: {level: confidential}")
        message = {"model": "abroad", "messages": [{"role": "user", "content": "hello"}]}
        status, told = await api("rosa", "POST", "/v1/chat/completions", message)
        assert status == 503
        assert "too confidential" in json.dumps(told)
        assert len(far.requests) == before
    finally:
        declare(world, "{}")


async def calls_of(world, api, turn):
    services = world[0].application.tenant("northwind")
    steps = services.ledger.turn(turn)
    return [{"facts": step.facts, "body": step.body} for step in steps if step.kind == "called"]


async def test_people_agree_before_they_ask(world, api):
    services = world[0].application.tenant("northwind")
    try:
        declare(world, "acceptable_use: {text: Be kind.}")
        status, told = await api("uma", "POST", "/v1/ask", {"question": QUESTION})
        assert (status, told["type"]) == (403, "urn:aver:problem:acknowledgement-required")
        for body in ({"model": "assistant", "messages": [{"role": "user", "content": QUESTION}]},):
            assert (await api("uma", "POST", "/v1/chat/completions", body))[0] == 403
        assert (await api("uma", "POST", "/v1/search", {"query": "leave"}))[0] == 200, "to look is not to ask"
        _, rules = await api("uma", "GET", "/v1/acceptable-use")
        assert (rules["text"], rules["agreed"]) == ("Be kind.", None)
        assert (await api("uma", "POST", "/v1/acceptable-use", {"digest": "0" * 64}))[0] == 409
        status, agreed = await api("uma", "POST", "/v1/acceptable-use", {"digest": rules["digest"]})
        assert status == 200
        assert (await api("uma", "POST", "/v1/acceptable-use", {"digest": rules["digest"]}))[1] == agreed
        assert (await api("uma", "POST", "/v1/ask", {"question": QUESTION}))[0] == 200
        declare(world, "acceptable_use: {text: Be kinder.}")
        assert (await api("uma", "POST", "/v1/ask", {"question": QUESTION}))[0] == 403, (
            "another text, another agreement"
        )
        assert command(world, "acceptable-use", "status", "-t", "northwind") == 0
        assert services.governance.use.agreed() == 0
    finally:
        declare(world, "{}")


async def test_retention_over_http_says_what_is_due_and_lets_it_go(world, api):
    try:
        declare(world, "retention: {conversations: 1d, versions: 1d, originals: 1d, documents: 36500d}")
        status, told = await api("adam", "POST", "/v1/retention", {}, roles=("admin",))
        assert status == 200
        assert [each["name"] for each in told["classes"]] == ["conversations", "versions", "originals", "documents"]
        assert told["dry_run"]
        assert (await api("adam", "POST", "/v1/retention", {"dry_run": False}, roles=("admin",)))[0] == 200
        assert command(world, "retention", "apply", "-t", "northwind", "--dry-run") == 0
        assert (await api("mia", "POST", "/v1/retention", {}))[0] == 403
    finally:
        declare(world, "{}")


async def test_a_mistake_declares_nothing(world, api):
    wrong = await api("adam", "PUT", "/v1/governance", {"declaration": "retention: {memory: 3}"}, roles=("admin",))
    assert wrong[0] == 422
    assert "governance.yaml:1" in wrong[1]["detail"]
    status, told = await api("adam", "PUT", "/v1/governance", {"declaration": "region: us"}, roles=("admin",))
    assert (status, told["type"]) == (503, "urn:aver:problem:misplaced")
    assert (await api("adam", "GET", "/v1/governance", roles=("admin",)))[1]["region"] == ""
    assert (await api("adam", "PUT", "/v1/governance", {"declaration": "region: eu"}, roles=("admin",)))[0] == 200


def test_a_tenant_is_refused_where_its_data_may_not_be(tmp_path):
    application = open_application(Settings(data=tmp_path / "data", region="eu"))
    fill(application, tmp_path)
    from aver.governance.declaration import Declaration

    application.tenant("northwind").governance.declare(Declaration.parse("region: eu", "g"), "test")
    application.close()
    elsewhere = open_application(Settings(data=tmp_path / "data", region="us"))
    from aver.governance.places import Misplaced

    with pytest.raises(Misplaced, match="kept in eu"):
        elsewhere.tenant("northwind")
    elsewhere.close()


async def test_sessions_are_seen_and_ended(world, api):
    application = world[0].application
    key = application.create_key("northwind", "sue")[1]
    secret, _ = application.sessions.begin(key=key)
    _, told = await api("adam", "GET", "/v1/sessions", roles=("admin",))
    (session,) = [each for each in told["sessions"] if each["user"] == "sue"]
    assert secret not in json.dumps(told)
    assert (await api("adam", "DELETE", f"/v1/sessions/{session['id']}", roles=("admin",)))[0] == 200
    assert application.sessions.principal(secret) is None
    assert (await api("adam", "DELETE", f"/v1/sessions/{session['id']}", roles=("admin",)))[0] == 404
    services = application.tenant("northwind")
    assert [step.body["by"] for step in services.ledger.of_kind("session_ended")] == ["adam"]
