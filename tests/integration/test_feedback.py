"""What people say of answers, over HTTP and in the console without scripts; what is decided of it, by whoever may; tickets of Jira and of mail."""

from __future__ import annotations

import json
import re
from email.message import EmailMessage

import aiohttp
import pytest

from aver.core.settings import Settings
from aver.gateway.feedback import feedback_of
from aver.knowledge.sources import Sources, parse_sources
from aver.ops.feedback.tickets import import_tickets, source_tickets
from aver.server.cli import main
from aver.testing.fakes.sources.jira import FakeJira
from tests.atlassian import EMAIL, TOKEN, proof
from tests.isolation.faces import Caller, Console
from tests.isolation.world import User
from tests.servers import fill, open_application, serving

TENANT = "northwind"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("feedback")
    application = open_application(Settings(data=folder / "data"))
    fill(application, folder)
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture(scope="module")
def callers(server):
    def made(user, *roles):
        key, secret = server.application.create_key(TENANT, user, roles=roles)
        return Caller(
            User(TENANT, user, frozenset()), server.application.tenant(TENANT).store.tenant.id, key.id, secret
        )

    return {"ann": made("ann"), "bo": made("bo"), "rae": made("rae", "reviewer"), "oz": made("oz", "auditor")}


async def send(server, caller, method, path, **body):
    headers = {"Authorization": f"Bearer {caller.key}"}
    options = {"json": body} if body else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, server.url + path, **options) as got,
    ):
        return got.status, await got.json()


async def asked(server, caller, question="How many days of unused leave carry over?"):
    _, answer = await send(server, caller, "POST", "/v1/ask", question=question)
    return answer


def said(server, turn):
    return feedback_of(server.application.tenant(TENANT).ledger.turn(turn))


async def test_feedback_on_a_turn_over_http(server, callers):
    ann, turn = callers["ann"], (await asked(server, callers["ann"]))["turn"]
    given = {"call": turn, "score": 0, "reason": "outdated", "correction": "Eleven.", "comment": "Since May."}
    assert await send(server, ann, "POST", "/v1/feedback", **given) == (200, given | {"score": 0.0})
    assert said(server, turn).said.correction == "Eleven."
    for wrong in ({"reason": "bored"}, {"comment": 1}, {"comment": "x" * 5000}, {"more": "x"}):
        assert (await send(server, ann, "POST", "/v1/feedback", call=turn, score=0, **wrong))[0] == 422
    assert (await send(server, callers["bo"], "POST", "/v1/feedback", call=turn, score=1))[0] == 404
    assert (await send(server, callers["bo"], "DELETE", f"/v1/feedback/{turn}"))[0] == 404
    assert await send(server, ann, "DELETE", f"/v1/feedback/{turn}") == (200, {"call": turn, "taken_back": True})
    assert (await send(server, ann, "DELETE", f"/v1/feedback/{turn}"))[0] == 404
    assert said(server, turn) is None


async def test_the_queue_and_a_decision_over_http(server, callers):
    turn = (await asked(server, callers["ann"], "How long is parental leave?"))["turn"]
    await send(server, callers["ann"], "POST", "/v1/feedback", call=turn, score=0, reason="wrong", comment="Not so.")
    for who in ("ann", "oz"):
        assert (await send(server, callers[who], "GET", "/v1/feedback"))[0] == 403
        path = f"/v1/feedback/{turn}/decisions"
        assert (await send(server, callers[who], "POST", path, act="dismissed", reason="known"))[0] == 403
    status, queue = await send(server, callers["rae"], "GET", "/v1/feedback?signal=bad")
    assert status == 200
    (item,) = [each for each in queue["items"] if each["turn"] == turn]
    assert (item["reason"], item["words"]["comment"], item["waits"]) == ("wrong", "Not so.", True)
    path = f"/v1/feedback/{turn}/decisions"
    assert (await send(server, callers["rae"], "POST", path, act="dismissed", reason="bored"))[0] == 422
    assert (await send(server, callers["rae"], "POST", "/v1/feedback/turn_none/decisions", act="seed"))[0] == 404
    status, became = await send(server, callers["rae"], "POST", path, act="case")
    assert (status, became["act"]) == (200, "case")
    assert await send(server, callers["rae"], "POST", path, act="case") == (
        200,
        became,
    )  # repeated, it is not made again
    _, queue = await send(server, callers["rae"], "GET", "/v1/feedback?decided=true")
    assert [each["became"] for each in queue["items"] if each["turn"] == turn] == [became]


