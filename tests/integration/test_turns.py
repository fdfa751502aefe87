"""Turns over HTTP: what they came to for whoever oversees, their words for whoever asked, and for those who go on record for it."""

from __future__ import annotations

import aiohttp
import pytest
from sqlalchemy import update

from aver.core import Principal
from aver.core.errors import NotFound
from aver.core.settings import Settings
from aver.evidence.store import steps
from aver.server.inspecting import inspect, look
from tests.operations import call as gateway_call
from tests.servers import fill, open_application, serving

LEAVE = "How many days of unused leave carry over?"
SALARY = "What does a senior editor earn?"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("turns")
    application = open_application(Settings(data=folder / "data"))
    fill(application, folder)
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture(scope="module")
def services(server):
    return server.application.tenant("northwind")


@pytest.fixture(scope="module")
def keys(server):
    people = {
        "bo": (["board"], []),
        "olga": ([], ["operator"]),
        "rita": ([], ["reviewer"]),
        "rob": (["board"], ["reviewer"]),
        "ann": ([], []),
    }
    return {name: server.application.create_key("northwind", name, *given)[1] for name, given in people.items()}


@pytest.fixture
async def call(server, keys):
    async with aiohttp.ClientSession() as session:

        async def request(method, path, who, **options):
            headers = {"Authorization": f"Bearer {keys[who]}"}
            async with session.request(method, server.url + path, headers=headers, **options) as response:
                return response.status, await response.json(content_type=None)

        yield request


async def asked(call, question, who="bo"):
    status, answer = await call("POST", "/v1/ask", who, json={"question": question})
    assert status == 200
    return answer["turn"]


def looks(services):
    return [(step.facts["turn"], step.body["by"], step.body["why"]) for step in services.ledger.of_kind("inspected")]


async def test_turns_are_listed_by_what_they_came_to(call):
    turn = await asked(call, SALARY)
    abstained = await asked(call, "Who won the cup in 1954?", "ann")
    status, found = await call("GET", "/v1/turns?limit=2", "olga")
    assert status == 200
    assert [each["turn"] for each in found["turns"]] == [abstained, turn]
    assert [each["outcome"] for each in found["turns"]] == ["abstained", "answered"]
    assert found["turns"][1]["sources"] == ["handbook"]
    assert "editor" not in str(found)
    _, following = await call("GET", f"/v1/turns?limit=1&after={found['after']}", "olga")
    assert turn not in str(following)
    _, only = await call("GET", "/v1/turns?outcome=answered&source=handbook&since=1h", "olga")
    assert turn in [each["turn"] for each in only["turns"]]
    assert only["total"] == sum(sum(slot["outcomes"].values()) for slot in only["slots"])


@pytest.mark.parametrize(
    "query", ["outcome=lost", "since=never", "sort=size", "after=x", "limit=0", "unknown=1", "denied=maybe"]
)
async def test_a_query_that_cannot_be_is_a_problem_that_says_so(call, query):
    status, problem = await call("GET", f"/v1/turns?{query}", "olga")
    assert status == 422
    assert problem["detail"]


async def test_an_incident_that_there_is_not_is_not_found(call):
    assert (await call("GET", "/v1/turns?incident=incident_none", "olga"))[0] == 404


async def test_words_are_for_whoever_asked_and_facts_for_whoever_oversees(call, services):
    turn = await asked(call, SALARY)
    before = looks(services)
    _, own = await call("GET", f"/v1/turns/{turn}", "bo")
    assert own["sight"] == "own"
    assert own["answer"]["question"] == SALARY
    assert "59,000" in own["answer"]["answer"]["answer"]
    assert own["proof"]["verified"]
    assert own["proof"]["sealed"]
    _, clear = await call("GET", f"/v1/turns/{turn}", "olga")
    assert (clear["sight"], clear["inspectable"], clear["answer"]) == ("clear", False, None)
    assert [each["kind"] for each in clear["story"]] == [each["kind"] for each in own["story"]]
    assert "59,000" not in str(clear)
    assert SALARY not in str(clear)
    assert "bo asked" not in str(clear)
    assert (await call("GET", f"/v1/turns/{turn}", "ann"))[0] == 404
    assert (await call("POST", f"/v1/turns/{turn}/inspect", "olga", json={}))[0] == 403
    assert looks(services) == before


