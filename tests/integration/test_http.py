"""The HTTP API over real connections: answers, permissions, streams, evidence."""

import json
import socket

import aiohttp
import pytest

from aver.evidence import verify_export


@pytest.fixture(scope="module")
def ann(server):
    return server.application.create_key("northwind", "ann")[1]


@pytest.fixture(scope="module")
def bo(server):
    return server.application.create_key("northwind", "bo", ["board"])[1]


@pytest.fixture
async def call(server):
    """Make a request; its status, headers and document."""
    async with aiohttp.ClientSession() as session:

        async def request(method, path, key=None, **options):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            async with session.request(method, server.url + path, headers=headers, **options) as response:
                return response.status, response.headers, await response.json(content_type=None)

        yield request


async def ask(call, key, question, **more):
    status, _, answer = await call("POST", "/v1/ask", key, json={"question": question, **more})
    assert status == 200, answer
    return answer


async def test_an_answer_points_into_stored_text(call, ann):
    answer = await ask(call, ann, "How many days of unused leave carry over?")
    assert not answer["abstained"]
    assert answer["mode"] == "extractive"
    assert answer["sentences"]
    for sentence in answer["sentences"]:
        assert sentence["supported"] == bool(sentence["citations"])
    for citation in answer["citations"]:
        path = f"/v1/documents/{citation['document']}?version={citation['version']}"
        _, _, document = await call("GET", path, ann)
        assert document["text"][citation["start"] : citation["end"]] == citation["quote"]
        span = {"start": citation["start"], "end": citation["end"]}
        where = f"/v1/documents/{citation['document']}/versions/{citation['version']}/spots"
        _, _, found = await call("GET", where, ann, params=span)
        assert found["spots"]
        for spot in found["spots"]:
            inside = [
                block
                for block in document["blocks"]
                if block["start"] <= spot["start"] and spot["end"] <= block["end"] and block["anchor"] == spot["anchor"]
            ]
            assert inside
        status, _, problem = await call("GET", where, ann, params={**span, "end": 10**9})
        assert (status, problem["title"]) == (422, "invalid input")


async def test_who_may_not_read_is_told_nothing(call, ann, bo):
    question = "What does a senior editor earn?"
    hidden = await ask(call, ann, question)
    assert hidden["abstained"]
    assert "59,000" not in json.dumps(hidden)
    assert "alary" not in json.dumps([place["title"] for place in hidden["looked_at"]])
    shown = await ask(call, bo, question)
    assert any("59,000" in citation["quote"] for citation in shown["citations"])


async def test_the_place_of_a_document_that_may_not_be_read_is_not_told(call, ann, bo):
    _, _, everything = await call("GET", "/v1/documents", bo)
    _, _, some = await call("GET", "/v1/documents", ann)
    hidden = {each["id"] for each in everything["documents"]} - {each["id"] for each in some["documents"]}
    assert hidden
    path = f"/v1/documents/{hidden.pop()}/versions/1/spots?start=0&end=1"
    assert (await call("GET", path, ann))[0] == 404
    assert (await call("GET", path, bo))[0] == 200


async def test_search_and_documents_obey_the_same_access_list(call, ann, bo):
    for key, titles in ((ann, {"Leave policy"}), (bo, {"Leave policy", "Salary bands"})):
        _, _, listed = await call("GET", "/v1/documents", key)
        assert {document["title"] for document in listed["documents"]} == titles
        _, _, found = await call("POST", "/v1/search", key, json={"query": "senior editor earns", "limit": 5})
        assert {hit["title"] for hit in found["passages"]} <= titles
    _, _, listed = await call("GET", "/v1/documents", bo)
    secret = next(d["id"] for d in listed["documents"] if d["title"] == "Salary bands")
    hidden = await call("GET", f"/v1/documents/{secret}", ann)
    absent = await call("GET", "/v1/documents/doc_none", ann)
    assert hidden[0] == absent[0] == 404
    assert hidden[2] == absent[2]


