"""OpenAI's chat completions, embeddings and models, and the same under Azure's addresses.

References: https://platform.openai.com/docs/api-reference, https://learn.microsoft.com/azure/ai-foundry/openai/reference.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

from aver.testing.fakes.types import Answer, Route, Streamed, as_event, as_json, cut_up, vectors
from aver.testing.replies import Asked, ErrorKind, Received, Reply

__all__ = ["CREATED", "VOICE", "OpenAIVoice", "error_body", "shows_key", "text_of"]

CREATED = 1_767_225_600
"""2026-01-01: answers carry a date, and a fixed one keeps them equal."""
_MODEL = "fake"
_SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
_ERRORS: dict[ErrorKind, tuple[int, str, str | None, str]] = {
    "auth": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided"),
    "forbidden": (403, "invalid_request_error", None, "You are not allowed to use this model"),
    "rate_limit": (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests per min: Limit 3, Used 3"),
    "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota; check your plan"),
    "context_overflow": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    ),
    "content_filter": (400, "invalid_request_error", "content_policy_violation", "Rejected by the safety system."),
    "invalid_request": (400, "invalid_request_error", None, "Invalid value for 'temperature'."),
    "not_found": (404, "invalid_request_error", "model_not_found", "The model does not exist or you lack access to it"),
    "too_large": (413, "invalid_request_error", None, "The request is too large"),
    "overloaded": (503, "server_error", None, "The server is currently overloaded with other requests."),
    "server": (500, "server_error", None, "The server had an error while processing your request."),
}


class OpenAIVoice:
    family = "openai"
    routes = (
        Route("GET", "/v1/models", "models"),
        Route("POST", "/v1/chat/completions"),
        Route("POST", "/v1/embeddings", "embeddings"),
        Route("GET", "/openai/v1/models", "models"),
        Route("POST", "/openai/v1/chat/completions"),
        Route("POST", "/openai/v1/embeddings", "embeddings"),
        Route("POST", "/openai/deployments/{deployment}/chat/completions"),
        Route("POST", "/openai/deployments/{deployment}/embeddings", "embeddings"),
    )

    def admits(self, received: Received, key: str) -> bool:
        return shows_key(received, key)

    def asked(self, received: Received) -> Asked:
        body = received.body
        if "deployment" in received.captured and "api-version" not in received.query:
            raise ValueError("the query parameter api-version is missing")
        model = str(received.captured.get("deployment") or body.get("model") or _MODEL)
        if received.operation == "embeddings":
            asked = body["input"]
            texts = (asked,) if isinstance(asked, str) else tuple(map(str, asked))
            return Asked(model, prompt="\n\n".join(texts), texts=texts)
        messages = body.get("messages", [])
        last = messages[-1] if messages else {}
        return Asked(
            model,
            bool(body.get("stream")),
            "\n\n".join(text_of(message.get("content")) for message in messages),
            text_of(last.get("content")) if last.get("role") == "assistant" else None,
        )

    def whole(self, received: Received, reply: Reply) -> Answer:
        match received.operation:
            case "models":
                model = {"id": _MODEL, "object": "model", "created": CREATED, "owned_by": "aver.testing"}
                return Answer(as_json({"object": "list", "data": [model]}))
            case "embeddings":
                return Answer(as_json(_embeddings(received, reply)))
        choice = {"index": 0, "message": _message(reply), "logprobs": None, "finish_reason": reply.ended}
        body = _envelope(received, "chat.completion") | {"choices": [choice]}
        if _is_azure(received):
            choice["content_filter_results"] = _SAFE
            body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": _SAFE}]
        if reply.fault == "empty-choices":
            body["choices"] = []
        return Answer(as_json(body | ({"usage": _usage(received, reply)} if reply.usage else {})))

    def stream(self, received: Received, reply: Reply) -> Streamed:
        envelope = _envelope(received, "chat.completion.chunk")
        options = received.body.get("stream_options")
        wants_usage = reply.usage and isinstance(options, dict) and bool(options.get("include_usage"))
        if wants_usage:
            envelope["usage"] = None

        def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return as_event(envelope | {"choices": [choice]})

        pieces = []
        if _is_azure(received):
            filtered = [{"prompt_index": 0, "content_filter_results": _SAFE}]
            pieces.append(as_event(envelope | {"choices": [], "prompt_filter_results": filtered}))
        ending = []
        if reply.fault != "empty-choices":
            pieces.append(chunk({"role": "assistant", "content": None if reply.tools else "", "refusal": None}))
            pieces += [chunk({"reasoning_content": each}) for each in cut_up(reply.reasoning, reply.piece)]
            pieces += [chunk({"content": each}) for each in cut_up(reply.text, reply.piece)]
            pieces += [chunk({"refusal": each}) for each in cut_up(reply.refusal, reply.piece)]
            for index, tool in enumerate(reply.tools):
                function = {"name": tool.name, "arguments": ""}
                first = {"index": index, "id": tool.id, "type": "function", "function": function}
                pieces.append(chunk({"tool_calls": [first]}))
                for each in cut_up(tool.arguments, reply.piece):
                    pieces.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": each}}]}))
            ending.append(chunk({}, reply.ended))
        if wants_usage:
            ending.append(as_event(envelope | {"choices": [], "usage": _usage(received, reply)}))
        ending.append(b"data: [DONE]\n\n")
        return Streamed(pieces, ending)

    def error(self, received: Received, kind: ErrorKind, message: str, status: int | None) -> Answer:
        usual, body = error_body(kind, message)
        if _is_azure(received) and kind == "content_filter":
            results = _SAFE | {"violence": {"filtered": True, "severity": "medium"}}
            inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": results}
            body["error"] |= {"type": None, "param": "prompt", "code": "content_filter", "status": 400}
            body["error"]["innererror"] = inner
        if _is_azure(received) and kind in ("auth", "rate_limit"):
            code = "401" if kind == "auth" else "RateLimitReached"
            body = {"error": {"code": code, "message": body["error"]["message"]}}
        return Answer(as_json(body), status or usual)

    def stream_error(self, received: Received, kind: ErrorKind, message: str) -> bytes:  # noqa: ARG002 - the same for all
        return as_event(error_body(kind, message)[1])

    def malformed(self) -> bytes:
        return b'data: {"choices": [{"delta": {"cont\n\n'


def shows_key(received: Received, key: str) -> bool:
    """As OpenAI wants a key, or as Azure does."""
    if received.path.startswith("/openai/") and received.headers.get("api-key") == key:
        return True
    return received.headers.get("Authorization") == f"Bearer {key}"


def error_body(kind: ErrorKind, message: str) -> tuple[int, dict[str, Any]]:
    """``(status, body)``."""
    status, type_, code, usual = _ERRORS[kind]
    param = "messages" if kind == "context_overflow" else None
    return status, {"error": {"message": message or usual, "type": type_, "param": param, "code": code}}


def text_of(content: object) -> str:
    """The text of a message's content, be it a string or parts."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return str(content or "")


