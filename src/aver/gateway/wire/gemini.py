"""Google's Gemini API, asked for text and for embeddings.

Reference: https://ai.google.dev/api.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from aver.core.errors import ProviderError
from aver.gateway.types import ChatRequest, Completion, Family
from aver.gateway.wire.gemini_reply import GeminiReader, error, read_completion
from aver.gateway.wire.gemini_request import bounded, write_chat
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.refusals import unreadable
from aver.gateway.wire.types import Embeddings, EmbeddingsRequest, Endpoint, HttpRequest, StreamReader

__all__ = ["TASKS", "GeminiChat", "GeminiEmbeddings"]

_BASE_URL = "https://generativelanguage.googleapis.com"
_HEADERS = {"Content-Type": "application/json"}
TASKS = {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"}


class GeminiChat:
    family: Family = "gemini"

    def address(self, endpoint: Endpoint, verb: str) -> str:
        """Where ``verb`` is asked of the model. The option ``api_version`` is ``v1beta`` unless set."""
        return _address(endpoint, verb)

    def request(self, chat: ChatRequest, endpoint: Endpoint, *, stream: bool) -> HttpRequest:
        body, dropped = write_chat(chat, endpoint.model)
        return HttpRequest(self._url(endpoint, stream), as_json(body), dict(_HEADERS), tuple(dropped))

    def forward(
        self, body: Mapping[str, Any], endpoint: Endpoint, *, stream: bool, max_tokens: int | None = None
    ) -> HttpRequest:
        return HttpRequest(self._url(endpoint, stream), as_json(bounded(body, max_tokens)), dict(_HEADERS))

    def _url(self, endpoint: Endpoint, stream: bool) -> str:
        return self.address(endpoint, "streamGenerateContent?alt=sse" if stream else "generateContent")

    def completion(self, body: bytes) -> Completion:
        return read_completion(body)

    def reader(self, *, asked_usage: bool) -> StreamReader:  # noqa: ARG002 - Gemini always tells the usage
        return GeminiReader()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return error(status, headers, body)


class GeminiEmbeddings:
    family: Family = "gemini"
    most = 100

    def request(self, embeddings: EmbeddingsRequest, endpoint: Endpoint) -> HttpRequest:
        same: dict[str, Any] = {"model": _path(endpoint.model)}
        if task := TASKS.get(embeddings.purpose):
            same["taskType"] = task
        if embeddings.dimensions is not None:
            same["outputDimensionality"] = embeddings.dimensions
        requests = [same | {"content": {"parts": [{"text": text}]}} for text in embeddings.texts]
        url = _address(endpoint, "batchEmbedContents")
        return HttpRequest(url, as_json({"requests": requests}), dict(_HEADERS), tuple(embeddings.extra))

    def embeddings(self, body: bytes) -> Embeddings:
        """Gemini counts no tokens of embeddings."""
        try:
            return Embeddings(tuple(tuple(each["values"]) for each in orjson.loads(body)["embeddings"]))
        except (orjson.JSONDecodeError, KeyError, TypeError) as wrong:
            raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return error(status, headers, body)


def _address(endpoint: Endpoint, verb: str) -> str:
    base = (endpoint.base_url or _BASE_URL).rstrip("/")
    if not base.endswith(("/v1", "/v1beta", "/v1alpha")):
        base += "/" + endpoint.options.get("api_version", "v1beta")
    return f"{base}/{quote(_path(endpoint.model))}:{verb}"


def _path(model: str) -> str:
    return model if "/" in model else f"models/{model}"
