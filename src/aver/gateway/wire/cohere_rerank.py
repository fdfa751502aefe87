"""Cohere's reranking.

Reference: https://docs.cohere.com/reference/rerank.
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
from aver.gateway.wire.types import Endpoint, HttpRequest, Reranked, RerankRequest

__all__ = ["CohereRerank"]


class CohereRerank:
    family: Family = "cohere"

    def request(self, rerank: RerankRequest, endpoint: Endpoint) -> HttpRequest:
        body: dict[str, Any] = {"model": endpoint.model, "query": rerank.query, "documents": list(rerank.documents)}
        if rerank.limit is not None:
            body["top_n"] = rerank.limit
        return HttpRequest(address(endpoint, "rerank"), as_json(body), {"Content-Type": "application/json"})

    def reranked(self, body: bytes) -> Reranked:
        """Cohere counts searches, not tokens: the usage is theirs where it is told at all."""
        try:
            reply = orjson.loads(body)
            ranked = [(int(each["index"]), float(each["relevance_score"])) for each in reply["results"]]
            meta = reply.get("meta") or {}
            ranked.sort(key=lambda pair: -pair[1])
            return Reranked(tuple(ranked), usage_of(meta) if meta.get("tokens") else None)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as wrong:
            raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return error(status, headers, body)
