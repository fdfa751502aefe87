"""What goes wrong over HTTP is a problem details document that says what to do, and never how the server is made."""

import gzip
import io
import json

import aiohttp
import pytest

from aver.core.settings import Settings
from aver.server.http.envelope import MAX_BODY
from tests.servers import open_application, serving

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    application = open_application(Settings(data=tmp_path_factory.mktemp("errors")))
    application.store.create_tenant("northwind")
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture(scope="module")
def key(server):
    return server.application.create_key("northwind", "ann")[1]


@pytest.fixture
async def problem(server, key):
    """Make a request that fails; its status and problem details, after their form was checked."""
    async with aiohttp.ClientSession() as session:

        async def request(method, path, *, authorization=f"Bearer {key}", headers=None, **options):
            sent = {**({"Authorization": authorization} if authorization else {}), **(headers or {})}
            async with session.request(method, server.url + path, headers=sent, **options) as response:
                assert response.content_type == "application/problem+json", await response.text()
                document = await response.json(content_type=None)
                assert document["status"] == response.status
                assert {"type", "title", "detail", "next_step"} <= document.keys()
                return document

        yield request


@pytest.mark.parametrize(
    "authorization", [None, "Bearer aver_wrong", "Bearer", "Basic YTpi", "aver_wrong", "Bearer \u00e9"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/ask"),
        ("POST", "/v1/search"),
        ("GET", "/v1/documents"),
        ("GET", "/v1/documents/doc_1"),
        ("GET", "/v1/conversations"),
        ("GET", "/v1/conversations/conversation_1"),
        ("GET", "/v1/turns/turn_1/evidence"),
    ],
)
async def test_without_a_valid_key_nothing_is_answered(problem, method, path, authorization):
    found = await problem(method, path, authorization=authorization, json={"question": "Why?", "query": "why"})
    assert found["type"] == "urn:aver:problem:unauthenticated"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 422),
        (b"null", 422),
        (b"[]", 422),
        (b'"\xff"', 400),
        (b'{"question": "\xff\xfe"}', 400),
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"question": 1}', 422),
        (b'{"question": "Why?", "stream": "perhaps"}', 422),
        (b'{"question": "Why?", "unknown": 1}', 422),
        (b'{"question": "\\ud800"}', 422),
        (b'{"question": ""}', 422),
        (b'{"question": " \\n "}', 422),
        (json.dumps({"question": "why " * 25_000}).encode(), 413),
        (b'{"question": "' + b"a" * MAX_BODY + b'"}', 413),
    ],
)
async def test_a_bad_body_is_refused(problem, body, status):
    assert (await problem("POST", "/v1/ask", data=io.BytesIO(body), headers=JSON))["status"] == status


async def test_a_wrong_field_is_named_and_not_repeated(problem):
    found = await problem("POST", "/v1/search", json={"query": "why", "limit": "secret-9000"})
    assert [error["field"] for error in found["errors"]] == ["limit"]
    assert "secret-9000" not in json.dumps(found)


async def test_a_body_without_length_is_cut_off_at_the_limit(problem):
    async def endless():
        yield b'{"question": "'
        for _ in range(MAX_BODY // 65536 + 2):
            yield b"a" * 65536

    found = await problem("POST", "/v1/ask", data=endless(), headers=JSON)
    assert found["type"] == "urn:aver:problem:too-large"


async def test_another_content_type_is_refused(problem):
    assert (await problem("POST", "/v1/ask", data=b'{"question": "Why?"}'))["status"] == 422
    packed = gzip.compress(b'{"question": "Why?"}')
    assert (await problem("POST", "/v1/ask", data=packed, headers={**JSON, "Content-Encoding": "gzip"}))[
        "status"
    ] == 400


async def test_unknown_addresses_and_methods(problem):
    assert (await problem("GET", "/v1/nothing"))["type"] == "urn:aver:problem:not-found"
    assert (await problem("GET", "/v1/documents/" + "a/" * 2000))["status"] == 404
    assert (await problem("DELETE", "/v1/ask"))["type"] == "urn:aver:problem:method-not-allowed"


async def test_what_is_not_there_is_not_found(problem):
    for method, path, options in (
        ("GET", "/v1/documents/doc_none", {}),
        ("GET", "/v1/documents/doc_none?version=999999999", {}),
        ("GET", "/v1/conversations/conversation_none", {}),
        ("GET", "/v1/turns/turn_none/evidence", {}),
        ("POST", "/v1/ask", {"json": {"question": "Why?", "conversation": "conversation_none"}}),
        ("POST", "/v1/ask", {"json": {"question": "Why?", "conversation": "conversation_none", "stream": True}}),
    ):
        assert (await problem(method, path, **options))["status"] == 404, path


async def test_a_version_that_is_no_number_is_refused(problem):
    for version in ("one", "0", "-1", "9" * 40):
        assert (await problem("GET", f"/v1/documents/doc_none?version={version}"))["status"] in {404, 422}


async def test_an_error_nobody_expected_says_nothing_of_itself(server, problem, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(server.application.tenant("northwind").knowledge, "documents", broken, raising=False)
    found = await problem("GET", "/v1/documents")
    assert found["status"] == 500
    assert "req_" in found["next_step"]
    assert "swordfish" not in json.dumps(found)
    assert "swordfish" not in caplog.text


async def test_every_answer_carries_its_headers(server, key):
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        for path in ("/v1/documents", "/v1/nothing", "/healthz"):
            async with session.get(server.url + path) as response:
                assert response.headers["Cache-Control"] == "no-store"
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["X-Request-Id"].startswith("req_")
                assert "Server" not in response.headers
