"""Requests of Anthropic's protocol, written for callers of other families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aver.gateway.types import ChatRequest, Message, Opaque, Part, Reasoning, Tool, ToolCall
from aver.gateway.wire.anthropic_blocks import FAMILY, cannot_say, is_foreign, write_parts
from aver.gateway.wire.anthropic_models import abilities
from aver.gateway.wire.anthropic_schema import closed_schema
from aver.gateway.wire.types import Endpoint

__all__ = ["most_tokens", "only_signed", "with_room_to_answer", "write_chat"]

_MAX_TOKENS = 4096
"""Sent where nobody says how much is wanted: Anthropic requires a bound, and no model has a lower one of its own."""
_LEAST_BUDGET = 1024
"""Tokens; Anthropic refuses to think for fewer."""
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384}
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}
_BEGUN = "(The assistant speaks first.)"
"""Stands where another family's conversation begins with the assistant: Anthropic wants the user first."""


def write_chat(chat: ChatRequest, endpoint: Endpoint, *, stream: bool) -> tuple[dict[str, Any], list[str]]:
    """``(body, what was dropped)``. Raises :class:`~aver.core.errors.RequestRejected` for what cannot be said."""
    dropped: list[str] = []
    system, messages = _split(chat.messages)
    body: dict[str, Any] = {"model": endpoint.model, "max_tokens": most_tokens(chat.max_tokens, endpoint)}
    _write_output(chat, body, system, dropped)
    if not messages:  # instructions alone: they are what is asked
        messages, system = [{"role": "user", "content": system}], []
    if system:
        plain = len(system) == 1 and system[0].keys() == {"type", "text"}
        body["system"] = system[0]["text"] if plain else system
    body["messages"] = messages
    if stream:
        body["stream"] = True
    if chat.stop:
        _write_stop(chat.stop, body, dropped)
    if chat.user:
        body["metadata"] = {"user_id": chat.user}
    _write_tools(chat, body)
    _write_thinking(chat, body, endpoint, dropped)
    _write_sampling(chat, body, endpoint, dropped)
    if chat.seed is not None:
        dropped.append("seed")
    if chat.family == FAMILY:
        _add(body, chat.extra)
    else:
        dropped += chat.extra
    return body, dropped


def _add(body: dict[str, Any], extra: Mapping[str, Any]) -> None:
    for name, value in extra.items():
        known = body.get(name)
        body[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, Mapping) else value


def most_tokens(asked: int | None, endpoint: Endpoint) -> int:
    """The bound to send: what was asked, no more than the endpoint's option ``max_output``, which also stands in for it."""
    said = endpoint.options.get("max_output", "")
    most = int(said) if said.isdecimal() else None
    if asked is None:
        return most or _MAX_TOKENS
    return asked if most is None else min(asked, most)


