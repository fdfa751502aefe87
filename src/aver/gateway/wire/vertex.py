"""Gemini on Google Cloud's Vertex AI: the same bodies under a project's addresses.

References: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from aver.core.errors import ProviderDenied, ProviderError
from aver.gateway.types import Family, Usage
from aver.gateway.wire.gemini import TASKS, GeminiChat
from aver.gateway.wire.gemini_reply import error
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.refusals import unreadable
from aver.gateway.wire.types import Embeddings, EmbeddingsRequest, Endpoint, HttpRequest

__all__ = ["VertexChat", "VertexEmbeddings"]


class VertexChat(GeminiChat):
    def address(self, endpoint: Endpoint, verb: str) -> str:
        return _address(endpoint, verb)


class VertexEmbeddings:
    family: Family = "gemini"
    most = 1
    """Gemini's embedding models take one text a call here."""

    def request(self, embeddings: EmbeddingsRequest, endpoint: Endpoint) -> HttpRequest:
        task = TASKS.get(embeddings.purpose)
        instances = [{"content": text} | ({"task_type": task} if task else {}) for text in embeddings.texts]
        parameters: dict[str, Any] = {"autoTruncate": False}  # a text cut short in silence is another text
        if embeddings.dimensions is not None:
            parameters["outputDimensionality"] = embeddings.dimensions
        body = as_json({"instances": instances, "parameters": parameters})
        headers = {"Content-Type": "application/json"}
        return HttpRequest(_address(endpoint, "predict"), body, headers, tuple(embeddings.extra))

    def embeddings(self, body: bytes) -> Embeddings:
        try:
            told = [each["embeddings"] for each in orjson.loads(body)["predictions"]]
            tokens = sum(int((each.get("statistics") or {}).get("token_count") or 0) for each in told)
            return Embeddings(tuple(tuple(each["values"]) for each in told), Usage(tokens, 0, None) if tokens else None)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as wrong:
            raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return error(status, headers, body)


def _address(endpoint: Endpoint, verb: str) -> str:
    """Raises :class:`~aver.core.errors.ProviderDenied` when it is not said whose project is asked."""
    project, location = endpoint.options.get("project", ""), endpoint.options.get("location", "global")
    model = endpoint.model.removeprefix("models/")
    if not model.startswith("projects/"):
        if not project:
            raise ProviderDenied("The Vertex AI provider has no project", "Set options.project of the provider.")
        publisher = "" if model.startswith("publishers/") else "publishers/google/models/"
        model = f"projects/{project}/locations/{location}/{publisher}{model}"
    host = "aiplatform.googleapis.com" if location == "global" else f"{location}-aiplatform.googleapis.com"
    base = (endpoint.base_url or f"https://{host}").rstrip("/")
    return f"{base if base.endswith(('/v1', '/v1beta1')) else base + '/v1'}/{quote(model)}:{verb}"
