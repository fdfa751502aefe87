"""Requests of the responses protocol, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from aver.core.errors import InvalidInput
from aver.gateway.types import ChatRequest, Message, Opaque, OutputFormat, Tool
from aver.gateway.wire.openai_fields import flag, items, number, object_of, text, wrong
from aver.gateway.wire.openai_requests import effort_for, effort_of, fixed_sampling, read_output
from aver.gateway.wire.responses_items import FAMILY, read_input, refuse, write_input
from aver.gateway.wire.types import Endpoint

__all__ = ["read_request", "write_request"]

_OWN = frozenset(
    {
        "input",
        "instructions",
        "max_output_tokens",
        "model",
        "parallel_tool_calls",
        "reasoning",
        "stream",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_p",
        "user",
    }
)
_KEPT_THERE = ("previous_response_id", "conversation", "prompt", "background")
"""Fields that stand for what only the provider keeps: without it the request would say something else."""


def read_request(body: Mapping[str, Any]) -> ChatRequest:
    """Raises :class:`~aver.core.errors.InvalidInput` naming the field that is wrong."""
    for name in _KEPT_THERE:
        if body.get(name):
            raise InvalidInput(
                f"{name} names what only its provider keeps",
                "Send the whole conversation as input, or ask a model whose provider speaks this protocol.",
            )
    messages = read_input(body.get("input"))
    if instructions := text(body, "instructions"):
        messages = (Message("system", instructions), *messages)
    if not messages:
        raise wrong("input", "a text or a list of items")
    extra = {name: value for name, value in body.items() if name not in _OWN}
    thinking = object_of(body.get("reasoning") or {}, "reasoning")
    effort, odd_effort = effort_of(thinking, "effort")
    if rest := {name: value for name, value in thinking.items() if name != "effort"} | odd_effort:
        extra["reasoning"] = rest
    shape = object_of(body.get("text") or {}, "text")
    if rest := {name: value for name, value in shape.items() if name != "format"}:
        extra["text"] = rest
    choice, odd_choice = _read_choice(body.get("tool_choice"))
    most = number(body, "max_output_tokens")
    return ChatRequest(
        messages,
        max_tokens=None if most is None else int(most),
        temperature=number(body, "temperature"),
        top_p=number(body, "top_p"),
        tools=tuple(_read_tool(tool, index) for index, tool in enumerate(items(body.get("tools"), "tools"))),
        tool_choice=choice,
        parallel_tools=flag(body, "parallel_tool_calls"),
        output=_read_format(shape.get("format")),
        effort=effort,
        user=text(body, "user"),
        extra={**extra, **odd_choice},
        family=FAMILY,
    )


def _read_tool(tool: dict[str, Any], index: int) -> Tool | Opaque:
    if tool.get("type") != "function":
        return Opaque(FAMILY, tool)
    place = f"tools.{index}."
    parameters = object_of(tool.get("parameters") or {}, f"{place}parameters")
    name = text(tool, "name", place)
    if not name:
        raise wrong(f"{place}name", "the name of a function")
    return Tool(name, text(tool, "description", place), parameters, flag(tool, "strict", place))


def _read_choice(value: object) -> tuple[str | None, dict[str, Any]]:
    if value is None or value in ("auto", "none", "required"):
        return cast(Any, value), {}
    if isinstance(value, dict) and value.get("type") == "function":
        return f"tool:{text(value, 'name', 'tool_choice.')}", {}
    if isinstance(value, dict):
        return None, {"tool_choice": value}
    raise wrong("tool_choice", "auto, none, required or a function")


def _read_format(value: object) -> OutputFormat | None:
    if value is None:
        return None
    said = object_of(value, "text.format")
    match said.get("type"):
        case "text":
            return None
        case "json_object":
            return OutputFormat()
        case "json_schema":
            return read_output(said)
    raise wrong("text.format.type", "one of text, json_object, json_schema")


def write_request(chat: ChatRequest, endpoint: Endpoint, *, stream: bool) -> tuple[dict[str, Any], list[str]]:
    """``(body, what was dropped)``. Another family's caller keeps nothing at the provider: ``store`` is off for it. Raises
    :class:`~aver.core.errors.RequestRejected` for what cannot be said."""
    ours = chat.family == FAMILY
    dropped = [name for name, value in (("stop", chat.stop), ("seed", chat.seed)) if value not in ((), None)]
    body: dict[str, Any] = {"model": endpoint.model}
    messages = chat.messages
    if messages and messages[0].role == "system" and isinstance(messages[0].content, str):
        body["instructions"], messages = messages[0].content, messages[1:]
    body["input"] = write_input(messages)
    if stream:
        body["stream"] = True
    if not ours:
        body["store"] = False
    sampling = {"temperature": chat.temperature, "top_p": chat.top_p}
    sampling = {name: value for name, value in sampling.items() if value is not None}
    if fixed_sampling(endpoint):
        dropped += sampling
    else:
        body |= sampling
    plain = {"max_output_tokens": chat.max_tokens, "user": chat.user or None}
    plain |= {"parallel_tool_calls": chat.parallel_tools}
    body |= {name: value for name, value in plain.items() if value is not None}
    if chat.output is not None:
        body["text"] = {"format": _write_format(chat.output)}
    _write_tools(chat, body)
    if effort := chat.effort or effort_for(chat.thinking_tokens, endpoint):
        body["reasoning"] = {"effort": effort}
    elif chat.thinking_tokens is not None:
        dropped.append("thinking_tokens")
    if not ours:
        return body, dropped + list(chat.extra)
    for name, value in chat.extra.items():
        both = name in ("reasoning", "text") and isinstance(value, Mapping)
        body[name] = {**body.get(name, {}), **value} if both else value
    return body, dropped


def _write_tools(chat: ChatRequest, body: dict[str, Any]) -> None:
    if chat.tools:
        body["tools"] = [_write_tool(tool, chat.family) for tool in chat.tools]
    if chat.tool_choice is not None:
        kind, _, name = chat.tool_choice.partition(":")
        body["tool_choice"] = {"type": "function", "name": name} if kind == "tool" else kind


def _write_tool(tool: Tool | Opaque, family: str) -> Mapping[str, Any]:
    if isinstance(tool, Opaque):
        if tool.family != FAMILY:
            raise refuse(f"a tool of {tool.family}'s own")
        return tool.value
    written: dict[str, Any] = {"type": "function", "name": tool.name, "parameters": tool.parameters}
    if tool.description:
        written["description"] = tool.description
    # Here a schema is strict unless it says otherwise; in every other family it is the other way round.
    if tool.strict is not None or family != FAMILY:
        written["strict"] = bool(tool.strict)
    return written


def _write_format(output: OutputFormat) -> dict[str, Any]:
    if output.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "name": output.name, "schema": output.schema, "strict": output.strict}
