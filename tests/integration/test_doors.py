"""The doors and what strangers send them: every refusal has the door's own shape, and what needs no translation passes unchanged."""

import asyncio
import json
import socket
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from aver.testing.replies import Reply
from tests.integration.doors import ASKED, DOORS, PATHS, PROVIDER_KEY, Answer, body, house

LIMIT = 2**20
_PATIENT = "credential: env:PROVIDER_KEY, breaker: {failures: 100000}"
BUNDLE = f"""
unknown_price: highest
providers:
  openai: {{kind: openai, base_url: ROOT/v1, {_PATIENT}}}
  responses: {{kind: responses, base_url: ROOT/v1, {_PATIENT}}}
  anthropic: {{kind: anthropic, base_url: ROOT, {_PATIENT}}}
  gemini: {{kind: gemini, base_url: ROOT, {_PATIENT}}}
  own-openai: {{kind: openai, base_url: OWN/v1, {_PATIENT}}}
  own-responses: {{kind: responses, base_url: OWN/v1, {_PATIENT}}}
  own-anthropic: {{kind: anthropic, base_url: OWN, {_PATIENT}}}
models:
  m-openai: {{provider: openai, id: some-model}}
  m-responses: {{provider: responses, id: some-model}}
  m-anthropic: {{provider: anthropic, id: some-model}}
  m-gemini: {{provider: gemini, id: some-model}}
  own-openai: {{provider: own-openai, id: some-model}}
  own-responses: {{provider: own-responses, id: some-model}}
  own-anthropic: {{provider: own-anthropic, id: some-model}}
routes:
  openai: {{models: [m-openai], retries: {{attempts: 1}}}}
  responses: {{models: [m-responses], retries: {{attempts: 1}}}}
  anthropic: {{models: [m-anthropic], retries: {{attempts: 1}}}}
  gemini: {{models: [m-gemini], retries: {{attempts: 1}}}}
"""


