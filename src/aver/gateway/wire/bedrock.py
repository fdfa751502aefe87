"""Amazon Bedrock, asked for text through Converse.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aver.core.errors import ProviderError
from aver.gateway.types import ChatRequest, Completion, Family
from aver.gateway.wire.bedrock_reply import BedrockReader, error, read_completion
from aver.gateway.wire.bedrock_request import bounded, write_chat
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.types import Endpoint, HttpRequest, StreamReader

__all__ = ["BedrockChat", "address"]

_HEADERS = {"Content-Type": "application/json"}
_REGION = "us-east-1"


class BedrockChat:
    family: Family = "bedrock"

    def request(self, chat: ChatRequest, endpoint: Endpoint, *, stream: bool) -> HttpRequest:
        body, dropped = write_chat(chat, endpoint)
        return HttpRequest(_url(endpoint, stream), as_json(body), dict(_HEADERS), tuple(dropped))

    def forward(
        self, body: Mapping[str, Any], endpoint: Endpoint, *, stream: bool, max_tokens: int | None = None
    ) -> HttpRequest:
        return HttpRequest(_url(endpoint, stream), as_json(bounded(body, max_tokens)), dict(_HEADERS))

    def completion(self, body: bytes) -> Completion:
        return read_completion(body)

    def reader(self, *, asked_usage: bool) -> StreamReader:  # noqa: ARG002 - Bedrock always tells the usage
        return BedrockReader()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return error(status, headers, body)


def address(endpoint: Endpoint, verb: str) -> str:
    """Where ``verb`` is asked of the model, which may be an ARN: its colons and slashes are one segment of the path. The option
    ``region`` is us-east-1 unless set."""
    region = endpoint.options.get("region", _REGION)
    base = (endpoint.base_url or f"https://bedrock-runtime.{region}.amazonaws.com").rstrip("/")
    return f"{base}/model/{quote(endpoint.model, safe='')}/{verb}"


def _url(endpoint: Endpoint, stream: bool) -> str:
    return address(endpoint, "converse-stream" if stream else "converse")
