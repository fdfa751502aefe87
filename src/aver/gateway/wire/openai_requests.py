"""Requests of chat completions, read and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, cast

from aver.core.errors import InvalidInput
from aver.gateway.types import ChatRequest, Opaque, OutputFormat, Tool
from aver.gateway.wire.openai_fields import flag, items, number, object_of, text, wrong
from aver.gateway.wire.openai_messages import FAMILY, cannot_say, read_messages, write_messages
from aver.gateway.wire.types import Endpoint

__all__ = [
    "asks_usage",
    "bound_tokens",
    "effort_for",
    "effort_of",
    "fixed_sampling",
    "read_chat",
    "read_output",
    "tokens_field",
    "write_chat",
]

_EFFORTS = {"none", "minimal", "low", "medium", "high"}
_OWN = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
        "user",
    }
)
"""Fields with a place in a :class:`~aver.gateway.types.ChatRequest`."""
_REASONS = re.compile(r"(?:^|/)(?:o\d|gpt-[5-9])")
_FIXED_SAMPLING = re.compile(r"(?:^|/)(?:o\d|gpt-5(?!\.|-chat))")


def read_chat(body: Mapping[str, Any]) -> ChatRequest:
    """Raises :class:`~aver.core.errors.InvalidInput` naming the field that is wrong."""
    if body.get("functions") or body.get("function_call"):
        raise InvalidInput("functions and function_call are retired", "Use tools and tool_choice.")
    messages = read_messages(body.get("messages"))
    if not messages:
        raise wrong("messages", "a list with at least one message")
    extra = {name: value for name, value in body.items() if name not in _OWN}
    effort, odd_effort = effort_of(body, "reasoning_effort")
    choice, odd_choice = _read_choice(body.get("tool_choice"))
    most = number(body, "max_completion_tokens")
    most = number(body, "max_tokens") if most is None else most
    seed = number(body, "seed")
    return ChatRequest(
        messages,
        max_tokens=None if most is None else int(most),
        temperature=number(body, "temperature"),
        top_p=number(body, "top_p"),
        stop=_read_stop(body.get("stop")),
        seed=None if seed is None else int(seed),
        tools=tuple(_read_tool(tool, index) for index, tool in enumerate(items(body.get("tools"), "tools"))),
        tool_choice=choice,
        parallel_tools=flag(body, "parallel_tool_calls"),
        output=_read_format(body.get("response_format")),
        effort=effort,
        user=text(body, "user"),
        extra={**extra, **odd_effort, **odd_choice},
        family=FAMILY,
    )


def effort_of(
    body: Mapping[str, Any], name: str
) -> tuple[Literal["none", "minimal", "low", "medium", "high"] | None, dict[str, Any]]:
    """``(effort, extra)``: an effort beyond the highest known is ``high``, and goes on to its own family as it is."""
    said = text(body, name)
    if not said or said in _EFFORTS:
        return cast(Any, said or None), {}
    return "high", {name: said}


def _read_stop(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise wrong("stop", "a text or a list of texts")
    return tuple(value)


def _read_tool(tool: dict[str, Any], index: int) -> Tool | Opaque:
    if tool.get("type", "function") != "function" or "function" not in tool:
        return Opaque(FAMILY, tool)
    place = f"tools.{index}.function"
    function = object_of(tool["function"], place)
    name = text(function, "name", f"{place}.")
    if not name:
        raise wrong(f"{place}.name", "the name of a function")
    return Tool(
        name,
        text(function, "description", f"{place}."),
        object_of(function.get("parameters") or {}, f"{place}.parameters"),
        flag(function, "strict", f"{place}."),
        bool(tool.get("cache_control")),
    )


def _read_choice(value: object) -> tuple[str | None, dict[str, Any]]:
    if value is None or value in ("auto", "none", "required"):
        return cast(Any, value), {}
    if isinstance(value, dict) and isinstance(function := value.get("function"), dict):
        return f"tool:{text(function, 'name', 'tool_choice.function.')}", {}
    if isinstance(value, dict):
        return None, {"tool_choice": value}
    raise wrong("tool_choice", "auto, none, required or a function")


def _read_format(value: object) -> OutputFormat | None:
    if value is None:
        return None
    said = object_of(value, "response_format")
    match said.get("type"):
        case "text":
            return None
        case "json_object":
            return OutputFormat()
        case "json_schema":
            return read_output(object_of(said.get("json_schema"), "response_format.json_schema"))
    raise wrong("response_format.type", "one of text, json_object, json_schema")


def read_output(said: dict[str, Any]) -> OutputFormat:
    """``{"name", "schema", "strict"}``."""
    schema = object_of(said.get("schema") or {}, "the schema of the format")
    return OutputFormat(schema, text(said, "name") or "answer", bool(flag(said, "strict")))


def write_chat(chat: ChatRequest, endpoint: Endpoint, *, stream: bool) -> tuple[dict[str, Any], list[str]]:
    """``(body, what was dropped)``. Raises :class:`~aver.core.errors.RequestRejected` for what cannot be said."""
    dropped: list[str] = []
    body: dict[str, Any] = {"model": endpoint.model, "messages": write_messages(chat.messages)}
    if stream:
        body["stream"] = True
        if asks_usage(endpoint):
            body["stream_options"] = {"include_usage": True}
    if chat.max_tokens is not None:
        body[tokens_field(endpoint)] = chat.max_tokens
    sampling = {"temperature": chat.temperature, "top_p": chat.top_p}
    sampling = {name: value for name, value in sampling.items() if value is not None}
    if fixed_sampling(endpoint):
        dropped += sampling
    else:
        body |= sampling
    plain = {"stop": list(chat.stop) or None, "seed": chat.seed, "user": chat.user or None}
    body |= {name: value for name, value in plain.items() if value is not None}
    if chat.output is not None:
        body["response_format"] = _write_format(chat.output)
    _write_tools(chat, body)
    if effort := chat.effort or effort_for(chat.thinking_tokens, endpoint):
        body["reasoning_effort"] = effort
    elif chat.thinking_tokens is not None:
        dropped.append("thinking_tokens")
    if chat.family == FAMILY:
        body |= chat.extra
    else:
        dropped += chat.extra
    return body, dropped


def _write_tools(chat: ChatRequest, body: dict[str, Any]) -> None:
    if chat.tools:
        body["tools"] = [_write_tool(tool) for tool in chat.tools]
    if chat.tool_choice is not None:
        kind, _, name = chat.tool_choice.partition(":")
        body["tool_choice"] = {"type": "function", "function": {"name": name}} if kind == "tool" else kind
    if chat.parallel_tools is not None:
        body["parallel_tool_calls"] = chat.parallel_tools


def _write_tool(tool: Tool | Opaque) -> Mapping[str, Any]:
    if isinstance(tool, Opaque):
        if tool.family != FAMILY:
            raise cannot_say(f"a tool of {tool.family}'s own")
        return tool.value
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _write_format(output: OutputFormat) -> dict[str, Any]:
    if output.schema is None:
        return {"type": "json_object"}
    schema = {"name": output.name, "schema": output.schema, "strict": output.strict}
    return {"type": "json_schema", "json_schema": schema}


def effort_for(tokens: int | None, endpoint: Endpoint) -> str | None:
    """An effort that thinks about as long as ``tokens``, for a model known to reason."""
    if tokens is None or not _REASONS.search(endpoint.model):
        return None
    return "low" if tokens < 4096 else "medium" if tokens < 16384 else "high"


def fixed_sampling(endpoint: Endpoint) -> bool:
    """Whether the model refuses ``temperature`` and ``top_p``."""
    return _FIXED_SAMPLING.search(endpoint.model) is not None


def asks_usage(endpoint: Endpoint) -> bool:
    """Whether a stream's usage is asked for: older servers refuse the question."""
    return endpoint.options.get("stream_usage") != "no"


def tokens_field(endpoint: Endpoint) -> str:
    """What bounds the output there: OpenAI's newer models know only ``max_completion_tokens``, other servers often only
    ``max_tokens``. The provider's option ``max_tokens_field`` decides where it is set."""
    return endpoint.options.get("max_tokens_field") or _tokens_field(endpoint.base_url, endpoint.model)


@lru_cache(1024)
def _tokens_field(base_url: str, model: str) -> str:
    newer = "api.openai.com" in base_url or ".azure.com" in base_url or _REASONS.search(model)
    return "max_completion_tokens" if newer else "max_tokens"


def bound_tokens(body: dict[str, Any], most: int | None, endpoint: Endpoint) -> None:
    """Bounds the output of ``body`` to ``most`` tokens where it sets no bound, or a higher one. What bounds it goes by the name that is
    understood there: a bound that a server passes over is none."""
    asked = [value for name in ("max_completion_tokens", "max_tokens") if (value := body.pop(name, None)) is not None]
    if most is not None:
        asked = [value for value in asked if isinstance(value, int) and value > 0] + [most]
    if asked:
        numbers = all(isinstance(value, int | float) for value in asked)
        body[tokens_field(endpoint)] = min(asked) if numbers else asked[0]
