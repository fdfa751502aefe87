"""OpenAI's chat completions: what most providers, servers and clients speak.

Reference: https://platform.openai.com/docs/api-reference/chat. Servers differ (vLLM, TGI, Ollama, Groq, Mistral, DeepSeek); what is read
is what they say, what is written is what they share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.core.errors import AverError, ProviderError
from aver.gateway.types import ChatRequest, Completion, Family
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.openai_replies import openai_error, read_completion, write_completion
from aver.gateway.wire.openai_requests import asks_usage, bound_tokens, read_chat, write_chat
from aver.gateway.wire.openai_streams import ChatReader, ChatWriter
from aver.gateway.wire.refusals import refusal
from aver.gateway.wire.types import Endpoint, HttpRequest

__all__ = ["OpenAIChat", "OpenAIDoor", "openai_error"]


class OpenAIChat:
    """A :class:`~aver.gateway.wire.types.ChatDialect`. ``base_url`` ends before ``/chat/completions``. Of the provider's options,
    ``max_tokens_field`` names what bounds the output there, and ``stream_usage: no`` is for servers that refuse to be asked for the usage
    of a stream."""

    family: Family = "openai"

    def request(self, chat: ChatRequest, endpoint: Endpoint, *, stream: bool) -> HttpRequest:
        body, dropped = write_chat(chat, endpoint, stream=stream)
        return HttpRequest(self.url(endpoint), as_json(body), {"Content-Type": "application/json"}, tuple(dropped))

    def forward(
        self, body: Mapping[str, Any], endpoint: Endpoint, *, stream: bool, max_tokens: int | None = None
    ) -> HttpRequest:
        sent = dict(body)
        sent["model"] = endpoint.model
        if stream:
            sent["stream"] = True
            options = body.get("stream_options")
            told = options if isinstance(options, dict) else {}
            if asks_usage(endpoint) and (told or not options) and not told.get("include_usage"):
                sent["stream_options"] = {**told, "include_usage": True}
        else:
            sent.pop("stream", None)
            sent.pop("stream_options", None)
        bound_tokens(sent, max_tokens, endpoint)
        return HttpRequest(self.url(endpoint), as_json(sent), {"Content-Type": "application/json"})

    def url(self, endpoint: Endpoint) -> str:
        return endpoint.base_url.rstrip("/") + "/chat/completions"

    def completion(self, body: bytes) -> Completion:
        return read_completion(body)

    def reader(self, *, asked_usage: bool) -> ChatReader:
        return ChatReader(asked_usage=asked_usage)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return refusal(status, headers, body)


class OpenAIDoor:
    """A :class:`~aver.gateway.wire.types.Door` for ``/v1/chat/completions``."""

    family: Family = "openai"

    def chat(self, body: Mapping[str, Any]) -> ChatRequest:
        return read_chat(body)

    def completion(
        self,
        completion: Completion,
        body: Mapping[str, Any],  # noqa: ARG002 - the protocol's
        *,
        reply_id: str,
        model: str,
        created: int,
    ) -> bytes:
        return write_completion(completion, reply_id=reply_id, model=model, created=created)

    def writer(self, body: Mapping[str, Any], *, reply_id: str, model: str, created: int) -> ChatWriter:
        return ChatWriter(body, reply_id=reply_id, model=model, created=created)

    def error(self, error: AverError, request_id: str) -> bytes:  # noqa: ARG002 - it has no place for the id
        return as_json(openai_error(error))
