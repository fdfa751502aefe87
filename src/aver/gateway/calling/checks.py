"""What a cheap answer must pass to be kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from aver.core.sentences import sentences
from aver.gateway.config.types import Check
from aver.gateway.types import ChatRequest, Completion, ToolCall

__all__ = ["failed"]

_REFUSAL = re.compile(
    r"^\W*(?:i['\u2019]?m\s+(?:very\s+|so\s+)?sorry|sorry|i\s+apologi[sz]e|unfortunately,?\s+i\b|as\s+an?\s+(?:ai|language)\b"
    r"|i\s+(?:can['\u2019]?t|cannot|can\s+not|am\s+(?:unable|not\s+able)|won['\u2019]?t)"
    r"|i['\u2019]m\s+(?:unable|not\s+able|not\s+allowed))",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\b(?:i(?:['\u2019]m|\s+am)\s+not\s+(?:\w+\s+)?(?:sure|certain)|i\s+(?:do\s+not|don['\u2019]t)\s+(?:\w+\s+)?know|i\s+(?:think|believe|guess)\b"
    r"|not\s+enough\s+(?:information|context)|(?:hard|difficult|impossible)\s+to\s+(?:say|tell)|it\s+(?:may|might|could)\s+be\b|unclear)",
    re.IGNORECASE,
)
_CITED = re.compile(r"\[\d+\]")
_FENCED = re.compile(r"^\s*```(?:json)?\s*\n(.*)\n\s*```\s*$", re.DOTALL)
_JSON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "number": (int, float),
    "integer": int,
}


def failed(checks: Sequence[Check], completion: Completion, chat: Callable[[], ChatRequest]) -> str:
    """The first of ``checks`` that the answer does not pass, or nothing. A request for tools is an answer of its own: of it only its
    arguments are checked. ``chat`` gives the request, for the checks that compare."""
    calls = [part for part in completion.parts if isinstance(part, ToolCall)]
    if calls:
        sound = all(_is_object(call.arguments) for call in calls)
        return "" if sound or "json" not in checks else "json"
    text = completion.text
    for check in checks:
        if not _passes(check, completion, text, chat):
            return check
    return ""


def _passes(check: Check, completion: Completion, text: str, chat: Callable[[], ChatRequest]) -> bool:
    match check:
        case "nonempty":
            return bool(text.strip())
        case "complete":
            return completion.finish == "stop"
        case "json":
            output = chat().output
            return _fits_text(text, output.schema if output is not None else None)
        case "no_refusal":
            return completion.finish != "content_filter" and not _REFUSAL.match(text)
        case "confident":
            return not _DOUBT.search(text)
        case "cites":
            told = [text[start:end] for start, end in sentences(text)]
            told = [each for each in told if any(map(str.isalpha, each))]
            return bool(told) and all(map(_CITED.search, told))


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text or "{}"), dict)
    except orjson.JSONDecodeError:
        return False


def _fits_text(text: str, schema: Mapping[str, object] | None) -> bool:
    fenced = _FENCED.match(text)
    try:
        value = orjson.loads(fenced[1] if fenced else text)
    except orjson.JSONDecodeError:
        return False
    return schema is None or _fits(value, schema)


def _fits(value: object, schema: object) -> bool:
    """By the parts of JSON Schema that structured output allows: types, required properties, no others, items, enumerations. What is not
    known here is taken as met: it is the model's provider that enforces schemas."""
    if not isinstance(schema, Mapping):
        return schema is not False
    kinds = schema.get("type")
    if kinds is not None and not any(_is(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "anyOf" in schema and not any(_fits(value, each) for each in schema["anyOf"]):
        return False
    if isinstance(value, dict):
        return _fits_object(value, schema)
    return not isinstance(value, list) or all(_fits(each, schema.get("items")) for each in value)


def _fits_object(value: Mapping[str, object], schema: Mapping[str, Any]) -> bool:
    properties = schema.get("properties") or {}
    if any(name not in value for name in schema.get("required", ())):
        return False
    if schema.get("additionalProperties") is False and not value.keys() <= properties.keys():
        return False
    return all(_fits(each, properties[name]) for name, each in value.items() if name in properties)


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _JSON_TYPES.get(kind, object))
