"""What a call needs of a model, found without understanding the whole of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aver.gateway.calls import Call
from aver.gateway.config.types import Capability
from aver.gateway.types import ChatRequest, File, Image, ToolResult

__all__ = ["needs"]

_NOTHING: frozenset[Capability] = frozenset()
_OPERATIONS: dict[str, frozenset[Capability]] = {
    "embeddings": frozenset({"embeddings"}),
    "rerank": frozenset({"rerank"}),
}
_PARTS: dict[object, Capability] = {
    "image_url": "vision",
    "input_image": "vision",
    "image": "vision",
    "file": "files",
    "input_file": "files",
    "input_audio": "files",
    "document": "files",
}
"""Types of parts, in all families: no two mean different things by one word."""


def needs(call: Call) -> frozenset[Capability]:
    """The capabilities without which the call cannot be answered. A body that is malformed needs nothing: its door refuses it."""
    if call.operation != "chat":
        return _OPERATIONS[call.operation]
    body = call.body
    if body is None or call.family not in _READERS:
        return _of_chat(call.chat)
    found: set[Capability] = set()
    if body.get("tools") or body.get("functions"):
        found.add("tools")
    return frozenset(found | _READERS[call.family](body)) or _NOTHING


def _openai(body: Mapping[str, Any]) -> set[Capability]:
    found = _parts(body.get("messages"))
    if _wants_json(body.get("response_format")):
        found.add("json")
    if body.get("reasoning_effort") not in (None, "none"):
        found.add("reasoning")
    return found


def _responses(body: Mapping[str, Any]) -> set[Capability]:
    found = _parts(body.get("input"))
    text, reasoning = body.get("text"), body.get("reasoning")
    if isinstance(text, Mapping) and _wants_json(text.get("format")):
        found.add("json")
    if isinstance(reasoning, Mapping) and reasoning.get("effort") not in (None, "none"):
        found.add("reasoning")
    return found


def _anthropic(body: Mapping[str, Any]) -> set[Capability]:
    found = _parts(body.get("messages"))
    thinking, output = body.get("thinking"), body.get("output_config")
    if isinstance(thinking, Mapping) and thinking.get("type") != "disabled":
        found.add("reasoning")
    if body.get("output_format") or (isinstance(output, Mapping) and output.get("format")):
        found.add("json")
    return found


_READERS = {"openai": _openai, "responses": _responses, "anthropic": _anthropic}


def _wants_json(form: object) -> bool:
    return isinstance(form, Mapping) and form.get("type") in ("json_object", "json_schema")


def _parts(messages: object) -> set[Capability]:
    found: set[Capability] = set()
    if isinstance(messages, list):
        for message in messages:
            if isinstance(message, Mapping):
                _look(message.get("content"), found)
                _look(message.get("output"), found)  # a tool's result in the Responses protocol
    return found


def _look(content: object, found: set[Capability]) -> None:
    if isinstance(content, list):
        for part in content:
            if isinstance(part, Mapping):
                kind = part.get("type")
                if isinstance(kind, str) and kind in _PARTS:
                    found.add(_PARTS[kind])
                elif kind == "tool_result":
                    _look(part.get("content"), found)


def _of_chat(chat: ChatRequest) -> frozenset[Capability]:
    found: set[Capability] = set()
    if chat.tools:
        found.add("tools")
    if chat.output is not None:
        found.add("json")
    if chat.thinking_tokens or chat.effort not in (None, "none"):
        found.add("reasoning")
    for message in chat.messages:
        if not isinstance(message.content, str):
            _scan(message.content, found)
    return frozenset(found) or _NOTHING


def _scan(parts: Iterable[object], found: set[Capability]) -> None:
    for part in parts:
        if isinstance(part, Image):
            found.add("vision")
        elif isinstance(part, File):
            found.add("files")
        elif isinstance(part, ToolResult):
            _scan(part.content, found)
