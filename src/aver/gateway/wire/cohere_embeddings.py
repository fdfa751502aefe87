"""Cohere's embeddings.

Reference: https://docs.cohere.com/reference/embed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import ProviderError
from aver.gateway.types import Family
from aver.gateway.wire.cohere import address
from aver.gateway.wire.cohere_reply import error, usage_of
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.refusals import unreadable
from aver.gateway.wire.types import Embeddings, EmbeddingsRequest, Endpoint, HttpRequest

__all__ = ["CohereEmbeddings"]

_TYPES = {"query": "search_query"}


class CohereEmbeddings:
    family: Family = "cohere"
    most = 96

    def request(self, embeddings: EmbeddingsRequest, endpoint: Endpoint) -> HttpRequest:
        """A text of no stated purpose is a document. One that is too long is refused, not cut."""
        body: dict[str, Any] = {
            "model": endpoint.model,
            "texts": list(embeddings.texts),
            "input_type": _TYPES.get(embeddings.purpose, "search_document"),
            "embedding_types": ["float"],
            "truncate": "NONE",
        }
        if embeddings.dimensions is not None:
            body["output_dimension"] = embeddings.dimensions
        headers = {"Content-Type": "application/json"}
        return HttpRequest(address(endpoint, "embed"), as_json(body), headers, tuple(embeddings.extra))

    def embeddings(self, body: bytes) -> Embeddings:
        try:
            reply = orjson.loads(body)
            vectors = tuple(tuple(row) for row in reply["embeddings"]["float"])
            meta = reply.get("meta") or {}
            return Embeddings(vectors, usage_of(meta) if meta.get("billed_units") else None)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as wrong:
            raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return error(status, headers, body)
