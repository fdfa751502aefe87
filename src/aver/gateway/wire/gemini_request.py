"""What Gemini is asked: the body of ``generateContent``.

Reference: https://ai.google.dev/api/generate-content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

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

__all__ = ["FAMILY", "bounded", "write_chat"]

FAMILY = "gemini"
_UNSIGNED = "skip_thought_signature_validator"
"""Gemini 3 refuses a history whose tool calls carry no signature, but for this one, meant for calls that another model made
(https://ai.google.dev/gemini-api/docs/thought-signatures)."""
_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576}
"""Tokens of thought, for models that count them; those of Google's own OpenAI-compatible endpoint."""
_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_LATEST = re.compile(r"gemini-(?:pro|flash|flash-lite)-latest")
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def write_chat(chat: ChatRequest, model: str) -> tuple[dict[str, Any], list[str]]:
    """``(body, what was dropped)``. Raises :class:`~aver.core.errors.RequestRejected` for what cannot be said."""
    dropped = list(chat.extra) if chat.family != FAMILY else []
    dropped += [
        name for name, value in (("user", chat.user), ("parallel_tools", chat.parallel_tools is False)) if value
    ]
    system: list[Any] = []
    contents = _contents(chat.messages, system, model)
    body: dict[str, Any] = {"contents": contents or [{"role": "user", "parts": system}]}
    if system and contents:
        body["systemInstruction"] = {"parts": system}
    if chat.tools:
        body["tools"] = _tools(chat.tools, dropped)
    if chat.tool_choice and any(isinstance(tool, Tool) for tool in chat.tools):
        kind, _, name = chat.tool_choice.partition(":")
        config: dict[str, Any] = {"mode": _MODES.get(kind, "ANY")}
        if name:
            config["allowedFunctionNames"] = [name]
        body["toolConfig"] = {"functionCallingConfig": config}
    if generation := _generation(chat, model, dropped):
        body["generationConfig"] = generation
    return {**body, **(chat.extra if chat.family == FAMILY else {})}, dropped


def bounded(body: Mapping[str, Any], most: int | None) -> Mapping[str, Any]:
    """``body`` with its output bound to ``most`` tokens where it sets no bound, or a higher one."""
    config = body.get("generationConfig") or {}
    asked = config.get("maxOutputTokens")
    if most is None or (isinstance(asked, int) and asked <= most):
        return body
    return {**body, "generationConfig": {**config, "maxOutputTokens": most}}


def _contents(messages: Sequence[Message], system: list[Any], model: str) -> list[dict[str, Any]]:
    """The conversation; what the system says goes to ``system``. Messages of one speaker in a row become one, so that the results of
    parallel calls stand together."""
    contents: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in messages:
        if message.role == "system":
            system += [_part(part) for part in message.parts]
            continue
        role = "model" if message.role == "assistant" else "user"
        spoken = [part for part in message.parts if not isinstance(part, Text) or part.text]  # empty parts are refused
        parts = _said(spoken, names, model) if role == "model" else _asked(spoken, names)
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": role, "parts": parts})
    return contents


def _said(parts: Sequence[Part], names: dict[str, str], model: str) -> list[Any]:
    """What the model said, with the signatures it gave."""
    said: list[Any] = []
    unsigned = _version(model) >= (3, 0)
    for part in parts:
        match part:
            case Reasoning(family="gemini"):
                thought: dict[str, Any] = {"text": part.text} | ({"thought": True} if part.text else {})
                said.append(thought | ({"thoughtSignature": part.signature} if part.signature else {}))
            case Reasoning():  # another family's thoughts would be read as Gemini's own
                continue
            case ToolCall():
                names[part.id] = part.name
                call = {"functionCall": {"id": part.id, "name": part.name, "args": _arguments(part.arguments)}}
                # Of parallel calls the first alone is signed.
                signature = part.signature or (_UNSIGNED if unsigned else "")
                said.append(call | ({"thoughtSignature": signature} if signature else {}))
                unsigned = False
            case _:
                said.append(_part(part))
    return said