def _split(given: Sequence[Message]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """``(system, messages)``: instructions first, roles alternating, results of tools before anything else of their message."""
    system: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    for message in given:
        blocks = write_parts(message.parts)
        if message.role == "system":
            system += blocks
        elif not blocks:
            continue
        elif messages and messages[-1]["role"] == message.role:
            messages[-1]["content"] += blocks
        else:
            messages.append({"role": message.role, "content": blocks})
    for each in messages:
        if each["role"] == "user":
            each["content"].sort(key=lambda block: block["type"] != "tool_result")
    if messages and messages[0]["role"] == "assistant":
        messages.insert(0, {"role": "user", "content": _BEGUN})
    if messages and messages[-1]["role"] == "assistant":
        _trim(messages)
    return system, messages


def _trim(messages: list[dict[str, Any]]) -> None:
    """An answer that is begun must not end with white space."""
    last = messages[-1]["content"][-1]
    if last["type"] == "text":
        last["text"] = last["text"].rstrip()
        if not last["text"]:
            messages[-1]["content"].pop()
            if not messages[-1]["content"]:
                messages.pop()


def _write_stop(stop: Sequence[str], body: dict[str, Any], dropped: list[str]) -> None:
    """Anthropic refuses sequences of white space alone."""
    taken = [each for each in stop if each.strip()]
    if taken:
        body["stop_sequences"] = taken
    if len(taken) < len(stop):
        dropped.append("stop")


def _write_tools(chat: ChatRequest, body: dict[str, Any]) -> None:
    tools = [_tool(tool) for tool in chat.tools]
    choice = chat.tool_choice if tools else None
    if not tools and (called := _called(chat)):
        # A conversation with calls in it is refused without tools: they are named, and none may be asked for.
        tools = [{"name": name, "input_schema": {"type": "object"}} for name in called]
        choice = "none"
    if not tools:
        return
    body["tools"] = tools
    kind, _, name = (choice or "auto").partition(":")
    said: dict[str, Any] = {"type": "tool", "name": name} if kind == "tool" else {"type": _CHOICES[kind]}
    if chat.parallel_tools is False and kind != "none":
        said["disable_parallel_tool_use"] = True
    if choice or len(said) > 1:
        body["tool_choice"] = said


def _tool(tool: Tool | Opaque) -> Mapping[str, Any]:
    if isinstance(tool, Opaque):
        if tool.family != FAMILY:
            raise cannot_say(f"a tool of {tool.family}'s own")
        return tool.value
    written: dict[str, Any] = {"name": tool.name, "input_schema": {"type": "object", **tool.parameters}}
    if tool.description:
        written["description"] = tool.description
    if tool.strict and (closed := closed_schema(tool.parameters)) is not None:
        written |= {"strict": True, "input_schema": closed}
    if tool.cache:
        written["cache_control"] = {"type": "ephemeral"}
    return written


def _called(chat: ChatRequest) -> list[str]:
    names = (part.name for message in chat.messages for part in message.parts if isinstance(part, ToolCall))
    return list(dict.fromkeys(names))


def _write_output(chat: ChatRequest, body: dict[str, Any], system: list[dict[str, Any]], dropped: list[str]) -> None:
    """A schema is enforced where Anthropic can; any other wish for JSON is said in words, and noted."""
    if chat.output is None:
        return
    schema = chat.output.schema
    if schema is not None and (closed := closed_schema(schema)) is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": closed}}
        return
    wish = "Answer with one JSON object and nothing else."
    if schema:
        wish = f"Answer with JSON that fits this JSON Schema, and nothing else:\n{orjson.dumps(schema).decode()}"
    system.append({"type": "text", "text": wish})
    dropped.append("output")


def _write_thinking(chat: ChatRequest, body: dict[str, Any], endpoint: Endpoint, dropped: list[str]) -> None:
    if chat.effort is None and chat.thinking_tokens is None:
        return
    field = "effort" if chat.thinking_tokens is None else "thinking_tokens"
    able = abilities(endpoint).thinking
    forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
    if chat.effort == "none" and chat.thinking_tokens is None:
        if able != "none":
            body["thinking"] = {"type": "disabled"}
    elif able == "none" or forced:  # a tool cannot be forced on a model that thinks first
        dropped.append(field)
    elif able == "effort":
        effort = _EFFORTS[chat.effort or "none"] if chat.effort in _EFFORTS else _effort_of(chat.thinking_tokens or 0)
        body["thinking"] = {"type": "adaptive"}
        body["output_config"] = {**body.get("output_config", {}), "effort": effort}
    else:
        budget = _BUDGETS[chat.effort or "low"] if chat.thinking_tokens is None else chat.thinking_tokens
        budget = max(_LEAST_BUDGET, budget)
        if chat.max_tokens is None:
            body["max_tokens"] += budget  # its bound was not asked for: the answer keeps its room
        budget = min(budget, body["max_tokens"] - 1)
        if budget < _LEAST_BUDGET or _calls_without_thoughts(chat):
            dropped.append(field)
        else:
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _effort_of(tokens: int) -> str:
    return "low" if tokens < 4096 else "medium" if tokens < 16384 else "high"


def _calls_without_thoughts(chat: ChatRequest) -> bool:
    """Whether the last answer asked for tools without showing its thoughts: another model's, which a model that thinks for a budget
    refuses to go on from."""
    last: Sequence[Part] = next((each.parts for each in reversed(chat.messages) if each.role == "assistant"), ())
    thought = any(isinstance(part, Reasoning) and part.family == FAMILY for part in last)
    return not thought and any(isinstance(part, ToolCall) for part in last)


def _write_sampling(chat: ChatRequest, body: dict[str, Any], endpoint: Endpoint, dropped: list[str]) -> None:
    """One of ``temperature`` and ``top_p``: models refuse both, and both while they think."""
    free = abilities(endpoint).sampling and body.get("thinking", {}).get("type", "disabled") == "disabled"
    if chat.temperature is not None:
        if free:
            body["temperature"] = min(chat.temperature, 1.0)
        if not free or chat.temperature > 1:
            dropped.append("temperature")
    if chat.top_p is not None:
        if free and chat.temperature is None:
            body["top_p"] = chat.top_p
        else:
            dropped.append("top_p")


def with_room_to_answer(body: dict[str, Any]) -> None:
    """Lowers a caller's budget of thought below a bound that was lowered: Anthropic refuses one that is not."""
    thinking = body.get("thinking")
    if not isinstance(thinking, dict) or not isinstance(budget := thinking.get("budget_tokens"), int):
        return
    most = body["max_tokens"] - 1
    if budget > most >= _LEAST_BUDGET:
        body["thinking"] = {**thinking, "budget_tokens": most}
    elif budget > most:
        body["thinking"] = {"type": "disabled"}


def only_signed(messages: object) -> list[Any] | None:
    """A caller's messages without the thoughts that another family's model had for it; ``None`` where there are none."""
    if not isinstance(messages, list):
        return None
    changed: list[Any] | None = None
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") != "assistant":
            continue
        content = message.get("content")
        if not isinstance(content, list):
            continue
        kept = [block for block in content if not (isinstance(block, dict) and is_foreign(block))]
        if len(kept) < len(content):
            changed = messages.copy() if changed is None else changed
            changed[index] = {**message, "content": kept or [{"type": "text", "text": "…"}]}
    return changed
