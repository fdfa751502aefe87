"""Whole replies of Anthropic's protocol, read and written, and what they used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import InvalidInput
from aver.gateway.types import Completion, Finish, Usage
from aver.gateway.wire.anthropic_blocks import FAMILY, read_content, write_parts
from aver.gateway.wire.anthropic_errors import within_stream
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.refusals import unknown_finish, unreadable

__all__ = ["STOP_REASONS", "finish_of", "read_completion", "read_usage", "write_completion", "write_usage"]

_FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""``pause_turn`` is no end: the turn is to be continued, and must not pass as whole."""
STOP_REASONS: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def finish_of(reason: object) -> Finish:
    """Raises :class:`~aver.core.errors.ProviderError` for a reason that is not known."""
    finish = _FINISHES.get(reason) if isinstance(reason, str) else None
    if finish is None:
        raise unknown_finish(reason)
    return finish


def read_usage(said: Mapping[str, Any]) -> Usage:
    """Anthropic counts what it read from its cache and wrote to it beside ``input_tokens``; here that is part of it."""
    written = said.get("cache_creation_input_tokens") or 0
    split = said.get("cache_creation") or {}
    long = split.get("ephemeral_1h_input_tokens") or 0
    read = said.get("cache_read_input_tokens") or 0
    return Usage(
        (said.get("input_tokens") or 0) + written + read,
        said.get("output_tokens") or 0,
        None,
        cached_tokens=read,
        cache_write_tokens=max(0, written - long),
        cache_write_long_tokens=long,
        reasoning_tokens=(said.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    )


def write_usage(usage: Usage | None) -> dict[str, Any]:
    """Zeros where nothing is known: Anthropic's clients do not read a reply without usage."""
    usage = usage or Usage()
    short, long = usage.cache_write_tokens, usage.cache_write_long_tokens
    said: dict[str, Any] = {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens - short - long),
        "cache_creation_input_tokens": short + long,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }
    if short or long:
        said["cache_creation"] = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
    if usage.reasoning_tokens:
        said["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return said


def read_completion(body: bytes) -> Completion:
    """Raises :class:`~aver.core.errors.ProviderError` when it is none."""
    try:
        reply = orjson.loads(body)
        if reply.get("type") == "error":
            raise within_stream(body)
        if not isinstance(reply["content"], list):
            raise unreadable("its content is no list")
        return Completion(
            read_content(reply["content"], "content", {}),
            finish_of(reply.get("stop_reason")),
            read_usage(reply["usage"]) if reply.get("usage") else None,
            str(reply.get("id") or ""),
            str(reply.get("model") or ""),
            FAMILY,
            body,
        )
    except InvalidInput as error:
        raise unreadable(error.cause) from error
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise unreadable(f"{type(error).__name__}: {error}") from error


def write_completion(completion: Completion, *, reply_id: str, model: str) -> bytes:
    return as_json(
        {
            "id": reply_id,
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": write_parts(completion.parts, reply=True),
            "stop_reason": STOP_REASONS[completion.finish],
            "stop_sequence": None,
            "usage": write_usage(completion.usage),
        }
    )