async def test_who_inspects_is_on_record_and_reads_what_they_may_read(call, services):
    turn = await asked(call, SALARY)
    status, mine = await call("POST", f"/v1/turns/{turn}/inspect", "rob", json={"why": "a complaint"})
    assert status == 200
    assert mine["sight"] == "inspected"
    assert "59,000" in mine["answer"]["answer"]["answer"]
    assert looks(services)[-1] == (turn, "rob", "a complaint")
    _, partly = await call("POST", f"/v1/turns/{turn}/inspect", "rita", json={})
    assert partly["answer"]["question"] == SALARY
    assert partly["answer"]["withheld"] == len(mine["answer"]["answer"]["sentences"])
    assert "59,000" not in str(partly)
    assert "Salary bands" not in str(partly)
    assert looks(services)[-1] == (turn, "rita", "")


async def test_a_look_is_on_record_even_where_nothing_can_be_shown(call, services, monkeypatch):
    turn = await asked(call, LEAVE)
    monkeypatch.setattr("aver.server.inspecting._look", lambda *_: 1 / 0)
    principal = Principal(services.store.tenant.id, "rob", roles=frozenset({"reviewer"}))
    with pytest.raises(ZeroDivisionError):
        inspect(services, principal, turn, "first")
    assert looks(services)[-1] == (turn, "rob", "first")


async def test_looks_are_no_turns(call, services):
    turn = await asked(call, LEAVE)
    _, before = await call("GET", "/v1/turns", "olga")
    await call("POST", f"/v1/turns/{turn}/inspect", "rob", json={})
    _, after = await call("GET", "/v1/turns", "olga")
    assert after["total"] == before["total"]
    look_at = list(services.ledger.of_kind("inspected"))[-1]
    assert (await call("GET", f"/v1/turns/{look_at.turn}", "olga"))[0] == 404
    assert (await call("POST", f"/v1/turns/{look_at.turn}/inspect", "rob", json={}))[0] == 404


async def test_what_is_revoked_meanwhile_is_not_shown_to_who_inspects(call, services):
    turn = await asked(call, LEAVE)
    rita = Principal(services.store.tenant.id, "rita", roles=frozenset({"reviewer"}))
    shown = inspect(services, rita, turn)
    (document,) = {each.document for each in shown.answer.answer.citations}
    services.knowledge.delete(Principal(services.store.tenant.id, "root", roles=frozenset({"admin"})), document)
    again = inspect(services, rita, turn)
    assert again.answer.withheld == len(shown.answer.answer.sentences)
    assert "ten days" not in str(again.steps)
    assert "Leave policy" not in str(again.steps)


def test_a_call_is_a_turn_of_the_gateway(services):
    drafts = gateway_call(feature="triage")
    drafts = [
        type(each)(each.turn, each.kind, each.subject, each.facts, {"user": "ann", "id": each.turn}) for each in drafts
    ]
    with services.store.begin() as tx:
        services.ledger.append_all(tx, drafts)
    tenant, turn = services.store.tenant.id, drafts[0].turn
    assert look(services, Principal(tenant, "ann"), turn).sight == "own"
    olga = look(services, Principal(tenant, "olga", roles=frozenset({"operator"})), turn)
    assert (olga.sight, olga.row.feature) == ("clear", "triage")
    assert not olga.proof.sealed
    for who in (Principal(tenant, "bo"), Principal("tenant_other", "ann")):
        with pytest.raises(NotFound):
            look(services, who, turn)


def test_what_was_erased_says_so(server, services):
    drafts = gateway_call(feature="triage")
    drafts = [type(each)(each.turn, each.kind, "user:eve", each.facts, {"user": "eve"}) for each in drafts]
    with services.store.begin() as tx:
        services.ledger.append_all(tx, drafts)
    server.application.erase("northwind", "eve")
    rob = Principal(services.store.tenant.id, "rob", roles=frozenset({"reviewer"}))
    found = inspect(services, rob, drafts[0].turn)
    assert found.erased
    assert found.proof.verified
    assert found.steps[0].body is None


def test_a_record_that_was_changed_does_not_verify(services):
    drafts = gateway_call(feature="triage")
    with services.store.begin() as tx:
        services.ledger.append_all(tx, drafts)
    assert services.ledger.proof(drafts[0].turn).verified
    with services.store.begin() as tx:
        tx.execute(update(steps).where(steps.c.turn == drafts[0].turn).values(prev="0" * 64))
    found = services.ledger.proof(drafts[0].turn)
    assert not found.verified
    assert "was changed" in found.problem