def _asked(parts: Sequence[Part], names: Mapping[str, str]) -> list[Any]:
    """What the user said. A function's response is an object of text: images that a tool gave follow the responses."""
    responses: list[Any] = []
    rest: list[Any] = []
    for part in parts:
        if not isinstance(part, ToolResult):
            rest.append(_part(part))
            continue
        told = "".join(each.text for each in part.content if isinstance(each, Text))
        name = part.name or names.get(part.call) or part.call
        response = {"id": part.call, "name": name, "response": {"error" if part.error else "output": told}}
        responses.append({"functionResponse": response})
        rest += [_part(each) for each in part.content if not isinstance(each, Text)]
    return responses + rest


def _part(part: Part) -> Mapping[str, Any]:
    match part:
        case Text():
            return {"text": part.text}
        case Image(url="") | File(url="", id=""):
            kind = part.media_type or ("image/png" if isinstance(part, Image) else "application/octet-stream")
            return {"inlineData": {"mimeType": kind, "data": part.data}}
        case Image(url=url) | File(url=url) if url:
            return _by_address(url, part.media_type)
        case File(id=id_) if id_.startswith(("https://", "gs://")):
            return _by_address(id_, part.media_type)
        case Opaque(family="gemini"):
            return part.value
        case File():
            raise _cannot_say(f"the file {part.id!r} of another provider")
        case Opaque():
            raise _cannot_say(f"a part of {part.family}'s own")
    raise _cannot_say("a tool's call or result in this place")


def _by_address(url: str, media_type: str) -> dict[str, Any]:
    if url.startswith("data:"):
        head, _, data = url.removeprefix("data:").partition(",")
        return {"inlineData": {"mimeType": head.partition(";")[0] or "image/png", "data": data}}
    kind = media_type or _kind_of(url)
    return {"fileData": {"fileUri": url} | ({"mimeType": kind} if kind else {})}


def _kind_of(url: str) -> str:
    from mimetypes import guess_type

    return guess_type(url.partition("?")[0])[0] or ""


def _arguments(written: str) -> dict[str, Any]:
    """The arguments as an object. What the model wrote wrongly is kept as it is, under one name."""
    if not written:
        return {}
    try:
        value = orjson.loads(written)
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {"arguments": written}


def _tools(tools: Sequence[Tool | Opaque], dropped: list[str]) -> list[Any]:
    declared: list[Any] = []
    own: list[Any] = []
    for tool in tools:
        if isinstance(tool, Opaque):
            if tool.family != FAMILY:
                raise _cannot_say(f"a tool of {tool.family}'s own")
            own.append(tool.value)
            continue
        function: dict[str, Any] = {"name": tool.name}
        if tool.description:
            function["description"] = tool.description
        if tool.parameters.get("properties"):
            function["parametersJsonSchema"] = tool.parameters
        if tool.strict and "strict" not in dropped:
            dropped.append("strict")
        declared.append(function)
    return ([{"functionDeclarations": declared}] if declared else []) + own


def _generation(chat: ChatRequest, model: str, dropped: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = {
        "maxOutputTokens": chat.max_tokens,
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "seed": chat.seed,
        "stopSequences": list(chat.stop) or None,
        "thinkingConfig": _thinking(chat, model, dropped),
    }
    if chat.output is not None:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": chat.output.schema}
    return {name: value for name, value in config.items() if value is not None}


def _thinking(chat: ChatRequest, model: str, dropped: list[str]) -> dict[str, Any] | None:
    """From Gemini 3 on thinking has levels, in 2.5 a number of tokens; earlier models refuse both."""
    if chat.thinking_tokens is not None:
        return {"thinkingBudget": chat.thinking_tokens} | ({"includeThoughts": True} if chat.thinking_tokens else {})
    if chat.effort is None:
        return None
    version, is_pro = _version(model), "pro" in model
    if version < (2, 5):
        dropped.append("effort")
        return None
    little = chat.effort in ("none", "minimal")
    shown = {} if little else {"includeThoughts": True}
    if version >= (3, 0):
        return {"thinkingLevel": ("low" if is_pro else "minimal") if little else chat.effort} | shown
    least = 128 if is_pro else 0  # Gemini 2.5 Pro always thinks
    return {"thinkingBudget": max(least, _BUDGETS[chat.effort])} | shown


@lru_cache(1024)
def _version(model: str) -> tuple[int, int]:
    if found := _VERSION.search(model):
        return int(found[1]), int(found[2] or 0)
    return (3, 0) if _LATEST.search(model) else (0, 0)


def _cannot_say(what: str) -> RequestRejected:
    return RequestRejected(f"Gemini has no place for {what}", "Ask a model of another provider, or leave it out.")
