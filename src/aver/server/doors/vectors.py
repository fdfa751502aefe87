"""Embeddings and reranking."""

from __future__ import annotations

from aver.core.errors import InvalidInput
from aver.gateway.calls import Call
from aver.gateway.service import Gateway
from aver.gateway.wire import openai_embeddings as wire
from aver.gateway.wire.types import RerankRequest
from aver.server.wire import to_json

__all__ = ["embeddings", "rerank"]


async def embeddings(gateway: Gateway, call: Call) -> bytes:
    """OpenAI's protocol."""
    body = call.body or {}
    vectors = await gateway.embed(call, wire.read_embeddings(body))
    return wire.write_embeddings(vectors, body, model=call.model)


async def rerank(gateway: Gateway, call: Call) -> bytes:
    """The protocol that Cohere began and others share: a query, documents, and how many of the best to return."""
    body = call.body or {}
    query, documents, most = body.get("query"), body.get("documents"), body.get("top_n")
    if not isinstance(query, str) or not query:
        raise InvalidInput("query: expected a text", "Say what the documents are to be ranked for.")
    if not isinstance(documents, list) or not documents:
        raise InvalidInput("documents: expected a list of texts", "Send at least one.")
    texts = [each.get("text") if isinstance(each, dict) else each for each in documents]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidInput("documents: expected texts, or objects with a text", "Correct the list.")
    if most is not None and (not isinstance(most, int) or most < 1):
        raise InvalidInput("top_n: expected a whole number above 0", "Leave it out to rank all.")
    ranked = await gateway.rerank(call, RerankRequest(query, tuple(map(str, texts)), most))
    results = [{"index": index, "relevance_score": score} for index, score in ranked.results]
    return to_json({"model": call.model, "results": results})
