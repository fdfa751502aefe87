"""OpenAI's embeddings in front of every family that has any, and ranking."""

import httpx
import openai
import pytest

from aver.testing.replies import Reply

WITH = ("openai", "azure", "gemini", "vertex", "bedrock", "cohere")


@pytest.mark.parametrize("family", WITH)
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_texts_become_vectors_in_order(chat_gpt, upstream, family, encoding):
    texts = ["paid leave", "the printer", "unpaid leave"]
    answer = chat_gpt.embeddings.create(model=f"on-{family}", input=texts, encoding_format=encoding)
    assert [item.index for item in answer.data] == [0, 1, 2]
    vectors = [item.embedding for item in answer.data]
    if encoding == "float":
        assert len({len(vector) for vector in vectors}) == 1
        assert _dot(vectors[0], vectors[2]) > _dot(vectors[0], vectors[1])
    assert answer.usage.prompt_tokens > 0


def test_many_texts_are_split_as_the_provider_takes_them(chat_gpt, upstream):
    texts = [f"text number {number}" for number in range(250)]
    answer = chat_gpt.embeddings.create(model="on-cohere", input=texts)
    assert [item.index for item in answer.data] == list(range(250))
    alone = chat_gpt.embeddings.create(model="on-cohere", input=texts[249]).data[0].embedding
    assert answer.data[249].embedding == pytest.approx(alone, abs=1e-5)
    assert len(upstream.received) == 4


def test_a_family_without_embeddings_says_so(chat_gpt, upstream):
    with pytest.raises(openai.APIStatusError) as caught:
        chat_gpt.embeddings.create(model="on-anthropic", input="paid leave")
    assert caught.value.status_code in (400, 422)


def test_errors(chat_gpt, upstream):
    upstream.reply = Reply(error="rate_limit", retry_after=30)
    with pytest.raises(openai.RateLimitError) as caught:
        chat_gpt.embeddings.create(model="on-openai", input="paid leave")
    assert int(caught.value.response.headers["retry-after"]) in range(1, 31)


def test_documents_are_ranked(aver, key, upstream):
    asked = {"model": "on-cohere", "query": "paid leave", "documents": ["the printer", "paid leave days"], "top_n": 1}
    answer = httpx.post(f"{aver.url}/v1/rerank", json=asked, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    assert [each["index"] for each in answer.json()["results"]] == [1]


def _dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))
