"""The official ``openai`` client, unchanged, against ``/v1``."""

import json

import openai
import pytest

QUESTION = [{"role": "user", "content": "How many days of unused leave carry over?"}]
MODEL = "assistant"


@pytest.fixture(scope="module")
def key(server):
    return server.application.create_key("northwind", "ann")[1]


@pytest.fixture
def client(server, key):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_models(client):
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")


def test_a_completion_carries_its_evidence(client):
    completion = client.chat.completions.create(model=MODEL, messages=QUESTION)
    (choice,) = completion.choices
    assert choice.finish_reason == "stop"
    assert "[1]" in choice.message.content
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    attached = completion.aver
    assert attached["turn"] == completion.id
    assert "ten days" in attached["citations"][0]["quote"]
    assert attached["mode"] == "extractive"
    assert attached["release"]


def test_a_stream_says_the_same(client):
    whole = client.chat.completions.create(model=MODEL, messages=QUESTION)
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-2].aver["citations"] == whole.aver["citations"]
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


async def test_the_asynchronous_client_streams(server, key):
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert "ten days" in text


def test_an_abstention_is_words(client):
    asked = [{"role": "user", "content": "What is the boiling point of tungsten?"}]
    completion = client.chat.completions.create(model=MODEL, messages=asked)
    assert completion.aver["abstained"]
    assert completion.choices[0].message.content
    chunks = list(client.chat.completions.create(model=MODEL, messages=asked, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == completion.choices[0].message.content


def test_messages_before_the_question_are_its_history(client):
    completion = client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "Answer in pirate speech."},
            {"role": "user", "content": [{"type": "text", "text": "How many weeks is parental leave?"}]},
            {"role": "assistant", "content": "Parental leave is sixteen weeks."},
            {"role": "user", "content": "Is it at full pay?"},
        ],
    )
    assert "full pay" in json.dumps(completion.aver["citations"])


def test_a_conversation_can_be_continued(client):
    first = client.chat.completions.create(model=MODEL, messages=QUESTION)
    second = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "By when must they be used?"}],
        extra_body={"conversation": first.aver["conversation"]},
    )
    assert second.aver["conversation"] == first.aver["conversation"]


def test_sampling_parameters_are_accepted(client):
    completion = client.chat.completions.create(
        model=MODEL, messages=QUESTION, temperature=0.7, top_p=0.9, max_tokens=50, seed=1, user="u", stop=["\n"]
    )
    assert completion.choices


@pytest.mark.parametrize("stream", [False, True])
def test_failures_are_the_clients_own_types(server, key, stream):
    def create(api_key=key, **options):
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key=api_key, max_retries=0) as client:
            client.chat.completions.create(**{"model": MODEL, "messages": QUESTION, "stream": stream, **options})

    with pytest.raises(openai.AuthenticationError) as caught:
        create(api_key="aver_wrong")
    assert caught.value.code == "unauthenticated"
    with pytest.raises(openai.NotFoundError) as caught:
        create(model="gpt-9")
    assert "gpt-9" in caught.value.body["message"]
    with pytest.raises(openai.NotFoundError):
        create(extra_body={"conversation": "conversation_none"})
    with pytest.raises(openai.UnprocessableEntityError):
        create(messages=[])
    with pytest.raises(openai.UnprocessableEntityError):
        create(messages=[{"role": "assistant", "content": "Hello."}])
    with pytest.raises(openai.UnprocessableEntityError):
        create(n=2)
    with pytest.raises(openai.APIStatusError) as caught:
        create(messages=[{"role": "user", "content": "why " * 25_000}])
    assert caught.value.status_code == 413
