"""A language model behind the HTTP API: what it gets wrong is caught, what it breaks off is said, who leaves stops it."""

import asyncio
import json

import aiohttp
import openai
import pytest

from aver.core.settings import ModelSettings, Settings
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.servers import fill, open_application, serving

QUESTION = "How many days of unused leave carry over?"
RIGHT = "Up to ten days of unused leave carry over to the next year. [1]"
INVENTED = "Every giraffe must be registered with the harbour master. [1]"


@pytest.fixture
def replies():
    """What the model answers; a test puts its own in."""
    return [Reply(RIGHT)]


@pytest.fixture
def model(replies):
    with FakeProvider(lambda _: replies[0]) as provider:
        yield provider


@pytest.fixture
def server(model, tmp_path):
    application = open_application(Settings(data=tmp_path / "data", model=ModelSettings(model.base_url, "fake")))
    fill(application, tmp_path)
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture
def key(server):
    return server.application.create_key("northwind", "ann")[1]


@pytest.fixture
async def session(key):
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        yield session


@pytest.fixture
def client(server, key):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
        yield client


async def events(session, server):
    body = {"question": QUESTION, "stream": True}
    async with session.post(f"{server.url}/v1/ask", json=body) as response:
        blocks = (await response.text()).strip().split("\n\n")
    lines = [block.split("\n") for block in blocks]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


async def test_a_generated_answer_is_verified(server, session, replies):
    replies[0] = Reply(f"{RIGHT} {INVENTED}")
    async with session.post(f"{server.url}/v1/ask", json={"question": QUESTION}) as response:
        answer = await response.json()
    assert answer["mode"] == "generated"
    assert [(s["supported"], bool(s["citations"])) for s in answer["sentences"]] == [(True, True), (False, False)]
    assert answer["usage"]["cost_usd"] is None
    assert (await events(session, server))[-1][1]["sentences"] == answer["sentences"]


def test_an_unsupported_sentence_is_marked_in_a_completion(client, replies):
    replies[0] = Reply(f"{RIGHT} {INVENTED}")
    asked = {"model": "assistant", "messages": [{"role": "user", "content": QUESTION}]}
    text = client.chat.completions.create(**asked).choices[0].message.content
    assert "[1]" in text
    assert text.endswith("(not found in the sources)")
    chunks = client.chat.completions.create(**asked, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text


def test_a_model_that_refuses_is_replaced_by_the_extractive_one(client, replies):
    replies[0] = Reply("overloaded", status=503)
    completion = client.chat.completions.create(model="assistant", messages=[{"role": "user", "content": QUESTION}])
    assert completion.aver["mode"] == "extractive"


BEGUN = f"{RIGHT} {RIGHT}"
BROKEN = Reply(f"{BEGUN} And so on.", fault="cut", after=len(BEGUN))


async def test_an_answer_that_breaks_off_is_an_error(server, session, replies):
    replies[0] = BROKEN
    async with session.post(f"{server.url}/v1/ask", json={"question": QUESTION}) as response:
        problem = await response.json(content_type="application/problem+json")
    assert (response.status, problem["type"]) == (502, "urn:aver:problem:stream-truncated")
    names = [name for name, _ in await events(session, server)]
    assert names[-1] == "error"
    assert "answer" not in names


def test_a_completion_that_breaks_off_is_an_error(client, replies):
    replies[0] = BROKEN

    def stream():
        asked = [{"role": "user", "content": QUESTION}]
        for _ in client.chat.completions.create(model="assistant", messages=asked, stream=True):
            pass

    with pytest.raises(openai.APIError) as caught:
        stream()
    assert caught.value.code == "stream_truncated"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/ask", {"question": QUESTION}),
        ("/v1/ask", {"question": QUESTION, "stream": True}),
        ("/v1/chat/completions", {"model": "assistant", "messages": [{"role": "user", "content": QUESTION}]}),
        (
            "/v1/chat/completions",
            {"model": "assistant", "messages": [{"role": "user", "content": QUESTION}], "stream": True},
        ),
    ],
)
async def test_a_caller_who_leaves_stops_the_model(server, session, model, replies, path, body):
    replies[0] = Reply(fault="silence")
    request = asyncio.create_task(read(session, server.url + path, body))
    await until(lambda: model.requests)
    request.cancel()
    await asyncio.wait({request})
    await until(lambda: model.requests[0].abandoned)
    tenant = server.application.tenant("northwind")
    (summary,) = tenant.assistant.conversations(tenant.principal("ann"))

    def turn():
        (found,) = tenant.assistant.conversation(tenant.principal("ann"), summary.id).turns
        return found

    await until(lambda: turn().status == "cancelled")
    assert turn().answer is None


async def read(session, url, body):
    async with session.post(url, json=body) as response:
        await response.read()


async def until(condition):
    """Wait for what another thread does; a test that waits in vain fails by its own assertion."""
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")
