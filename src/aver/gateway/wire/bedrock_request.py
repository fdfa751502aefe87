"""What Bedrock is asked: the body of Converse.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from aver.gateway.types import ChatRequest, Opaque, OutputFormat, Tool
from aver.gateway.wire.bedrock_blocks import CACHE_POINT, FAMILY, cannot_say, write_messages
from aver.gateway.wire.types import Endpoint

__all__ = ["ANSWER", "bounded", "write_chat"]

ANSWER = "structured_answer"
"""The tool through which a model without structured output gives JSON: its arguments are the answer."""
_CLAUDE = re.compile(r"claude-(?:(\d)(?:-(\d))?-)?(?:opus|sonnet|haiku|instant)(?:-(\d{1,2})(?:-(\d{1,2})(?!\d))?)?")
_NEWEST_CLAUDE = re.compile(r"claude-(?:mythos|fable)")
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384}
_LEAST_BUDGET = 1024
"""Tokens of thought that Claude takes as a budget (https://docs.claude.com/en/docs/build-with-claude/extended-thinking)."""


def write_chat(chat: ChatRequest, endpoint: Endpoint) -> tuple[dict[str, Any], list[str]]:
    """``(body, what was dropped)``. Raises :class:`~aver.core.errors.RequestRejected` for what cannot be said."""
    claude = _claude(endpoint.model)
    caches = claude > (0, 0) or "nova" in endpoint.model
    system, messages = write_messages(chat.messages, caches=caches, claude=claude > (0, 0))
    body: dict[str, Any] = {"messages": messages}
    if system:
        body["system"] = system
    dropped = list(chat.extra) if chat.family != FAMILY else []
    unsaid = {"user": chat.user, "seed": chat.seed is not None, "parallel_tools": chat.parallel_tools is False}
    dropped += [name for name, said in unsaid.items() if said]
    native = chat.output is not None and _structures(chat.output, endpoint, claude)
    if chat.output is not None and native:
        body["outputConfig"] = {"textFormat": _format(chat.output)}
    asked = None if native else chat.output
    thinking = _thinking(chat, endpoint.model, claude, body, dropped, forced=asked is not None)
    _write_inference(chat, body, dropped, thinking=thinking)
    _write_tools(chat, asked, body, dropped, caches=caches)
    return {**body, **(chat.extra if chat.family == FAMILY else {})}, dropped


def bounded(body: Mapping[str, Any], most: int | None) -> Mapping[str, Any]:
    """``body`` with its output bound to ``most`` tokens where it sets no bound, or a higher one."""
    config = body.get("inferenceConfig") or {}
    asked = config.get("maxTokens")
    if most is None or (isinstance(asked, int) and asked <= most):
        return body
    return {**body, "inferenceConfig": {**config, "maxTokens": most}}


def _write_inference(chat: ChatRequest, body: dict[str, Any], dropped: list[str], *, thinking: bool) -> None:
    """A Claude that thinks refuses other temperatures than its own."""
    config: dict[str, Any] = {
        "maxTokens": chat.max_tokens,
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "stopSequences": list(chat.stop) or None,
    }
    for name, field in (("temperature", "temperature"), ("top_p", "topP")):
        if thinking and config[field] is not None:
            config[field] = None
            dropped.append(name)
    if config := {name: value for name, value in config.items() if value is not None}:
        body["inferenceConfig"] = config


def _write_tools(
    chat: ChatRequest, output: OutputFormat | None, body: dict[str, Any], dropped: list[str], *, caches: bool
) -> None:
    """The tools, and with ``output`` one more through which the answer comes."""
    kind, _, name = (chat.tool_choice or "").partition(":")
    in_use = any("toolUse" in block for message in body["messages"] for block in message["content"])
    tools: list[Any] = []
    if kind != "none" or in_use:  # a conversation with calls in it needs their tools
        for tool in chat.tools:
            tools.append(_tool(tool))
            if caches and isinstance(tool, Tool) and tool.cache:
                tools.append(CACHE_POINT)
    choice: dict[str, Any] = {}
    if kind == "tool":
        choice = {"tool": {"name": name}}
    elif kind == "required":
        choice = {"any": {}}
    elif output is not None:
        choice = {"any": {}} if tools and kind != "none" else {"tool": {"name": ANSWER}}
        tools.append(_answer_tool(output))
    elif kind == "none" and tools:
        dropped.append("tool_choice")
    if tools:
        body["toolConfig"] = {"tools": tools} | ({"toolChoice": choice} if choice else {})


def _tool(tool: Tool | Opaque) -> Mapping[str, Any]:
    if isinstance(tool, Opaque):
        if tool.family != FAMILY:
            raise cannot_say(f"a tool of {tool.family}'s own")
        return tool.value
    spec: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": tool.parameters or {"type": "object"}}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict:
        spec["strict"] = True
    return {"toolSpec": spec}


def _answer_tool(output: OutputFormat) -> dict[str, Any]:
    schema = output.schema or {"type": "object"}
    if schema.get("type", "object") != "object":
        raise cannot_say("an answer that is not a JSON object", "Wrap the answer's schema in an object.")
    spec = {"name": ANSWER, "description": "Gives the answer. Call it once.", "inputSchema": {"json": schema}}
    return {"toolSpec": spec}


def _structures(output: OutputFormat, endpoint: Endpoint, claude: tuple[int, int]) -> bool:
    """Whether the model holds to a schema by itself: Claude does from 4.5 on; for others the option ``structured`` says ``native``."""
    if not output.schema:
        return False
    said = endpoint.options.get("structured", "")
    return said == "native" or (said != "tool" and claude >= (4, 5))


def _format(output: OutputFormat) -> dict[str, Any]:
    schema = {"schema": orjson.dumps(output.schema).decode(), "name": output.name}
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}


