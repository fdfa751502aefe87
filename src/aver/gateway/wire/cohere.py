"""Cohere's second API, asked for text.

Reference: https://docs.cohere.com/reference/chat.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.core.errors import ProviderError
from aver.gateway.types import ChatRequest, Completion, Family
from aver.gateway.wire.cohere_reply import CohereReader, error, read_completion
from aver.gateway.wire.cohere_request import bounded, write_chat
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.types import Endpoint, HttpRequest, StreamReader

__all__ = ["CohereChat", "address"]

_BASE_URL = "https://api.cohere.com"
_HEADERS = {"Content-Type": "application/json"}


class CohereChat:
    family: Family = "cohere"

    def request(self, chat: ChatRequest, endpoint: Endpoint, *, stream: bool) -> HttpRequest:
        body, dropped = write_chat(chat, endpoint.model, stream=stream)
        return HttpRequest(address(endpoint, "chat"), as_json(body), dict(_HEADERS), tuple(dropped))

    def forward(
        self, body: Mapping[str, Any], endpoint: Endpoint, *, stream: bool, max_tokens: int | None = None
    ) -> HttpRequest:
        sent = {**bounded(body, max_tokens), "model": endpoint.model, "stream": stream}
        return HttpRequest(address(endpoint, "chat"), as_json(sent), dict(_HEADERS))

    def completion(self, body: bytes) -> Completion:
        return read_completion(body)

    def reader(self, *, asked_usage: bool) -> StreamReader:  # noqa: ARG002 - Cohere always tells the usage
        return CohereReader()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return error(status, headers, body)


def address(endpoint: Endpoint, verb: str) -> str:
    base = (endpoint.base_url or _BASE_URL).rstrip("/").removesuffix("/v2")
    return f"{base}/v2/{verb}"
