"""Gemini under Vertex AI's addresses."""

import json

import pytest

from aver.core.errors import ProviderDenied, ProviderError
from aver.gateway.types import ChatRequest, Message, Usage
from aver.gateway.wire.registry import chat_dialect, embed_dialect
from aver.gateway.wire.types import EmbeddingsRequest, Endpoint

HI = ChatRequest((Message("user", "hi"),))
PLACE = "projects/acme/locations/europe-west4/publishers/google/models/gemini-2.5-pro"


def url(model="gemini-2.5-pro", base_url="", stream=False, **options):
    endpoint = Endpoint(base_url, model, {"project": "acme", "location": "europe-west4"} | options)
    return chat_dialect("vertex").request(HI, endpoint, stream=stream).url


def test_addresses_hold_project_location_and_publisher():
    assert url() == f"https://europe-west4-aiplatform.googleapis.com/v1/{PLACE}:generateContent"
    assert url(stream=True).endswith(f"/v1/{PLACE}:streamGenerateContent?alt=sse")
    assert url(base_url="http://proxy/v1beta1/") == f"http://proxy/v1beta1/{PLACE}:generateContent"


def test_the_global_location_has_a_host_of_its_own():
    assert url(location="global").startswith("https://aiplatform.googleapis.com/v1/projects/acme/locations/global/")


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("publishers/meta/models/llama", "projects/acme/locations/europe-west4/publishers/meta/models/llama"),
        ("projects/9/locations/us-central1/endpoints/5", "projects/9/locations/us-central1/endpoints/5"),
        ("models/gemini-2.5-pro", PLACE),
    ],
)
def test_models_can_be_named_by_their_path(model, path):
    assert url(model).endswith(f"/v1/{path}:generateContent")


def test_a_provider_without_project_says_what_to_set():
    with pytest.raises(ProviderDenied, match=r"Set options\.project"):
        chat_dialect("vertex").request(HI, Endpoint("", "gemini-2.5-pro"), stream=False)


def test_the_body_is_geminis():
    endpoint = Endpoint("", "gemini-2.5-pro", {"project": "acme"})
    ours = chat_dialect("vertex").request(HI, endpoint, stream=False)
    assert ours.body == chat_dialect("gemini").request(HI, endpoint, stream=False).body


def test_embeddings_are_predictions_and_no_text_is_cut_in_silence():
    dialect = embed_dialect("vertex")
    endpoint = Endpoint("", "text-embedding-005", {"project": "acme", "location": "us-central1"})
    request = dialect.request(EmbeddingsRequest(("a b",), 2, "document"), endpoint)
    assert request.url.endswith("/publishers/google/models/text-embedding-005:predict")
    assert json.loads(request.body) == {
        "instances": [{"content": "a b", "task_type": "RETRIEVAL_DOCUMENT"}],
        "parameters": {"autoTruncate": False, "outputDimensionality": 2},
    }
    read = dialect.embeddings(
        b'{"predictions": [{"embeddings": {"values": [0.6, 0.8], "statistics": {"token_count": 2, "truncated": false}}}]}'
    )
    assert (read.vectors, read.usage) == (((0.6, 0.8),), Usage(2, 0, None))


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"predictions": [{}]}', b'{"predictions": [{"embeddings": 5}]}'])
def test_what_are_no_embeddings_is_an_error(body):
    with pytest.raises(ProviderError):
        embed_dialect("vertex").embeddings(body)
