"""Azure's addresses and its filter."""

import orjson
import pytest

from aver.core.errors import ContentFiltered, ProviderDenied
from aver.gateway.types import ChatRequest, Message
from aver.gateway.wire.azure import AzureChat, AzureEmbeddings
from aver.gateway.wire.types import EmbeddingsRequest, Endpoint
from aver.testing.fakes.openai import VOICE
from aver.testing.replies import Received

RESOURCE = "https://house.openai.azure.com"


@pytest.mark.parametrize("base_url", [RESOURCE, f"{RESOURCE}/", f"{RESOURCE}/openai", f"{RESOURCE}/openai/v1/"])
@pytest.mark.parametrize(
    ("options", "chat", "embeddings"),
    [
        ({}, "/openai/v1/chat/completions", "/openai/v1/embeddings"),
        ({"api_version": "v1"}, "/openai/v1/chat/completions", "/openai/v1/embeddings"),
        (
            {"api_version": "preview"},
            "/openai/v1/chat/completions?api-version=preview",
            "/openai/v1/embeddings?api-version=preview",
        ),
        (
            {"api_version": "2024-10-21"},
            "/openai/deployments/our%20gpt/chat/completions?api-version=2024-10-21",
            "/openai/deployments/our%20gpt/embeddings?api-version=2024-10-21",
        ),
    ],
)
def test_the_address(base_url, options, chat, embeddings):
    endpoint = Endpoint(base_url, "our gpt", options)
    request = AzureChat().request(ChatRequest((Message("user", "x"),)), endpoint, stream=False)
    assert request.url == RESOURCE + chat
    assert AzureChat().forward({"messages": []}, endpoint, stream=True).url == RESOURCE + chat
    assert AzureEmbeddings().request(EmbeddingsRequest(("x",)), endpoint).url == RESOURCE + embeddings
    assert orjson.loads(request.body)["model"] == "our gpt"


def test_a_filtered_request_is_told_from_a_wrong_one():
    received = Received("/openai/v1/chat/completions", {})
    answer = VOICE.error(received, "content_filter", "", None)
    assert isinstance(AzureChat().error(answer.status, {}, answer.body), ContentFiltered)
    answer = VOICE.error(received, "auth", "", None)
    assert isinstance(AzureChat().error(answer.status, {}, answer.body), ProviderDenied)