async def test_everything_works_without_scripts(server, callers):
    console, ann, rae = Console(server.url), callers["ann"], callers["rae"]
    answer = await asked(server, ann, "Is parental leave at full pay?")
    turn, conversation = answer["turn"], answer["conversation"]
    path, form = f"/turns/{turn}/feedback", {"conversation": conversation}
    page = console.get(ann, f"/?conversation={conversation}").text
    assert f'action="{path}"' in page
    assert "What is wrong with it" not in page
    assert console._page(ann, path, {**form, "answer": "bad"}).status == 303
    page = console.get(ann, f"/?conversation={conversation}").text
    assert "What is wrong with it" in page
    said_of = {"answer": "bad", "reason": "incomplete", "correction": "For <b>every</b> parent.", "comment": ""}
    assert console._page(ann, path, {**form, **said_of}).status == 303
    assert said(server, turn).said.reason == "incomplete"
    assert console._page(ann, path, {**form, "answer": "maybe"}).status == 422
    assert console._page(callers["bo"], path, {**form, "answer": "good"}).status == 404
    assert console.get(ann, "/feedback").status == 403
    shown = console.get(rae, "/feedback?show=bad")
    assert turn in shown.text
    assert "For <b>every</b> parent." in shown.text  # unescaped by the face: on the page it is text
    twin = json.loads(console.get(rae, "/feedback?format=json").text.partition("\n\n")[2] or "{}")
    assert turn in {line["item"]["turn"] for line in twin["lines"]}
    wrong = console._page(rae, f"/feedback/{turn}", {"act": "dismissed", "reason": "bored"})
    assert wrong.status == 422
    assert "Not done" in wrong.text
    given = {"act": "dismissed", "reason": "expected", "note": "It says so.", "back": "//elsewhere.example"}
    done = console._page(rae, f"/feedback/{turn}", given)
    assert re.search(r"location: /feedback\s", done.text)
    assert turn in console.get(rae, "/feedback?show=decided").text
    assert "Somebody looked at this" in console.get(ann, f"/?conversation={conversation}").text
    assert console._page(ann, path, {**form, "answer": "back"}).status == 303
    assert said(server, turn) is None
    for address in ("/feedback?show=clusters", "/feedback?show=nothing", "/feedback?page=0"):
        assert console.get(rae, address).status in (200, 422)


async def test_tickets_of_mail_are_imported_once(server, callers, tmp_path, capsys):
    turn = (await asked(server, callers["ann"], "When must unused leave be used?"))["turn"]
    message = EmailMessage()
    message["Subject"], message["Message-ID"] = "The leave answer", "<1@example.org>"
    message.set_content(f"Please look at {server.url}/turns/{turn}")
    (tmp_path / "1.eml").write_bytes(message.as_bytes())
    (tmp_path / "2.eml").write_bytes(b"Subject: Lunch\n\nAt noon?")
    data = ["--data", str(server.application.settings.data), "feedback"]

    def aver(*words):
        assert main([*data, *words, "--tenant", TENANT, "--json"], open_application=open_application) == 0
        return json.loads(capsys.readouterr().out)

    assert aver("import", str(tmp_path)) == {"tied": 1, "known": 0, "untied": 1, "turns": [turn]}
    assert aver("import", str(tmp_path))["known"] == 1
    first = aver("list")["items"][0]
    assert (first["turn"], first["words"]["tickets"]) == (turn, ["The leave answer"])
    made = aver("triage", turn, "incident", "--title", "Leave answers", "--user", "rae")
    assert made["act"] == "incident"
    assert aver("list", "--decided")["items"][0]["became"]["of"] == made["of"]


async def test_issues_of_jira_are_tickets(server, callers):
    turn = (await asked(server, callers["ann"], "How many weeks is parental leave?"))["turn"]
    services = server.application.tenant(TENANT)
    clock = server.application.clock
    sources = Sources(
        services.store, services.ledger, services.knowledge, clock, {"env:JIRA": TOKEN}.__getitem__, 2**20
    )
    with FakeJira() as site:
        site.proofs = {proof()}
        project = site.add_project("DESK")
        issue = site.add(project, "The assistant says sixteen", "It should be more.")
        site.comment(issue, f"It is {server.url}/turns/{turn}")
        site.add(project, "A chair is broken", "On the second floor.")
        fields = (
            f"kind: jira, url: '{site.url}', email: {EMAIL}, token: 'env:JIRA', permissions: false, projects: [DESK]"
        )
        sources.declare(parse_sources(f"sources: {{desk: {{{fields}}}}}", "s.yaml"))
        kind, opened = sources.opened("desk")
        done = import_tickets(services.store, services.ledger, source_tickets(opened, kind))
        assert (done.tied, done.untied, done.turns) == (1, 1, (turn,))
        again = import_tickets(services.store, services.ledger, source_tickets(*reversed(sources.opened("desk"))))
        assert (again.tied, again.known) == (0, 1)
    item = services.triage.one(turn)
    assert item.words.tickets == ("DESK-1 The assistant says sixteen",)
    assert not [step for step in services.ledger.turn(turn) if step.kind == "reported" and step.facts["kind"] != "jira"]
