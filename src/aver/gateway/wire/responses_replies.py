"""Whole replies of the responses protocol, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import ProviderError
from aver.gateway.types import Completion, Finish, Opaque, Part, Reasoning, Text, ToolCall, Usage
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.refusals import refusal, unknown_finish, unreadable
from aver.gateway.wire.responses_items import FAMILY, read_output_item, write_reasoning

__all__ = [
    "call_item",
    "ended",
    "envelope",
    "failure",
    "finish_of",
    "message_item",
    "read_response",
    "usage_of",
    "write_response",
]

_REASONS: dict[str, Finish] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def finish_of(response: Mapping[str, Any]) -> Finish:
    """How a response ended. Raises :class:`~aver.core.errors.ProviderError` where it failed or was left for an unknown reason."""
    status, output = response.get("status"), response.get("output") or ()
    if status == "incomplete":
        reason = (response.get("incomplete_details") or {}).get("reason")
        if reason not in _REASONS:
            raise unknown_finish(reason)
        return _REASONS[reason]
    if status not in (None, "completed"):
        raise failure(response) if status == "failed" else unknown_finish(status)
    if any(item.get("type") == "function_call" for item in output):
        return "tool_calls"
    said = [part for item in output if item.get("type") == "message" for part in item.get("content") or ()]
    return "content_filter" if any(part.get("type") == "refusal" for part in said) else "stop"


def failure(response: Mapping[str, Any]) -> ProviderError:
    """The error of a response that failed, or of an event that is one."""
    return refusal(0, {}, orjson.dumps({"error": response.get("error") or dict(response)}))


def usage_of(usage: Mapping[str, Any]) -> Usage:
    """Raises ``AttributeError``, ``TypeError`` or ``ValueError`` for what is no usage."""
    reading, writing = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return Usage(
        int(usage.get("input_tokens") or 0),
        int(usage.get("output_tokens") or 0),
        None,
        cached_tokens=int(reading.get("cached_tokens") or 0),
        cache_write_tokens=int(reading.get("cache_write_tokens") or 0),
        reasoning_tokens=int(writing.get("reasoning_tokens") or 0),
    )


def read_response(body: bytes) -> Completion:
    """Raises :class:`~aver.core.errors.ProviderError` when it is none, or failed."""
    try:
        response = orjson.loads(body)
        if response.get("status") == "failed" or (response.get("error") and "output" not in response):
            raise failure(response)
        parts = tuple(part for item in response["output"] for part in read_output_item(item))
        usage = response.get("usage")
        used = usage_of(usage) if usage else None
        finish = finish_of(response)
        name, model = str(response.get("id") or ""), str(response.get("model") or "")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise unreadable(f"{type(error).__name__}: {error}") from error
    if not parts and finish == "stop":
        raise unreadable("it holds no output")
    return Completion(parts, finish, used, name, model, FAMILY, body)


def write_response(
    completion: Completion, body: Mapping[str, Any], *, reply_id: str, model: str, created: int
) -> bytes:
    if completion.family == FAMILY and completion.raw:
        return completion.raw
    output = _output(completion.parts, completion.finish, reply_id)
    shape = envelope(body, reply_id=reply_id, model=model, created=created)
    return as_json(ended(shape, output, completion.finish, completion.usage))


def _output(parts: tuple[Part, ...], finish: Finish, reply_id: str) -> list[Mapping[str, Any]]:
    """Parts as items; texts in a row are one message."""
    output: list[Mapping[str, Any]] = []
    said = ""
    for part in (*parts, None):
        if isinstance(part, Text):
            said += part.text
            continue
        if said:
            output.append(message_item(f"msg_{reply_id}_{len(output)}", said, finish))
            said = ""
        match part:
            case Reasoning():
                item = write_reasoning(part if part.family == FAMILY else Reasoning(part.text))
                output.append({"id": f"rs_{reply_id}_{len(output)}"} | item)
            case ToolCall():
                output.append(call_item(f"fc_{reply_id}_{len(output)}", part))
            case Opaque(family="responses"):
                output.append(part.value)
    return output or [message_item(f"msg_{reply_id}_0", "", finish)]


def message_item(item_id: str, text: str, finish: Finish | None) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    status = "incomplete" if finish in _INCOMPLETE else "completed"
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": [part]}


def call_item(item_id: str, call: ToolCall) -> dict[str, Any]:
    named = {"call_id": call.id, "name": call.name, "arguments": call.arguments}
    return {"id": item_id, "type": "function_call", "status": "completed", **named}


def envelope(body: Mapping[str, Any], *, reply_id: str, model: str, created: int) -> dict[str, Any]:
    """A response that has just begun: what the caller asked for is in it."""
    reasoning = body.get("reasoning")
    return {
        "id": reply_id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": model,
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None} | (reasoning if isinstance(reasoning, dict) else {}),
        "store": False,
        "temperature": body.get("temperature"),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p"),
        "truncation": body.get("truncation") or "disabled",
        "usage": None,
        "metadata": body.get("metadata") or {},
    }


def ended(
    shape: dict[str, Any], output: list[Mapping[str, Any]], finish: Finish | None, usage: Usage | None
) -> dict[str, Any]:
    """``shape`` with its end: ``completed``, or ``incomplete`` and why."""
    why = _INCOMPLETE.get(finish or "")
    status = {"status": "incomplete", "incomplete_details": {"reason": why}} if why else {"status": "completed"}
    return {**shape, **status, "output": output, "usage": _write_usage(usage) if usage else None}


def _write_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens + usage.cache_write_long_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
