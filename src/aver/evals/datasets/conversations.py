"""Conversations as other programs write them: the last thing a person says is the question, what stands before it the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aver.core.errors import InvalidInput

__all__ = ["asked", "spoken"]

_ROLES = {
    "ai": "assistant",
    "assistant": "assistant",
    "developer": "system",
    "gpt": "assistant",
    "human": "user",
    "model": "assistant",
    "system": "system",
    "user": "user",
}


def spoken(value: Any) -> str:
    """What a message says: its text, or the texts among its parts."""
    if isinstance(value, list):
        return "\n".join(filter(None, map(spoken, value)))
    if isinstance(value, Mapping):
        return spoken(value.get("text") or value.get("reasoning") or "")
    return value if isinstance(value, str) else ""


def _untold(content: Any) -> list[str]:
    """What the parts of a message are that say nothing in words."""
    parts = content if isinstance(content, list) else []
    return [str(each.get("type") or "unknown")[:40] for each in parts if isinstance(each, Mapping) and not spoken(each)]


def asked(
    place: str, messages: Sequence[Any], leave_out: Callable[[str], None]
) -> tuple[str, list[dict[str, str]], str]:
    """The question, what was said before it, and what was answered to it where that stands there. Calls of tools and their results are left out,
    and so is what is no text, such as images, and told to ``leave_out``. Raises :class:`~aver.core.errors.InvalidInput` where nobody asks anything."""
    said: list[dict[str, str]] = []
    for message in messages:
        if not isinstance(message, Mapping):
            raise InvalidInput(f"{place}: a message is no mapping", 'Write {"role": ..., "content": ...}.')
        for part in _untold(message.get("content", message.get("value"))):
            leave_out(f"a part of a message: {part}")
        word = str(message.get("role") or message.get("type") or message.get("from") or "")
        content = spoken(message.get("content", message.get("value", ""))).strip()
        role = _ROLES.get(word.lower())
        if role is None or not content:
            leave_out(f"a message of {word or 'nobody'}" + ("" if role is None else " that says nothing"))
            continue
        said.append({"role": role, "content": content})
    last = max((at for at, each in enumerate(said) if each["role"] == "user"), default=-1)
    if last < 0:
        raise InvalidInput(f"{place}: nobody asks anything in these messages", "One needs the role user.")
    answered = said[last + 1]["content"] if last + 1 < len(said) and said[last + 1]["role"] == "assistant" else ""
    return said[last]["content"], said[:last], answered
