"""How much a request can cost at most, found without understanding the whole of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aver.gateway.calls import Call
from aver.gateway.types import File, Image, Part, ToolResult

__all__ = ["Features", "features"]

_IMAGE = 6_000
"""Tokens that no provider's usual model makes more of for one image; what it reports counts in the end."""
_FILE = 2_000
"""Tokens of a file whatever its size, beside one for each four bytes."""
_ADDED = 512
"""Tokens of templates that a provider puts around a conversation."""
_IMAGES = frozenset({"image", "image_url", "input_image"})
_FILES = frozenset({"document", "file", "input_audio", "input_file"})
_LIMITS = {
    "openai": ("max_completion_tokens", "max_tokens"),
    "responses": ("max_output_tokens",),
    "anthropic": ("max_tokens",),
}
"""What bounds the output in each family. A name that another family uses bounds nothing here."""
_MOST_TOKENS = 2**24
_MOST_COPIES = 2**16
"""Beyond what any model writes, and small enough that what they cost at any price is a number that can be kept."""


class Features(NamedTuple):
    """``read`` is the request's text in bytes, ``read_most`` the most tokens that all of it can be; ``max_tokens`` what the caller allows
    for each of ``copies`` replies, if it says."""

    read: int
    read_most: int
    max_tokens: int | None
    copies: int


def features(call: Call) -> Features:
    """Of a chat. An image counts as a piece, not by the letters it is written in."""
    body = call.body
    if body is None:
        chat = call.chat
        read = call.size or sum(len(message.text.encode("utf-8", "replace")) for message in chat.messages)
        pieces = _Pieces()
        for message in chat.messages:
            if not isinstance(message.content, str):
                pieces.of_parts(message.content)
        return Features(read, read + pieces.tokens + _ADDED, chat.max_tokens, 1)
    pieces = _Pieces()
    messages = body.get("messages") or body.get("input")
    if isinstance(messages, list):
        for message in messages:
            if isinstance(message, Mapping) and isinstance(message.get("content"), list):
                pieces.of_body(message["content"])
    read = max(0, call.size - pieces.letters)
    # To some servers a bound below 1 means that there is none.
    limit = next((most for name in _LIMITS.get(call.family, ()) if (most := _count(body.get(name))) > 0), None)
    copies = min(max(1, _count(body.get("n"))), _MOST_COPIES)
    return Features(read, read + pieces.tokens + _ADDED, None if limit is None else min(limit, _MOST_TOKENS), copies)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


class _Pieces:
    """Images and files: the tokens they can be, and the letters they take."""

    def __init__(self) -> None:
        self.tokens = 0
        self.letters = 0

    def of_parts(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if isinstance(part, Image):
                self.tokens += _IMAGE
            elif isinstance(part, File):
                self.tokens += _FILE + len(part.data) // 4
            elif isinstance(part, ToolResult):
                self.of_parts(part.content)

    def of_body(self, content: Iterable[Any]) -> None:
        for part in content:
            if not isinstance(part, Mapping):
                continue
            kind = part.get("type")
            if kind in _IMAGES:
                self.tokens += _IMAGE
                self.letters += _longest(part)
            elif kind in _FILES:
                letters = _longest(part)
                self.tokens += _FILE + letters // 4
                self.letters += letters
            elif kind == "tool_result" and isinstance(part.get("content"), list):
                self.of_body(part["content"])


def _longest(part: Mapping[str, Any]) -> int:
    """Of the texts within, the longest: the data, in base64."""
    longest = 0
    for value in part.values():
        if isinstance(value, str):
            longest = max(longest, len(value))
        elif isinstance(value, Mapping):
            longest = max(longest, _longest(value))
    return longest
