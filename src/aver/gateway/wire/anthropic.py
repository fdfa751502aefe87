"""Anthropic's protocol: ``/v1/messages``.

Reference: https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import AverError, ProviderError
from aver.gateway.types import ChatRequest, Completion, Family
from aver.gateway.wire.anthropic_blocks import FAMILY
from aver.gateway.wire.anthropic_count import estimate
from aver.gateway.wire.anthropic_errors import error_of, shape
from aver.gateway.wire.anthropic_reader import AnthropicReader
from aver.gateway.wire.anthropic_reading import read_chat
from aver.gateway.wire.anthropic_replies import read_completion, write_completion
from aver.gateway.wire.anthropic_writer import AnthropicWriter
from aver.gateway.wire.anthropic_writing import most_tokens, only_signed, with_room_to_answer, write_chat
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.refusals import unreadable
from aver.gateway.wire.types import Endpoint, HttpRequest

__all__ = ["AnthropicChat", "AnthropicDoor"]

_COUNTED = frozenset(
    {
        "cache_control",
        "context_management",
        "mcp_servers",
        "messages",
        "output_config",
        "output_format",
        "speed",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    }
)
"""Fields that counting takes; it refuses the others."""


class AnthropicChat:
    """The body's field ``anthropic_beta``, a list of names, goes out as the header ``anthropic-beta``."""

    family: Family = "anthropic"

    def request(self, chat: ChatRequest, endpoint: Endpoint, *, stream: bool) -> HttpRequest:
        body, dropped = write_chat(chat, endpoint, stream=stream)
        return _post(endpoint, "/v1/messages", body, dropped)

    def forward(
        self, body: Mapping[str, Any], endpoint: Endpoint, *, stream: bool, max_tokens: int | None = None
    ) -> HttpRequest:
        sent = _forwarded(body, endpoint)
        asked = body.get("max_tokens")
        if not isinstance(asked, int):
            sent["max_tokens"] = max_tokens if max_tokens is not None else most_tokens(None, endpoint)
        elif max_tokens is not None and not 0 < asked <= max_tokens:
            sent["max_tokens"] = max_tokens
            with_room_to_answer(sent)
        if stream:
            sent["stream"] = True
        else:
            sent.pop("stream", None)
        return _post(endpoint, "/v1/messages", sent)

    def completion(self, body: bytes) -> Completion:
        return read_completion(body)

    def reader(self, *, asked_usage: bool) -> AnthropicReader:  # noqa: ARG002 - usage is always a part of it
        return AnthropicReader()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return error_of(status, headers, body)

    def count_request(self, body: Mapping[str, Any], endpoint: Endpoint) -> HttpRequest:
        """Asks Anthropic how many tokens the request ``body`` of this family is."""
        sent = {name: value for name, value in _forwarded(body, endpoint).items() if name in _COUNTED}
        return _post(endpoint, "/v1/messages/count_tokens", sent | _kept(body) | {"model": endpoint.model})

    def counted(self, body: bytes) -> int:
        """The answer. Raises :class:`~aver.core.errors.ProviderError` when it is none."""
        try:
            return int(orjson.loads(body)["input_tokens"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise unreadable(f"{type(error).__name__}: {error}") from error


class AnthropicDoor:
    family: Family = "anthropic"

    def chat(self, body: Mapping[str, Any]) -> ChatRequest:
        return read_chat(body)

    def completion(
        self,
        completion: Completion,
        body: Mapping[str, Any],  # noqa: ARG002 - it has no say here
        *,
        reply_id: str,
        model: str,
        created: int,  # noqa: ARG002 - this family does not say when
    ) -> bytes:
        if completion.family == FAMILY and completion.raw:
            return completion.raw
        return write_completion(completion, reply_id=reply_id, model=model)

    def writer(self, body: Mapping[str, Any], *, reply_id: str, model: str, created: int) -> AnthropicWriter:  # noqa: ARG002
        return AnthropicWriter(reply_id=reply_id, model=model)

    def error(self, error: AverError, request_id: str) -> bytes:
        return as_json(shape(error, request_id))

    def count(self, body: Mapping[str, Any]) -> int:
        """An estimate of the tokens of the request, for models that do not count; see :mod:`aver.gateway.wire.anthropic_count`. Raises
        :class:`~aver.core.errors.InvalidInput` when the body is no request."""
        return estimate(read_chat(body))


def _forwarded(body: Mapping[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    sent = {**body, "model": endpoint.model}
    if (messages := only_signed(body.get("messages"))) is not None:
        sent["messages"] = messages
    return sent


def _kept(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"anthropic_beta": body["anthropic_beta"]} if "anthropic_beta" in body else {}


def _post(endpoint: Endpoint, path: str, body: dict[str, Any], dropped: list[str] | None = None) -> HttpRequest:
    headers = {"Content-Type": "application/json"}
    betas = body.pop("anthropic_beta", None)
    if isinstance(betas, list) and betas:
        headers["anthropic-beta"] = ",".join(map(str, betas))
    url = endpoint.base_url.rstrip("/").removesuffix("/v1") + path
    return HttpRequest(url, as_json(body), headers, tuple(dropped or ()))