@pytest.fixture(scope="module")
def own():
    """A place for a provider that a test plays itself."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture(scope="module")
def _home(tmp_path_factory, own):
    declared = BUNDLE.replace("OWN", f"http://127.0.0.1:{own.getsockname()[1]}")
    with house(tmp_path_factory.mktemp("doors"), declared, "northwind", "fabrikam", max_request_mb=1) as served:
        yield served


@pytest.fixture
def home(_home):
    _home.reply = Reply("Twenty days.")
    _home.received.clear()
    return _home


@pytest.fixture(scope="module")
def key(_home):
    return _home.key()


@pytest.fixture
async def ask(home, key):
    async with home.asking(key) as asking:
        yield asking


@pytest.fixture(params=DOORS)
def door(request):
    return request.param


def posted(home, door, key, data):
    """By a client that sends everything before it reads anything."""
    address = urlsplit(home.served.url)
    with closing(HTTPConnection(address.hostname, address.port, timeout=60)) as connection:
        headers = {"x-api-key": key} | ({"Content-Length": str(len(data))} if isinstance(data, bytes) else {})
        connection.request("POST", PATHS[door], data, headers, encode_chunked=not isinstance(data, bytes))
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def chunks(size):
    yield b'{"model": "openai", "messages": "'
    for _ in range(size // 65536):
        yield b"a" * 65536
    yield b'"}'


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT])
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_answered_not_reset(home, door, key, size, announced):
    answer = posted(home, door, key, b'{"model": "' + b"a" * size + b'"}' if announced else chunks(size))
    assert answer.status == 413
    assert str(LIMIT) in answer.error(door)


@pytest.mark.parametrize("announced", [True, False])
def test_a_large_body_without_a_key_is_answered_not_reset(home, door, announced):
    answer = posted(home, door, "nothing", b"a" * 4 * LIMIT if announced else chunks(4 * LIMIT))
    assert answer.status == 401
    answer.error(door)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"model=openai&messages=hello", 400),
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, 400),
        (b'{"model": "openai\xff"}', 400),
        (b'{"model": "\\ud800"}', 400),
        (b'{"model": NaN}', 400),
        (b"null", 400),
        (b"[]", 400),
        (b'"openai"', 400),
        (b"{}", 422),
        (b'{"model": null}', 422),
        (b'{"model": 1}', 422),
        (b'{"model": ""}', 422),
        (b'{"model": ["openai"]}', 422),
        (b'{"model": "' + b"a" * 201 + b'"}', 422),
        (b'{"model": "' + b"a" * 200 + b'"}', 404),
        (b'{"model": "../../etc/passwd\\u0000\\n"}', 404),
    ],
)
async def test_what_is_no_request_is_refused(home, ask, door, data, status):
    answer = await ask(PATHS[door], data=data)
    assert (answer.status, answer.error(door) != "") == (status, True)
    assert not home.received


async def test_an_unknown_model_is_answered_with_the_nearest_names(ask, door):
    for stream in (False, True):
        answer = await ask(PATHS[door], body(door, "antropic", stream=stream))
        assert answer.status == 404
        assert "anthropic" in answer.error(door)
        assert ASKED not in answer.raw.decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer aver_wrong"},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer \u00e9"},
        {"x_api_key": ""},
        {"x_api_key": "aver_wrong"},
        {"x_api_key": "\u00ff" * 1000},
    ],
)
async def test_without_a_valid_key_nothing_is_answered(home, ask, door, headers):
    for path, method in ((PATHS[door], "POST"), ("/v1/models", "GET")):
        said = body(door, "openai") if method == "POST" else None
        answer = await ask(path, said, method=method, **headers)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        answer.error(door if method == "POST" else "openai")
    assert not home.received


async def test_a_key_is_taken_in_either_header(ask, door, key):
    for headers in ({"x_api_key": key}, {"authorization": f"bearer  {key} "}, {"authorization": "", "x_api_key": key}):
        assert (await ask(PATHS[door], body(door, "openai"), **headers)).status == 200


async def test_another_tenant_is_not_found_and_ones_own_is(home, ask, door):
    own, other = home.application.tenant("northwind").store.tenant, home.application.tenant("fabrikam").store.tenant
    refused = []
    for name in (other.name, other.id, "nobody", "../northwind", "\u00e9"):
        answer = await ask(PATHS[door], body(door, "openai"), x_aver_tenant=name)
        refused.append((answer.status, answer.error(door)))
    assert {status for status, _ in refused} == {404}
    assert len(set(refused)) == 1, "a tenant that exists is told from one that does not"
    assert not home.received
    for name in (own.name, own.id):
        assert (await ask(PATHS[door], body(door, "openai"), x_aver_tenant=name)).status == 200


@pytest.mark.parametrize("label", ["Summaries", "a b", "a" * 65, "-a", "a/b", "\u00e9"])
async def test_a_malformed_feature_is_refused(ask, door, label):
    answer = await ask(PATHS[door], body(door, "openai"), x_aver_feature=label)
    assert answer.status == 422
    assert "X-Aver-Feature" in answer.error(door)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_is_refused(ask, door, method):
    answer = await ask(PATHS[door], method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert "POST" in answer.error(door)


async def test_other_addresses_are_not_doors(ask, door):
    for path in (PATHS[door] + "/", PATHS[door] + "s", PATHS[door].upper(), PATHS[door] + "/../models/x/y"):
        assert (await ask(path, body(door, "openai"))).status in (404, 405)
    answer = await ask("/v1/models", method="POST", data=b"{}")
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


async def test_a_client_whose_address_lacks_the_version_finds_the_doors(ask):
    for path, sent in (
        ("/chat/completions", body("openai", "openai")),
        ("/responses", body("responses", "responses")),
        ("/embeddings", {"model": "openai", "input": "leave"}),
        ("/rerank", {"model": "nobody", "query": "leave", "documents": ["leave"]}),
        ("/v2/rerank", {"model": "nobody", "query": "leave", "documents": ["leave"]}),
    ):
        answer = await ask(path, sent)
        assert answer.status == (404 if "rerank" in path else 200), path
        assert answer.headers["x-request-id"].startswith("call_"), "a door answered, not the rest of the server"
    listed = await ask("/models", method="GET")
    assert "openai" in [model["id"] for model in listed.json["data"]]


async def test_a_model_that_is_not_there_has_no_page(ask):
    for name in ("nothing", "a/b", "antropic"):
        for family, headers in (("openai", {}), ("anthropic", {"anthropic_version": "2023-06-01"})):
            answer = await ask(f"/v1/models/{name}", method="GET", **headers)
            assert answer.status == 404
            answer.error(family)


NONSENSE = (None, True, -1, 0, 1.5, 1e300, 2**63, "text", "", [], [1], [None], [[]], {}, {"type": 1}, [{"type": []}])
FIELDS = {
    "openai": (
        "messages", "max_tokens", "max_completion_tokens", "n", "stop", "stream_options", "tools", "tool_choice", "temperature",
        "response_format", "reasoning_effort", "logit_bias", "functions", "modalities", "metadata", "user", "logprobs",
    ),
    "responses": (
        "input", "max_output_tokens", "instructions", "text", "reasoning", "tools", "tool_choice", "metadata", "temperature",
        "previous_response_id", "conversation", "store", "background", "include",
    ),
    "anthropic": (
        "messages", "max_tokens", "system", "stop_sequences", "thinking", "tools", "tool_choice", "metadata", "temperature",
        "output_config", "output_format", "context_management", "mcp_servers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["same", "gemini", "assistant"])
async def test_a_field_of_any_type_is_never_an_error_of_the_servers(home, ask, door, model, stream):
    model = door if model == "same" else model
    for name in FIELDS[door]:
        for value in NONSENSE:
            answer = await ask(PATHS[door], body(door, model, stream=stream) | {name: value})
            what = f"{name}={value!r}: {answer}"
            assert answer.status in (200, 400, 404, 422, 501), what
            if answer.status != 200:
                answer.error(door)


PARTS = (
    "text", 1, None, [], {}, {"type": "text"}, {"type": "text", "text": 1}, {"type": "input_text", "text": []}, {"type": "nothing"},
    {"type": "image_url", "image_url": "x"}, {"type": "image_url", "image_url": {"url": 3}}, {"type": "image", "source": 4},
    {"type": "image", "source": {"type": "base64"}}, {"type": "tool_result"}, {"type": "tool_result", "tool_use_id": 1, "content": 2},
    {"type": "tool_use", "id": 1, "name": [], "input": "x"}, {"type": "input_image", "image_url": {}}, {"type": "thinking"},
    {"type": "document", "source": []}, {"type": "file", "file": 1}, {"type": "input_file", "file_data": 2},
)  # fmt: skip
ROLES = ("user", "assistant", "system", "tool", "developer", "nobody", 7, None)


@pytest.mark.parametrize("model", ["same", "gemini", "assistant"])
async def test_a_message_of_any_shape_is_never_an_error_of_the_servers(ask, door, model):
    name = "input" if door == "responses" else "messages"
    for role in ROLES:
        messages = [[{"role": role, "content": content}] for part in PARTS for content in (part, [part])]
        messages += [[{"role": role}], [{"role": role, "content": ASKED, "tool_calls": [1, {"function": 2}]}]]
        messages += [
            [{"type": "function_call_output", "call_id": 1, "output": part, "role": role}] for part in PARTS[:4]
        ]
        for said in messages:
            answer = await ask(PATHS[door], body(door, door if model == "same" else model) | {name: said})
            assert answer.status in (200, 400, 422), f"{said}: {answer}"


async def test_within_a_family_a_wrong_field_is_for_the_provider_to_refuse(home, ask, door):
    for wrong in (
        {"n": 0},
        {"max_tokens": -5},
        {"temperature": "hot"},
        {"messages" if door != "responses" else "input": 7},
    ):
        home.reply = Reply(f"You sent {PROVIDER_KEY}, and a wrong {next(iter(wrong))}", status=400)
        answer = await ask(PATHS[door], body(door, door) | wrong)
        assert answer.status == 400
        assert ("a wrong" in answer.error(door)) == (home.received != []), answer
        if home.received:
            asked = home.received.pop().body
            assert {name: asked[name] for name in wrong} == wrong


WRONG = {
    "openai": {"messages": 7, "temperature": "hot", "max_tokens": "many", "tools": 3, "stop": 4},
    "responses": {"input": 7, "temperature": "hot", "max_output_tokens": "many", "tools": 3, "instructions": []},
    "anthropic": {"messages": 7, "temperature": "hot", "max_tokens": "many", "tools": 3, "stop_sequences": 4},
}


async def test_across_families_a_wrong_field_is_named(home, ask, door):
    for name, value in WRONG[door].items():
        answer = await ask(PATHS[door], body(door, "gemini") | {name: value})
        assert answer.status == 422
        assert name in answer.error(door)
    assert not home.received


async def test_fields_that_nobody_here_knows_reach_the_provider(home, ask, door):
    unknown = {"x_new": {"deep": [1, None, "ünïcödé 🙂"]}, "service_tier": "flex", "x_number": 1.25}
    answer = await ask(PATHS[door], body(door, door) | unknown)
    if door == "anthropic":  # refuses what it does not know, in its own words
        assert answer.status == 400
        assert "x_new: Extra inputs are not permitted" in answer.error(door)
        return
    assert answer.status == 200
    assert home.received[0].body | {"stream": False} == body(door, "some-model", stream=False) | unknown


WHOLE = {
    "openai": b'{"id": "chatcmpl-1",  "object":"chat.completion","x_new": [1.0,\n {"b": "\\u00fc"}], "created": 1, "model": "some-model", '
    b'"choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes.", "x_thought": 1}, "finish_reason": "stop", "x": 2}], '
    b'"usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "x_cost": 0.10}}',
    "responses": b'{"id": "resp_1",  "object":"response","x_new": [1.0,\n {"b": "\\u00fc"}], "created_at": 1, "model": "some-model", '
    b'"status": "completed", "output": [{"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "x_thought": 1, '
    b'"content": [{"type": "output_text", "text": "Yes.", "annotations": [], "x": 2}]}], '
    b'"usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "x_cost": 0.10}}',
    "anthropic": b'{"id": "msg_1",  "type":"message","x_new": [1.0,\n {"b": "\\u00fc"}], "role": "assistant", "model": "some-model", '
    b'"content": [{"type": "text", "text": "Yes.", "x_thought": 1}], "stop_reason": "end_turn", "stop_sequence": null, '
    b'"usage": {"input_tokens": 3, "output_tokens": 2, "x_cost": 0.10}}',
}


async def test_a_whole_reply_of_the_same_family_comes_back_byte_for_byte(ask, door, own):
    async def answer(_request):
        return web.Response(body=WHOLE[door], content_type="application/json")

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.SockSite(runner, own.dup()).start()
        answered = await ask(PATHS[door], body(door, f"own-{door}"))
    finally:
        await runner.cleanup()
    assert (answered.status, answered.raw) == (200, WHOLE[door])
    assert answered.headers["x-request-id"].startswith("call_")


async def test_a_provider_that_asks_for_patience_is_passed_on(home, ask, door):
    home.reply = Reply(f"Slow down, {PROVIDER_KEY}", status=429, retry_after=17)
    for stream in (False, True):
        answer = await ask(PATHS[door], body(door, "gemini", stream=stream))
        assert (answer.status, answer.headers["retry-after"]) == (429, "17")
        answer.error(door)


async def test_the_providers_key_is_no_business_of_the_caller(home, ask, door, monkeypatch):
    home.reply = Reply(f"The key {PROVIDER_KEY} may not do this", error="auth")
    for stream in (False, True):
        answer = await ask(PATHS[door], body(door, door, stream=stream))
        assert answer.status == 502
        answer.error(door)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_within_a_stream_has_the_doors_shape(home, ask, door, stream):
    home.reply = Reply(f"Twenty days and {PROVIDER_KEY}.", fault="error-event", after=8)
    answer = await ask(PATHS[door], body(door, "gemini", stream=stream))
    assert PROVIDER_KEY.encode() not in answer.raw
    if not stream:
        answer.error(door)
        return
    assert answer.status == 200
    events = [json.loads(line[6:]) for line in answer.raw.splitlines() if line.startswith(b"data: {")]
    last = events[-1]
    if door == "responses":
        assert last["type"] in ("response.failed", "error")
    else:
        assert last["error"]["message"].endswith(".")
    assert b"[DONE]" not in answer.raw


async def test_an_error_nobody_expected_says_nothing_of_itself(home, ask, door, monkeypatch, caplog):
    async def broken(*_):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(home.application.gateway, "complete", broken)
    monkeypatch.setattr(home.application.gateway, "open", broken)
    for stream in (False, True):
        answer = await ask(PATHS[door], body(door, "openai", stream=stream))
        assert answer.status == 500
        assert answer.headers["x-request-id"] in answer.error(door)
        assert "swordfish" not in answer.raw.decode() + caplog.text


async def test_many_at_once_each_get_their_own(home, ask, door):
    home.reply = lambda received: Reply(f"You said {received.prompt}.", pause=0.001)
    answers = await asyncio.gather(
        *(ask(PATHS[door], body(door, "gemini", f"number {n} of many", stream=n % 2 == 0)) for n in range(24))
    )
    for number, answer in enumerate(answers):
        assert answer.status == 200
        others = [n for n in range(24) if n != number and f"number {n} of".encode() in answer.raw]
        assert not others
