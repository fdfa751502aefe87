"""Embeddings on Amazon Bedrock, where each maker's model is asked in its own way: Amazon's Titan and Cohere's.

References: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import ProviderError, RequestRejected
from aver.gateway.types import Family, Usage
from aver.gateway.wire.bedrock import address
from aver.gateway.wire.bedrock_reply import error
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.refusals import unreadable
from aver.gateway.wire.types import Embeddings, EmbeddingsRequest, Endpoint, HttpRequest

__all__ = ["BedrockEmbeddings"]

_TYPES = {"document": "search_document", "query": "search_query", "": "search_document"}


class BedrockEmbeddings:
    family: Family = "bedrock"
    most = 1
    """Titan takes one text a call."""

    def request(self, embeddings: EmbeddingsRequest, endpoint: Endpoint) -> HttpRequest:
        dropped = list(embeddings.extra)
        body: dict[str, Any]
        if "cohere." in endpoint.model:
            input_type = _TYPES.get(embeddings.purpose, "search_document")
            body = {"texts": list(embeddings.texts), "input_type": input_type, "embedding_types": ["float"]}
            if embeddings.dimensions is not None and "embed-v4" in endpoint.model:
                body["output_dimension"] = embeddings.dimensions
            elif embeddings.dimensions is not None:
                dropped.append("dimensions")
        elif len(embeddings.texts) != 1:
            raise RequestRejected(
                f"{endpoint.model} takes one text a call, not {len(embeddings.texts)}", "Send the texts one by one."
            )
        else:
            body = {"inputText": embeddings.texts[0]}
            if embeddings.dimensions is not None:
                body["dimensions"] = embeddings.dimensions
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return HttpRequest(address(endpoint, "invoke"), as_json(body), headers, tuple(dropped))

    def embeddings(self, body: bytes) -> Embeddings:
        """Cohere's models tell their count of tokens in a header alone."""
        try:
            reply = orjson.loads(body)
            if "embedding" in reply:
                tokens = reply.get("inputTextTokenCount")
                return Embeddings((tuple(reply["embedding"]),), None if tokens is None else Usage(int(tokens), 0, None))
            rows = reply["embeddings"]
            rows = rows["float"] if isinstance(rows, dict) else rows
            return Embeddings(tuple(tuple(row) for row in rows))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as wrong:
            raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return error(status, headers, body)