def _thinking(  # noqa: PLR0911 - each generation of models is told in its own way
    chat: ChatRequest,
    model: str,
    claude: tuple[int, int],
    body: dict[str, Any],
    dropped: list[str],
    *,
    forced: bool,
) -> bool:
    """Asks for thought as the model's generation is asked, and says whether Claude will think."""
    if chat.thinking_tokens is None and chat.effort is None:
        return False
    if chat.thinking_tokens == 0 or (chat.thinking_tokens is None and chat.effort == "none"):
        return False
    name = "effort" if chat.thinking_tokens is None else "thinking_tokens"
    effort = _effort(chat)
    if claude >= (4, 6) and not forced:
        body["additionalModelRequestFields"] = {"thinking": {"type": "adaptive"}}
        body["outputConfig"] = body.get("outputConfig", {}) | {"effort": effort}
        return True
    if claude >= (3, 7) and not forced:  # Claude refuses to think and be made to call a tool
        budget = _BUDGETS[effort] if chat.thinking_tokens is None else chat.thinking_tokens
        budget = max(_LEAST_BUDGET, min(budget, (chat.max_tokens or budget + 1) - 1))
        if chat.max_tokens is None or chat.max_tokens > budget:
            body["additionalModelRequestFields"] = {"thinking": {"type": "enabled", "budget_tokens": budget}}
            return True
    if claude == (0, 0) and "gpt-oss" in model:
        body["additionalModelRequestFields"] = {"reasoning_effort": effort}
        return False
    if "nova-2" in model:
        config = {"type": "enabled", "maxReasoningEffort": effort}
        body["additionalModelRequestFields"] = {"reasoningConfig": config}
        return False
    dropped.append(name)
    return False


def _effort(chat: ChatRequest) -> str:
    if chat.thinking_tokens is not None:
        return "low" if chat.thinking_tokens < 4096 else "medium" if chat.thinking_tokens < 16384 else "high"
    return "low" if chat.effort == "minimal" else str(chat.effort)


@lru_cache(1024)
def _claude(model: str) -> tuple[int, int]:
    """Which Claude it is, ``(0, 0)`` for any other model: ``anthropic.claude-sonnet-4-5-20250929-v1:0``, ``anthropic.claude-3-7-sonnet-…``."""
    if _NEWEST_CLAUDE.search(model):
        return 5, 0
    if not (found := _CLAUDE.search(model)):
        return (1, 0) if "anthropic." in model else (0, 0)
    return int(found[1] or found[3] or 1), int(found[2] or found[4] or 0)
