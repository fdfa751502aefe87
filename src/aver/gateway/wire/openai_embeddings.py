"""OpenAI's embeddings, on both sides.

Reference: https://platform.openai.com/docs/api-reference/embeddings.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from aver.core.errors import InvalidInput, ProviderError
from aver.gateway.types import Family
from aver.gateway.wire.openai_fields import as_json, number, wrong
from aver.gateway.wire.openai_replies import usage_of
from aver.gateway.wire.refusals import refusal, unreadable
from aver.gateway.wire.types import Embeddings, EmbeddingsRequest, Endpoint, HttpRequest

__all__ = ["OpenAIEmbeddings", "read_embeddings", "write_embeddings"]

_OWN = frozenset({"dimensions", "encoding_format", "input", "model"})


def read_embeddings(body: Mapping[str, Any]) -> EmbeddingsRequest:
    """A caller's request. Raises :class:`~aver.core.errors.InvalidInput` naming the field that is wrong."""
    asked = body.get("input")
    texts = (asked,) if isinstance(asked, str) else asked
    if not isinstance(texts, list | tuple) or not texts:
        raise wrong("input", "a text or a list of texts")
    if not all(isinstance(each, str) for each in texts):
        if all(isinstance(each, int | list) for each in texts):
            raise InvalidInput(
                "input holds tokens, which mean something to one tokenizer alone", "Send the texts themselves."
            )
        raise wrong("input", "a text or a list of texts")
    if body.get("encoding_format") not in (None, "float", "base64"):
        raise wrong("encoding_format", "float or base64")
    dimensions = number(body, "dimensions")
    if dimensions is not None and (dimensions < 1 or dimensions != int(dimensions)):
        raise wrong("dimensions", "a whole number of at least 1")
    extra = {name: value for name, value in body.items() if name not in _OWN}
    return EmbeddingsRequest(tuple(texts), None if dimensions is None else int(dimensions), extra=extra)


def write_embeddings(embeddings: Embeddings, body: Mapping[str, Any], *, model: str) -> bytes:
    """The answer to the request ``body``, in the encoding it asked for."""
    in_base64 = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if in_base64 else vector}
        for index, vector in enumerate(embeddings.vectors)
    ]
    tokens = embeddings.usage.input_tokens if embeddings.usage else 0
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return as_json({"object": "list", "data": data, "model": model, "usage": usage})


class OpenAIEmbeddings:
    """An :class:`~aver.gateway.wire.types.EmbedDialect`. ``base_url`` ends before ``/embeddings``."""

    family: Family = "openai"
    most = 2048

    def request(self, embeddings: EmbeddingsRequest, endpoint: Endpoint) -> HttpRequest:
        body: dict[str, Any] = {**embeddings.extra, "model": endpoint.model, "input": list(embeddings.texts)}
        body["encoding_format"] = endpoint.options.get("encoding_format", "float")
        if embeddings.dimensions is not None:
            body["dimensions"] = embeddings.dimensions
        dropped = ("purpose",) if embeddings.purpose else ()
        return HttpRequest(self.url(endpoint), as_json(body), {"Content-Type": "application/json"}, dropped)

    def url(self, endpoint: Endpoint) -> str:
        return endpoint.base_url.rstrip("/") + "/embeddings"

    def embeddings(self, body: bytes) -> Embeddings:
        """Floats or base64, in the order of the texts. Raises :class:`~aver.core.errors.ProviderError` when it is none."""
        try:
            reply = orjson.loads(body)
            if reply.get("error"):
                raise refusal(0, {}, body)
            rows = {row["index"]: row["embedding"] for row in reply["data"]}
            vectors = tuple(_vector(rows[index]) for index in range(len(reply["data"])))
            usage = reply.get("usage")
            return Embeddings(vectors, usage_of(usage) if usage else None, str(reply.get("model") or ""))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise unreadable(f"{type(error).__name__}: {error}") from error

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return refusal(status, headers, body)


def _base64(vector: tuple[float, ...]) -> str:
    """Little-endian 32-bit floats."""
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()


def _vector(value: object) -> tuple[float, ...]:
    if isinstance(value, str):
        return tuple(np.frombuffer(base64.b64decode(value, validate=True), "<f4").tolist())
    if not isinstance(value, list) or not value:
        raise TypeError("an embedding is no list of numbers")
    return tuple(map(float, value))
