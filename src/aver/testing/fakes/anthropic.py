"""Anthropic's protocol, also under ``/anthropic`` as others host it.

Reference: https://docs.anthropic.com/en/api/messages, its streaming events and its errors.
"""

from __future__ import annotations

import json
from typing import Any

from aver.testing.fakes.openai import CREATED
from aver.testing.fakes.types import Answer, Route, Streamed, as_event, as_json, cut_up
from aver.testing.replies import Asked, ErrorKind, Received, Reply

__all__ = ["VOICE", "AnthropicVoice"]

_ERRORS: dict[ErrorKind, tuple[int, str, str]] = {
    "auth": (401, "authentication_error", "invalid x-api-key"),
    "forbidden": (403, "permission_error", "Your API key does not have permission to use the specified resource."),
    "rate_limit": (429, "rate_limit_error", "This request would exceed your rate limit of 5 requests per minute."),
    "quota": (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    "context_overflow": (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    "content_filter": (400, "invalid_request_error", "Output blocked by content filtering policy"),
    "invalid_request": (400, "invalid_request_error", "max_tokens: Field required"),
    "not_found": (404, "not_found_error", "model: fake"),
    "too_large": (413, "request_too_large", "Request exceeds the maximum size"),
    "overloaded": (529, "overloaded_error", "Overloaded"),
    "server": (500, "api_error", "Internal server error"),
}
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_COUNTED = {"messages", "model", "system", "thinking", "tool_choice", "tools"} | {
    "cache_control",
    "context_management",
    "mcp_servers",
    "output_config",
    "output_format",
    "speed",
}
_KNOWN = (
    _COUNTED
    | {"container", "diagnostics", "inference_geo", "max_tokens", "metadata", "service_tier"}
    | {"stop_sequences", "stream", "temperature", "top_k", "top_p"}
)
_REQUEST_ID = "req_011CSHoEeqs5C35K2UUqR7Fy"


class AnthropicVoice:
    family = "anthropic"
    routes = (
        Route("POST", "/v1/messages"),
        Route("POST", "/v1/messages/count_tokens", "count_tokens"),
        Route("GET", "/v1/models", "models"),
        Route("POST", "/anthropic/v1/messages"),
        Route("POST", "/anthropic/v1/messages/count_tokens", "count_tokens"),
        Route("GET", "/anthropic/v1/models", "models"),
    )

    def admits(self, received: Received, key: str) -> bool:
        shown = received.headers.get("x-api-key") or received.headers.get("authorization", "").removeprefix("Bearer ")
        return shown == key

    def asked(self, received: Received) -> Asked:
        if "anthropic-version" not in received.headers:
            raise ValueError("anthropic-version: header is required")
        body = received.body
        if received.operation == "models":
            return Asked()
        _check(body, _COUNTED if received.operation == "count_tokens" else _KNOWN)
        if received.operation == "chat" and not isinstance(body.get("max_tokens"), int):
            raise ValueError("max_tokens: Field required")
        messages = body["messages"]
        last = messages[-1]
        texts = [_text(body.get("system")), *(_text(message["content"]) for message in messages)]
        return Asked(
            body["model"],
            bool(body.get("stream")),
            "\n\n".join(text for text in texts if text),
            _text(last["content"]) if last["role"] == "assistant" else None,
        )

    def whole(self, received: Received, reply: Reply) -> Answer:
        match received.operation:
            case "models":
                return Answer(as_json(_models()))
            case "count_tokens":
                return Answer(as_json({"input_tokens": reply.used(received).input}))
        message = _message(received, reply)
        message["stop_reason"] = _STOPS.get(reply.ended, reply.ended)
        if reply.fault != "empty-choices":
            message["content"] = [block for block, _ in _blocks(reply)]
            for block in message["content"]:
                if block["type"] == "tool_use":
                    block["input"] = json.loads(block["input"] or "{}")
        if reply.usage:
            message["usage"] = _usage(received, reply)
        return Answer(as_json(message), headers={"request-id": _REQUEST_ID})

    def stream(self, received: Received, reply: Reply) -> Streamed:
        begun = _message(received, reply)
        begun["usage"] = {**_usage(received, reply), "output_tokens": 1} if reply.usage else {}
        begun["usage"].pop("output_tokens_details", None)
        pieces = [_event("message_start", message=begun)]
        closing: list[bytes] = []
        for index, (block, deltas) in enumerate(_blocks(reply) if reply.fault != "empty-choices" else ()):
            pieces += closing
            empty = {"text": "", "thinking": "", "signature": "", "input": {}}
            shown = block | {name: value for name, value in empty.items() if name in block}
            pieces.append(_event("content_block_start", index=index, content_block=shown))
            if index == 0:
                pieces.append(_event("ping"))
            written = [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
            closing = [_event("content_block_stop", index=index)]
            if deltas and deltas[-1]["type"] == "signature_delta":
                closing.insert(0, written.pop())
            pieces += written
        delta = {"stop_reason": _STOPS.get(reply.ended, reply.ended), "stop_sequence": None}
        usage = {"usage": _usage(received, reply)} if reply.usage else {}
        closing += [_event("message_delta", delta=delta, **usage), _event("message_stop")]
        return Streamed(pieces, closing)

    def error(self, received: Received, kind: ErrorKind, message: str, status: int | None) -> Answer:  # noqa: ARG002 - the same for all
        headers = {"request-id": _REQUEST_ID}
        return Answer(as_json(_error(kind, message)), status or _ERRORS[kind][0], headers=headers)

    def stream_error(self, received: Received, kind: ErrorKind, message: str) -> bytes:  # noqa: ARG002 - the same for all
        return as_event(_error(kind, message), "error")

    def malformed(self) -> bytes:
        return b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'


def _check(body: dict[str, Any], known: set[str]) -> None:
    """What Anthropic refuses. Raises ``ValueError`` in its words."""
    if unknown := sorted(set(body) - known):
        raise ValueError(f"{unknown[0]}: Extra inputs are not permitted")
    if not body.get("model"):
        raise ValueError("model: Field required")
    if not body.get("messages"):
        raise ValueError("messages: at least one message is required")
    most, budget = body.get("max_tokens"), (body.get("thinking") or {}).get("budget_tokens")
    if budget is not None and budget < 1024:
        raise ValueError("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if budget is not None and most is not None and budget >= most:
        raise ValueError("`max_tokens` must be greater than `thinking.budget_tokens`")
    _check_messages(body)
    last = body["messages"][-1]
    if last["role"] == "assistant" and _text(last["content"]) != _text(last["content"]).rstrip():
        raise ValueError("messages: final assistant content cannot end with trailing whitespace")


def _check_messages(body: dict[str, Any]) -> None:
    called: set[str] = set()
    used = False
    for index, message in enumerate(body["messages"]):
        blocks = message["content"] if isinstance(message["content"], list) else []
        given = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if given != [block.get("tool_use_id") for block in blocks][: len(given)]:
            raise ValueError(f"messages.{index}: tool_result blocks must come first")
        if unasked := set(given) - called:
            raise ValueError(f"messages.{index}: unexpected `tool_use_id` found in `tool_result`: {unasked.pop()}")
        if left := called - set(given):
            raise ValueError(f"messages.{index}: `tool_use` ids were found without `tool_result`: {left.pop()}")
        called = {block["id"] for block in blocks if block["type"] == "tool_use"}
        used = used or bool(called)
        if any(block["type"] == "text" and not block["text"] for block in blocks):
            raise ValueError("messages: text content blocks must be non-empty")
        # Signatures of this server's own begin with "sig".
        if any(block["type"] == "thinking" and not block["signature"].startswith("sig") for block in blocks):
            raise ValueError(f"messages.{index}: Invalid `signature` in `thinking` block")
    if used and not body.get("tools"):
        raise ValueError("Requests which include `tool_use` or `tool_result` blocks must define tools")


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(str(block.get("text") or "") or _text(block.get("content")) for block in content)
    return str(content or "")


def _models() -> dict[str, Any]:
    created = "2026-01-01T00:00:00Z"
    model = {"type": "model", "id": "fake", "display_name": "Fake", "created_at": created, "lifecycle": "active"}
    return {"data": [model], "has_more": False, "first_id": "fake", "last_id": "fake"}


def _error(kind: ErrorKind, message: str) -> dict[str, Any]:
    _, type_, usual = _ERRORS[kind]
    return {"type": "error", "error": {"type": type_, "message": message or usual}, "request_id": _REQUEST_ID}


def _event(name: str, **fields: Any) -> bytes:
    return as_event({"type": name, **fields}, name)


def _message(received: Received, reply: Reply) -> dict[str, Any]:
    return {
        "id": f"msg_{CREATED}",
        "type": "message",
        "role": "assistant",
        "model": received.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        **({"usage": None} if reply.usage else {}),
    }


def _blocks(reply: Reply) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each block whole, and the deltas it is streamed in. A tool's input is text here."""
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if reply.reasoning:
        thinking = {"type": "thinking", "thinking": reply.reasoning, "signature": reply.signature}
        deltas = [{"type": "thinking_delta", "thinking": each} for each in cut_up(reply.reasoning, reply.piece)]
        blocks.append((thinking, [*deltas, {"type": "signature_delta", "signature": reply.signature}]))
    if written := reply.text or reply.refusal:
        deltas = [{"type": "text_delta", "text": each} for each in cut_up(written, reply.piece)]
        blocks.append(({"type": "text", "text": written}, deltas))
    for tool in reply.tools:
        use = {"type": "tool_use", "id": tool.id, "name": tool.name, "input": tool.arguments}
        pieces = ["", *cut_up(tool.arguments, reply.piece)]
        blocks.append((use, [{"type": "input_json_delta", "partial_json": each} for each in pieces]))
    return blocks


def _usage(received: Received, reply: Reply) -> dict[str, Any]:
    used = reply.used(received)
    return {
        "input_tokens": max(0, used.input - used.cached - used.cache_write),
        "cache_creation_input_tokens": used.cache_write,
        "cache_read_input_tokens": used.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": used.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": used.output,
        "output_tokens_details": {"thinking_tokens": used.reasoning},
        "service_tier": "standard",
    }


VOICE = AnthropicVoice()
