"""JSON Schemas for Anthropic's structured output, which takes a part of the language.

Reference: https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs, "JSON Schema limitations": objects are closed, and
bounds on numbers, lengths and counts are not enforced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["closed_schema"]

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_KEPT = frozenset(
    {"$ref", "const", "default", "description", "enum", "format", "minItems", "required", "title", "type"}
)
_NAMED = frozenset({"$defs", "definitions", "properties"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf"})
_PASSED_OVER = frozenset({"$comment", "$id", "$schema", "additionalProperties", "examples"})
_BOUNDS = frozenset(
    {
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "multipleOf",
        "pattern",
        "uniqueItems",
    }
)
"""Said in the description instead: the model may follow them."""


def closed_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema in Anthropic's part of the language, its objects closed. ``None`` where it cannot be: an object of any fields, or words
    whose loss would let other answers in."""
    try:
        return _closed(schema)
    except _Beyond:
        return None


class _Beyond(Exception):
    """The schema says what cannot be said."""


def _closed(schema: object) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        raise _Beyond
    kept = {}
    told = []
    for word, value in schema.items():
        if _unenforced(word, value):
            told.append(f"{word}: {value}")
        elif word not in _PASSED_OVER:
            kept["anyOf" if word == "oneOf" else word] = _word(word, value)
    if schema.get("type") == "object" or "properties" in schema:
        others = schema.get("additionalProperties")
        if isinstance(others, Mapping) or (others is not False and not schema.get("properties")):
            raise _Beyond
        kept["additionalProperties"] = False
    if told:
        kept["description"] = " ".join(filter(None, [kept.get("description"), f"({'; '.join(told)})"]))
    return kept


def _unenforced(word: str, value: object) -> bool:
    if word == "format":
        return value not in _FORMATS
    return word in _BOUNDS and not (word == "minItems" and value in (0, 1))


def _word(word: str, value: Any) -> Any:
    if word in _KEPT:
        return value
    if word in _NAMED and isinstance(value, Mapping):
        return {name: _closed(each) for name, each in value.items()}
    if word in _LISTS and isinstance(value, list):
        return [_closed(each) for each in value]
    if word == "items":
        return _closed(value)
    raise _Beyond
