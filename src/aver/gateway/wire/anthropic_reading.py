"""Requests of Anthropic's protocol, read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, cast

from aver.gateway.types import ChatRequest, Message, Opaque, OutputFormat, Tool
from aver.gateway.wire.anthropic_blocks import FAMILY, read_content
from aver.gateway.wire.openai_fields import flag, items, number, object_of, text, wrong

__all__ = ["read_chat"]

Effort = Literal["none", "minimal", "low", "medium", "high"]
_OWN = frozenset(
    {
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "output_format",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_p",
    }
)
"""Fields with a place in a :class:`~aver.gateway.types.ChatRequest`, as a whole or in part."""
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


class _Thinking(NamedTuple):
    effort: Effort | None
    tokens: int | None
    output: OutputFormat | None
    extra: dict[str, Any]
    """What of it only Anthropic understands."""


def read_chat(body: Mapping[str, Any]) -> ChatRequest:
    """Raises :class:`~aver.core.errors.InvalidInput` naming the field that is wrong."""
    messages = _messages(body)
    thinking = _thinking(body)
    choice, parallel = _choice(body.get("tool_choice"))
    most = number(body, "max_tokens")
    metadata = object_of(body.get("metadata") or {}, "metadata")
    extra = {name: value for name, value in body.items() if name not in _OWN} | thinking.extra
    if others := {name: value for name, value in metadata.items() if name != "user_id"}:
        extra["metadata"] = others
    return ChatRequest(
        messages,
        max_tokens=None if most is None else int(most),
        temperature=number(body, "temperature"),
        top_p=number(body, "top_p"),
        stop=_stop(body.get("stop_sequences")),
        tools=tuple(_tool(tool, f"tools.{index}") for index, tool in enumerate(items(body.get("tools"), "tools"))),
        tool_choice=choice,
        parallel_tools=parallel,
        output=thinking.output,
        effort=thinking.effort,
        thinking_tokens=thinking.tokens,
        user=text(metadata, "user_id", "metadata."),
        extra=extra,
        family=FAMILY,
    )


def _messages(body: Mapping[str, Any]) -> tuple[Message, ...]:
    names: dict[str, str] = {}
    messages = []
    system = body.get("system")
    if system:
        messages.append(Message("system", _content(system, "system", names)))
    given = items(body.get("messages"), "messages")
    if not given:
        raise wrong("messages", "a list with at least one message")
    for index, message in enumerate(given):
        role = message.get("role")
        if role not in ("user", "assistant", "system"):
            raise wrong(f"messages.{index}.role", "user or assistant")
        content = message.get("content")
        if content is None:
            raise wrong(f"messages.{index}.content", "a text or a list of blocks")
        messages.append(Message(role, _content(content, f"messages.{index}.content", names)))
    return tuple(messages)


def _content(content: object, place: str, names: dict[str, str]) -> Any:
    return content if isinstance(content, str) else read_content(content, place, names)


def _stop(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise wrong("stop_sequences", "a list of texts")
    return tuple(value)


def _tool(tool: dict[str, Any], place: str) -> Tool | Opaque:
    if tool.get("type", "custom") not in (None, "custom") or "input_schema" not in tool:
        return Opaque(FAMILY, tool)
    if not (name := text(tool, "name", f"{place}.")):
        raise wrong(f"{place}.name", "the name of a tool")
    return Tool(
        name,
        text(tool, "description", f"{place}."),
        object_of(tool["input_schema"], f"{place}.input_schema"),
        flag(tool, "strict", f"{place}."),
        bool(tool.get("cache_control")),
    )


def _choice(value: object) -> tuple[str | None, bool | None]:
    """``(tool_choice, parallel_tools)``."""
    if value is None:
        return None, None
    said = object_of(value, "tool_choice")
    alone = flag(said, "disable_parallel_tool_use", "tool_choice.")
    parallel = None if alone is None else not alone
    kind = text(said, "type", "tool_choice.")
    if kind == "tool":
        return f"tool:{text(said, 'name', 'tool_choice.')}", parallel
    if kind in _CHOICES:
        return _CHOICES[kind], parallel
    raise wrong("tool_choice.type", "one of auto, any, tool, none")


def _thinking(body: Mapping[str, Any]) -> _Thinking:
    """``thinking``, ``output_config`` and the older ``output_format``: how long to think, and what to write."""
    thinking = object_of(body.get("thinking") or {}, "thinking")
    config = object_of(body.get("output_config") or {}, "output_config")
    extra: dict[str, Any] = {}
    effort = text(config, "effort", "output_config.")
    tokens = None
    if effort not in ("", "low", "medium", "high"):
        extra["output_config"] = {"effort": effort}
        effort = "high"
    match thinking.get("type"):
        case "enabled":
            tokens = number(thinking, "budget_tokens")
        case "disabled":
            effort = "none"
        case None:
            pass
        case _:
            extra["thinking"] = thinking
    asked = config.get("format") or body.get("output_format")
    if asked is None:
        output = None
    else:
        format_ = object_of(asked, "output_config.format")
        output = OutputFormat(object_of(format_.get("schema") or {}, "output_config.format.schema"))
    return _Thinking(cast(Any, effort or None), None if tokens is None else int(tokens), output, extra)
