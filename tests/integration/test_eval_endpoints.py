"""An endpoint as a target, over real connections."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aver.core import SystemClock
from aver.core.errors import AverError, ProviderError, ProviderThrottled
from aver.evals.targets.endpoint import Endpoint, EndpointTarget
from aver.evals.types import Case, Message
from aver.gateway.credentials import Secrets
from aver.gateway.transport import Transport


@pytest.fixture
async def server():
    """Answers chat completions, and JSON of its own form; ``heard`` is what it was asked."""
    heard = []

    async def chat(request: web.Request) -> web.Response:
        heard.append((dict(request.headers), await request.json()))
        reply = {"choices": [{"message": {"content": "Four."}}], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
        return web.json_response(reply)

    async def own(request: web.Request) -> web.Response:
        heard.append((dict(request.headers), await request.json()))
        return web.json_response({"data": {"text": "ten days", "sources": ["up to ten days", "other"]}})

    async def busy(request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "later"}}, status=429, headers={"Retry-After": "3"})

    application = web.Application()
    application.router.add_post("/v1/chat/completions", chat)
    application.router.add_post("/ask", own)
    application.router.add_post("/busy", busy)
    running = TestServer(application)
    await running.start_server()
    running.heard = heard
    yield running
    await running.close()


async def responded(server, case: Case, path: str, **given):
    transport = Transport()
    endpoint = Endpoint("other", str(server.make_url(path)), **given)
    target = EndpointTarget(endpoint, transport, Secrets({"KEY": "s3cret"}, SystemClock()), SystemClock())
    try:
        return await target.respond(case, seed=4)
    finally:
        await transport.close()


async def test_a_chat_completion_is_asked_for_with_its_key(server):
    case = Case("c", "Two and two?", history=(Message("system", "Be brief."),))
    found = await responded(server, case, "/v1/chat/completions", model="m", credential="env:KEY")
    headers, body = server.heard[0]
    assert headers["Authorization"] == "Bearer s3cret"
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Two and two?"}]
    assert (body["model"], body["seed"]) == ("m", 4)
    assert (found.text, found.input_tokens, found.output_tokens) == ("Four.", 7, 2)
    assert found.latency_ms > 0


async def test_any_form_of_json_will_do(server):
    given = {"body": {"q": "{question}", "who": "{user}"}, "answer": "/data/text", "looked": "/data/sources"}
    found = await responded(server, Case("c", "How many?", user="ann"), "/ask", **given)
    assert server.heard[0][1] == {"q": "How many?", "who": "ann"}
    assert found.text == "ten days"
    assert [each.text for each in found.looked] == ["up to ten days", "other"]


async def test_what_went_wrong_has_a_type(server):
    with pytest.raises(ProviderThrottled) as raised:
        await responded(server, Case("c", "?"), "/busy")
    assert raised.value.retry_after == 3
    with pytest.raises(ProviderError, match="nothing at /data/none"):
        await responded(server, Case("c", "?"), "/ask", answer="/data/none")
    with pytest.raises(AverError):
        await responded(server, Case("c", "?"), "/none")
