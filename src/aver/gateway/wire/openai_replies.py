"""Whole replies of chat completions, read and written, and what both streams and whole replies hold."""

from __future__ import annotations

from typing import Any

import orjson

from aver.core.errors import AverError
from aver.gateway.types import Completion, Finish, Part, Reasoning, Text, ToolCall, Usage
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.openai_messages import FAMILY
from aver.gateway.wire.refusals import refusal, unknown_finish, unreadable

__all__ = ["finish_of", "openai_error", "read_completion", "usage_of", "write_completion", "write_usage"]

_FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
"""Finish reasons of the servers in use. One that is not here is an error: an answer cut for an unknown reason must not pass as whole."""
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_ERROR_CODES = {
    "blocked": "content_filter",
    "content-filtered": "content_filter",
    "context-overflow": "context_length_exceeded",
    "provider-throttled": "rate_limit_exceeded",
}
"""What clients look for, where OpenAI has a code of its own."""


def finish_of(reason: object) -> Finish:
    """Raises :class:`~aver.core.errors.ProviderError` for a reason that is not known."""
    if isinstance(reason, str) and (finish := _FINISHES.get(reason)):
        return finish
    raise unknown_finish(reason)


def usage_of(usage: dict[str, Any]) -> Usage:
    """Raises ``AttributeError``, ``TypeError`` or ``ValueError`` for what is no usage."""
    read, written = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    reading, writing = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    thought = int(writing.get("reasoning_tokens") or 0)
    if thought and usage.get("total_tokens") == read + written + thought:
        written += thought  # servers that count thoughts apart, as their total shows
    return Usage(
        read,
        written,
        None,
        cached_tokens=int(reading.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or 0),
        cache_write_tokens=int(reading.get("cache_write_tokens") or 0),
        reasoning_tokens=thought,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens + usage.cache_write_long_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def read_completion(body: bytes) -> Completion:
    """Raises :class:`~aver.core.errors.ProviderError` when it is none, or reports an error."""
    try:
        reply = orjson.loads(body)
        if reply.get("error"):
            raise refusal(0, {}, body)
        choice = reply["choices"][0]
        message, reason = choice["message"], choice["finish_reason"]
        parts = _parts(message)
        usage = reply.get("usage")
        used = usage_of(usage) if usage else None
        name, model = str(reply.get("id") or ""), str(reply.get("model") or "")
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise unreadable(f"{type(error).__name__}: {error}") from error
    finish = finish_of(reason)
    if finish == "stop" and any(isinstance(part, ToolCall) for part in parts):
        finish = "tool_calls"
    elif finish == "stop" and message.get("refusal"):
        finish = "content_filter"
    return Completion(tuple(parts), finish, used, name, model, FAMILY, body)


def _parts(message: dict[str, Any]) -> list[Part]:
    parts: list[Part] = []
    if thought := message.get("reasoning_content") or message.get("reasoning"):
        parts.append(Reasoning(_string(thought), family=FAMILY))
    content = message.get("content")
    if isinstance(content, list):  # Mistral's, where thoughts are parts
        for part in content:
            if part["type"] == "thinking":
                parts.append(Reasoning("".join(each["text"] for each in part["thinking"]), family=FAMILY))
            else:
                parts.append(Text(_string(part["text"])))
    elif content:
        parts.append(Text(_string(content)))
    if refused := message.get("refusal"):
        parts.append(Text(_string(refused)))
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):  # Ollama's and others', already parsed
            arguments = orjson.dumps(arguments).decode()
        parts.append(ToolCall(call.get("id") or f"call_{index}", _string(function["name"]), arguments))
    return parts


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("its content is not text")
    return value


def write_completion(completion: Completion, *, reply_id: str, model: str, created: int) -> bytes:
    if completion.family == FAMILY and completion.raw:
        return completion.raw
    thought = "".join(part.text for part in completion.parts if isinstance(part, Reasoning))
    calls = [
        {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        for part in completion.parts
        if isinstance(part, ToolCall)
    ]
    text = completion.text
    message: dict[str, Any] = {"role": "assistant", "content": text if text or not calls else None, "refusal": None}
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    body = {
        "id": reply_id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish}],
    }
    return as_json(body | ({"usage": write_usage(completion.usage)} if completion.usage else {}))


def openai_error(error: AverError) -> dict[str, Any]:
    """The error shape that OpenAI's clients read."""
    kind = _ERROR_TYPES.get(error.status, "server_error" if error.status >= 500 else "invalid_request_error")
    code = _ERROR_CODES.get(error.slug, error.slug.replace("-", "_"))
    return {"error": {"message": str(error), "type": kind, "param": None, "code": code}}
