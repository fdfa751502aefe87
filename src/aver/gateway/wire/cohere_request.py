"""What Cohere is asked: the body of ``/v2/chat``.

Reference: https://docs.cohere.com/reference/chat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aver.core.errors import RequestRejected
from aver.gateway.types import (
    ChatRequest,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from aver.gateway.wire.openai_fields import data_url

__all__ = ["FAMILY", "bounded", "write_chat"]

FAMILY = "cohere"
_BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24576}


def write_chat(chat: ChatRequest, model: str, *, stream: bool) -> tuple[dict[str, Any], list[str]]:
    """``(body, what was dropped)``. Raises :class:`~aver.core.errors.RequestRejected` for what cannot be said."""
    dropped = list(chat.extra) if chat.family != FAMILY else []
    dropped += [
        name for name, value in (("user", chat.user), ("parallel_tools", chat.parallel_tools is False)) if value
    ]
    body: dict[str, Any] = {
        "model": model,
        "messages": _messages(chat.messages),
        "stream": stream,
        "max_tokens": chat.max_tokens,
        "temperature": chat.temperature,
        "p": chat.top_p,
        "seed": chat.seed,
        "stop_sequences": list(chat.stop) or None,
        "thinking": _thinking(chat, model, dropped),
    }
    tools = _chosen(chat)
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
        if any(tool.strict for tool in tools if isinstance(tool, Tool)):
            body["strict_tools"] = True
        if chat.tool_choice and chat.tool_choice != "auto":
            body["tool_choice"] = "NONE" if chat.tool_choice == "none" else "REQUIRED"
    if chat.output is not None:
        schema = {"json_schema": chat.output.schema} if chat.output.schema else {}
        body["response_format"] = {"type": "json_object"} | schema
    body = {name: value for name, value in body.items() if value is not None}
    return {**body, **(chat.extra if chat.family == FAMILY else {})}, dropped


def bounded(body: Mapping[str, Any], most: int | None) -> Mapping[str, Any]:
    """``body`` with its output bound to ``most`` tokens where it sets no bound, or a higher one."""
    asked = body.get("max_tokens")
    if most is None or (isinstance(asked, int) and asked <= most):
        return body
    return {**body, "max_tokens": most}


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    for message in messages:
        if message.content == "":
            continue  # refused
        if isinstance(message.content, str):
            written.append({"role": message.role, "content": message.content})
        elif message.role == "assistant":
            if len(said := _assistant(message.content)) > 1:
                written.append(said)
        else:
            written += _told(message.role, message.content)
    return written


def _assistant(parts: Sequence[Part]) -> dict[str, Any]:
    """What was said before tools were called is their plan."""
    calls: list[Any] = []
    content: list[Any] = []
    for part in parts:
        match part:
            case Text(text=""):
                continue
            case ToolCall():
                function = {"name": part.name, "arguments": part.arguments or "{}"}
                calls.append({"id": part.id, "type": "function", "function": function})
            case Reasoning(family="cohere") if part.text:
                content.append({"type": "thinking", "thinking": part.text})
            case Reasoning():  # another family's thoughts would be read as Cohere's own
                continue
            case _:
                content.append(_part(part))
    if not calls:
        return {"role": "assistant"} | ({"content": content} if content else {})
    plan = "".join(each.get("text", "") for each in content)
    thoughts = [each for each in content if each["type"] == "thinking"]
    message: dict[str, Any] = {"role": "assistant", "tool_calls": calls}
    return message | ({"tool_plan": plan} if plan else {}) | ({"content": thoughts} if thoughts else {})


def _told(role: str, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """What each tool gave is a message of its own, whose texts are documents that the model can cite."""
    written: list[dict[str, Any]] = []
    rest: list[Any] = []
    for part in parts:
        if not isinstance(part, ToolResult):
            rest.append(_part(part))
            continue
        told = "".join(each.text for each in part.content if isinstance(each, Text))
        data = {"error" if part.error else "output": told}
        content = [{"type": "document", "document": {"data": data}}]
        written.append({"role": "tool", "tool_call_id": part.call, "content": content})
        rest += [_part(each) for each in part.content if not isinstance(each, Text)]
    if rest or not written:
        written.append({"role": role, "content": rest})
    return written


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            image = {"url": part.url or data_url(part.media_type or "image/png", part.data)}
            return {"type": "image_url", "image_url": image | ({"detail": part.detail} if part.detail else {})}
        case Opaque(family="cohere"):
            return dict(part.value)
        case File():
            raise _cannot_say("a file")
        case Opaque():
            raise _cannot_say(f"a part of {part.family}'s own")
    raise _cannot_say("a tool's call or result in this place")


def _chosen(chat: ChatRequest) -> Sequence[Tool | Opaque]:
    """The tools to offer. Cohere can be made to call a tool, not which: one that must be called is offered alone."""
    kind, _, name = (chat.tool_choice or "").partition(":")
    if kind != "tool":
        return chat.tools
    return [tool for tool in chat.tools if isinstance(tool, Tool) and tool.name == name]


def _tool(tool: Tool | Opaque) -> dict[str, Any]:
    if isinstance(tool, Opaque):
        if tool.family != FAMILY:
            raise _cannot_say(f"a tool of {tool.family}'s own")
        return dict(tool.value)
    parameters = tool.parameters or {"type": "object", "properties": {}}
    function: dict[str, Any] = {"name": tool.name, "parameters": parameters}
    return {"type": "function", "function": function | ({"description": tool.description} if tool.description else {})}


def _thinking(chat: ChatRequest, model: str, dropped: list[str]) -> dict[str, Any] | None:
    """Models that reason do so unless told not to; the others refuse to be asked."""
    if chat.thinking_tokens is None and chat.effort is None:
        return None
    if "reasoning" not in model and "command-a-plus" not in model:
        dropped.append("effort" if chat.thinking_tokens is None else "thinking_tokens")
        return None
    budget = _BUDGETS.get(chat.effort or "", 0) if chat.thinking_tokens is None else chat.thinking_tokens
    return {"type": "enabled", "token_budget": budget} if budget else {"type": "disabled"}


def _cannot_say(what: str) -> RequestRejected:
    return RequestRejected(f"Cohere has no place for {what}", "Ask a model of another provider, or leave it out.")