def _is_azure(received: Received) -> bool:
    return received.path.startswith("/openai/")


def _envelope(received: Received, kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-fake",
        "object": kind,
        "created": CREATED,
        "model": received.model,
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }


def _message(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": reply.refusal or None}
    if reply.refusal or (reply.tools and not reply.text):
        message["content"] = None
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.tools:
        message["tool_calls"] = [
            {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}
            for tool in reply.tools
        ]
    return message


def _usage(received: Received, reply: Reply) -> dict[str, Any]:
    used = reply.used(received)
    return {
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "total_tokens": used.input + used.output,
        "prompt_tokens_details": {"cached_tokens": used.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": used.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _embeddings(received: Received, reply: Reply) -> dict[str, Any]:
    texts = received.asked.texts if received.asked else ()
    rows = reply.embeddings or vectors(texts, int(received.body.get("dimensions") or 8))
    in_base64 = received.body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(row) if in_base64 else list(row)}
        for index, row in enumerate([] if reply.fault == "empty-choices" else rows)
    ]
    body: dict[str, Any] = {"object": "list", "data": data, "model": received.model}
    if reply.usage:
        used = reply.used(received).input
        body["usage"] = {"prompt_tokens": used, "total_tokens": used}
    return body


def _base64(row: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode()


VOICE = OpenAIVoice()
