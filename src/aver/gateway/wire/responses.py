"""OpenAI's responses protocol. Aver keeps no replies: what a caller means by the id of an earlier one, only its provider knows.

Reference: https://platform.openai.com/docs/api-reference/responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.core.errors import AverError, ProviderError
from aver.gateway.types import ChatRequest, Completion, Family
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.openai_replies import openai_error
from aver.gateway.wire.refusals import refusal
from aver.gateway.wire.responses_reader import ResponsesReader
from aver.gateway.wire.responses_replies import read_response, write_response
from aver.gateway.wire.responses_requests import read_request, write_request
from aver.gateway.wire.responses_writer import ResponsesWriter
from aver.gateway.wire.types import Endpoint, HttpRequest

__all__ = ["ResponsesChat", "ResponsesDoor"]


class ResponsesChat:
    """A :class:`~aver.gateway.wire.types.ChatDialect`. ``base_url`` ends before ``/responses``."""

    family: Family = "responses"

    def request(self, chat: ChatRequest, endpoint: Endpoint, *, stream: bool) -> HttpRequest:
        body, dropped = write_request(chat, endpoint, stream=stream)
        return HttpRequest(_url(endpoint), as_json(body), {"Content-Type": "application/json"}, tuple(dropped))

    def forward(
        self, body: Mapping[str, Any], endpoint: Endpoint, *, stream: bool, max_tokens: int | None = None
    ) -> HttpRequest:
        sent = dict(body)
        sent["model"] = endpoint.model
        sent["stream"] = stream
        asked = body.get("max_output_tokens")
        if max_tokens is not None and (not isinstance(asked, int) or not 0 < asked <= max_tokens):
            sent["max_output_tokens"] = max_tokens
        return HttpRequest(_url(endpoint), as_json(sent), {"Content-Type": "application/json"})

    def completion(self, body: bytes) -> Completion:
        return read_response(body)

    def reader(self, *, asked_usage: bool) -> ResponsesReader:  # noqa: ARG002 - usage is always part of this protocol
        return ResponsesReader()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return refusal(status, headers, body)


class ResponsesDoor:
    """A :class:`~aver.gateway.wire.types.Door` for ``/v1/responses``."""

    family: Family = "responses"

    def chat(self, body: Mapping[str, Any]) -> ChatRequest:
        return read_request(body)

    def completion(
        self, completion: Completion, body: Mapping[str, Any], *, reply_id: str, model: str, created: int
    ) -> bytes:
        return write_response(completion, body, reply_id=reply_id, model=model, created=created)

    def writer(self, body: Mapping[str, Any], *, reply_id: str, model: str, created: int) -> ResponsesWriter:
        return ResponsesWriter(body, reply_id=reply_id, model=model, created=created)

    def error(self, error: AverError, request_id: str) -> bytes:  # noqa: ARG002 - it has no place for the id
        return as_json(openai_error(error))


def _url(endpoint: Endpoint) -> str:
    return endpoint.base_url.rstrip("/") + "/responses"
