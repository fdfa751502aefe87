"""Parts of a model's reply as JSON and back, so that another process can go on with the conversation, thoughts and signatures included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aver.gateway.types import Opaque, Part, Reasoning, Text, ToolCall

__all__ = ["parts_from_json", "parts_to_json"]

_KINDS: Mapping[str, type[Text | ToolCall | Reasoning | Opaque]] = {
    "text": Text,
    "call": ToolCall,
    "reasoning": Reasoning,
    "opaque": Opaque,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def parts_to_json(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """What a model can be shown again of its own reply; an image it made is not kept."""
    return [{"kind": _NAMES[type(part)], **asdict(part)} for part in parts if type(part) in _NAMES]  # type: ignore[index]


def parts_from_json(data: Sequence[Mapping[str, Any]]) -> tuple[Part, ...]:
    return tuple(
        _KINDS[each["kind"]](**{name: value for name, value in each.items() if name != "kind"}) for each in data
    )
