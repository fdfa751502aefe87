"""OpenAI's embeddings, read and written."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput, ProviderError, ProviderThrottled
from aver.gateway.types import Usage
from aver.gateway.wire.openai_embeddings import OpenAIEmbeddings, read_embeddings, write_embeddings
from aver.gateway.wire.types import Embeddings, EmbeddingsRequest, Endpoint

AT = Endpoint("https://models.example/v1/", "embed-1")
FLOATS = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=4).map(tuple)


def test_a_request_is_written():
    asked = EmbeddingsRequest(("a", "b"), 256, "query", {"user": "u"})
    request = OpenAIEmbeddings().request(asked, AT)
    assert request.url == "https://models.example/v1/embeddings"
    assert request.dropped == ("purpose",)
    assert orjson.loads(request.body) == {
        "model": "embed-1",
        "input": ["a", "b"],
        "encoding_format": "float",
        "dimensions": 256,
        "user": "u",
    }


@pytest.mark.parametrize("asked", ["a", ["a", "b"]])
def test_a_request_is_read(asked):
    body = {"model": "m", "input": asked, "dimensions": 8, "encoding_format": "base64", "user": "u"}
    texts = ("a",) if asked == "a" else ("a", "b")
    assert read_embeddings(body) == EmbeddingsRequest(texts, 8, extra={"user": "u"})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "input is not a text"),
        ({"input": []}, "input is not a text"),
        ({"input": [1, 2]}, "holds tokens"),
        ({"input": [[1, 2], [3]]}, "holds tokens"),
        ({"input": ["a", 1]}, "input is not a text"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "dimensions": "many"}, "dimensions"),
    ],
)
def test_a_wrong_field_is_named(body, says):
    with pytest.raises(InvalidInput, match=says):
        read_embeddings(body)


@given(st.lists(FLOATS, min_size=1, max_size=3).map(tuple), st.sampled_from(["float", "base64"]))
def test_what_is_written_is_read_again_as_it_was(vectors, encoding):
    written = write_embeddings(Embeddings(vectors, Usage(9)), {"encoding_format": encoding}, model="m")
    again = OpenAIEmbeddings().embeddings(written)
    assert again == Embeddings(vectors, Usage(9, cost_usd=None), "m")


def test_vectors_come_in_the_order_of_their_texts():
    data = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1]}]
    assert OpenAIEmbeddings().embeddings(orjson.dumps({"data": data})).vectors == ((1.0,), (2.0,))


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b'{"data": [{"index": 1, "embedding": [1]}]}',
        b'{"data": [{"index": 0, "embedding": []}]}',
        b'{"data": [{"index": 0, "embedding": ["x"]}]}',
        b'{"data": [{"index": 0, "embedding": "AAA"}]}',
    ],
)
def test_what_is_no_answer_is_an_error(body):
    with pytest.raises(ProviderError, match="cannot be read"):
        OpenAIEmbeddings().embeddings(body)


def test_an_error_keeps_its_class():
    assert isinstance(OpenAIEmbeddings().error(429, {}, b""), ProviderThrottled)
