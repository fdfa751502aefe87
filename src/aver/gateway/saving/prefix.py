"""Hints for providers that keep a prompt's beginning when they are told to."""

from __future__ import annotations

from dataclasses import replace

from aver.gateway.types import ChatRequest, Family, File, Image, Message, Part, Text, Tool, ToolResult

__all__ = ["hint"]

_LEAST = {"anthropic": 1024, "bedrock": 1024}
"""Tokens below which a prefix is not kept, for the models with the least (https://docs.claude.com/en/docs/build-with-claude/prompt-caching,
"Cache limitations"; https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html). Some models want 2,048 or 4,096: there a
short hint is ignored without charge."""
_BYTES_A_TOKEN = 4
"""Of English prose; a guess that only decides whether a hint is worth giving."""


def hint(chat: ChatRequest, family: Family) -> ChatRequest:
    """``chat`` with the end of its longest prefix that is likely to be sent again marked, where that family keeps prefixes on demand.

    The prefix is tools, system prompt and all before the last message; in that message, the parts before its last text, such as
    passages before a question. Where the caller gave hints of their own, or the prefix is too short to be kept, ``chat`` comes
    back as it is: a prefix that is written to a provider's cache costs more than one that is not.
    """
    least = _LEAST.get(family)
    if least is None or _is_hinted(chat):
        return chat
    tools = sum(len(repr(tool)) for tool in chat.tools)
    sizes = [sum(map(_size, message.parts)) for message in chat.messages]
    for index, start in _ends(chat):
        if (tools + sum(sizes[:index]) + sum(map(_size, chat.messages[index].parts[:start]))) // _BYTES_A_TOKEN < least:
            return chat
        marked = _marked(chat.messages[index], start - 1)
        if marked is not None:
            messages = (*chat.messages[:index], marked, *chat.messages[index + 1 :])
            return replace(chat, messages=messages)
    return chat


def _ends(chat: ChatRequest) -> list[tuple[int, int]]:
    """Where prefixes may end, the longest first: the message, and how many of its parts belong."""
    last = len(chat.messages) - 1
    ends = [(last, len(chat.messages[last].parts) - 1)] if last >= 0 else []
    ends += [(index, len(chat.messages[index].parts)) for index in range(last - 1, -1, -1)]
    return [(index, parts) for index, parts in ends if parts > 0]


def _marked(message: Message, place: int) -> Message | None:
    """``message`` with the part at ``place`` marked, or ``None`` when a part of its kind carries no hint."""
    part = message.parts[place]
    if not isinstance(part, Text | Image | File | ToolResult) or (isinstance(part, Text) and not part.text):
        return None
    parts = (*message.parts[:place], replace(part, cache=True), *message.parts[place + 1 :])
    return replace(message, content=parts)


def _is_hinted(chat: ChatRequest) -> bool:
    parts = (part for message in chat.messages for part in message.parts)
    return any(getattr(part, "cache", False) for part in parts) or any(
        isinstance(tool, Tool) and tool.cache for tool in chat.tools
    )


def _size(part: Part) -> int:
    if isinstance(part, Text):
        return len(part.text.encode("utf-8", "surrogatepass"))
    if isinstance(part, ToolResult):
        return sum(map(_size, part.content))
    # An image counts for hundreds of tokens, however long its data.
    return 2_000 if isinstance(part, Image | File) else len(repr(part))