async def test_a_stream_ends_with_the_whole_answer(server, ann):
    body = {"question": "How many days of unused leave carry over?", "stream": True}
    events = await stream(server, ann, body)
    names = [name for name, _ in events]
    assert names[0] == "progress"
    assert names[-1] == "answer"
    answer = events[-1][1]
    assert [data["sentence"] for name, data in events if name == "sentence"] == answer["sentences"]
    assert [c for name, data in events if name == "sentence" for c in data["citations"]] == answer["citations"]


async def test_a_question_may_look_at_fewer_passages(call, ann):
    answer = await ask(call, ann, "What is the airspeed of an unladen swallow?", limit=1)
    assert answer["abstained"]
    assert len(answer["looked_at"]) <= 1
    assert (await call("POST", "/v1/ask", ann, json={"question": "How?", "limit": 0}))[0] == 422


async def test_a_conversation_is_continued_and_listed(call, ann, bo):
    first = await ask(call, ann, "How many weeks is parental leave?")
    second = await ask(call, ann, "Is it at full pay?", conversation=first["conversation"])
    assert second["conversation"] == first["conversation"]
    _, _, listed = await call("GET", "/v1/conversations", ann)
    assert first["conversation"] in [each["id"] for each in listed["conversations"]]
    status, _, whole = await call("GET", f"/v1/conversations/{first['conversation']}", ann)
    assert status == 200
    assert [turn["turn"] for turn in whole["turns"]] == [first["turn"], second["turn"]]
    assert (await call("GET", f"/v1/conversations/{first['conversation']}", bo))[0] == 404
    status, _, _ = await call("POST", "/v1/ask", bo, json={"question": "Is it?", "conversation": first["conversation"]})
    assert status == 404


async def test_evidence_is_the_askers_own(call, ann, bo):
    answer = await ask(call, ann, "How many weeks is parental leave?")
    path = f"/v1/turns/{answer['turn']}/evidence"
    status, _, evidence = await call("GET", path, ann)
    assert status == 200
    kinds = [step["kind"] for step in evidence["steps"]]
    assert kinds[0] == "admitted"
    assert kinds[-1] == "sealed"
    assert (await call("GET", path, bo))[0] == 404
    assert (await call("GET", "/v1/turns/turn_none/evidence", ann))[0] == 404


async def test_a_key_of_one_tenant_sees_nothing_of_another(server, call, tmp_path):
    server.application.store.create_tenant("other")
    stranger = server.application.create_key("other", "ann", ["board"])[1]
    assert (await call("GET", "/v1/documents", stranger))[2] == {"documents": []}
    assert (await ask(call, stranger, "How many days of unused leave carry over?"))["abstained"]


async def test_a_revoked_key_opens_nothing_at_once(server, call):
    key, secret = server.application.create_key("northwind", "cy")
    assert (await call("GET", "/v1/documents", secret))[0] == 200
    server.application.store.revoke_key("northwind", key.id)
    status, headers, problem = await call("GET", "/v1/documents", secret)
    assert (status, problem["type"]) == (401, "urn:aver:problem:unauthenticated")
    assert headers["WWW-Authenticate"] == "Bearer"


async def test_health(call):
    assert (await call("GET", "/healthz"))[2] == {"status": "ok"}
    assert (await call("GET", "/readyz"))[2] == {"status": "ready", "concerns": []}


async def test_callers_who_leave_hold_nobody_up(server, ann, call):
    body = json.dumps({"question": "How many days of unused leave carry over?"}).encode()
    head = (
        f"POST /v1/ask HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    host, port = server.url.removeprefix("http://").split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head + body)
    assert not (await ask(call, ann, "How many weeks is parental leave?"))["abstained"]


async def test_what_was_served_verifies(server, tmp_path):
    ledger = server.application.tenant("northwind").ledger
    assert ledger.verify().ok
    ledger.export(tmp_path / "export.jsonl")
    assert verify_export(tmp_path / "export.jsonl").ok


async def stream(server, key, body):
    """The events of ``POST /v1/ask``, as (name, data)."""
    events = []
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(server.url + "/v1/ask", json=body) as response,
    ):
        assert response.content_type == "text/event-stream"
        for block in (await response.text()).strip().split("\n\n"):
            name, data = block.split("\n")
            events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events
