"""Messages of Bedrock's Converse, written: blocks of text, images, documents, tools and thoughts.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from aver.core.errors import RequestRejected
from aver.gateway.types import File, Image, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult

__all__ = ["CACHE_POINT", "FAMILY", "cannot_say", "write_messages"]

FAMILY = "bedrock"
CACHE_POINT = {"cachePoint": {"type": "default"}}
_IMAGES = ("png", "jpeg", "gif", "webp")
_BEGINNINGS = {"iVBORw0": "png", "/9j/": "jpeg", "R0lGOD": "gif", "UklGR": "webp"}
"""How images begin in base64, for those whose type is not said."""
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NOT_OF_A_NAME = re.compile(r"[^a-zA-Z0-9\-()\[\]]+")


def cannot_say(what: str, next_step: str = "Ask a model of another provider, or leave it out.") -> RequestRejected:
    """The error for what Converse cannot be told."""
    return RequestRejected(f"Bedrock has no place for {what}", next_step)


def write_messages(messages: Sequence[Message], *, caches: bool, claude: bool) -> tuple[list[Any], list[Any]]:
    """``(system, messages)``. Roles alternate: messages of one speaker in a row become one. ``caches`` is whether the model takes cache
    points, ``claude`` whether it understands thoughts that Anthropic signed."""
    system: list[Any] = []
    written: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            system += _blocks(message.parts, caches, claude)
        elif blocks := _blocks(message.parts, caches, claude):
            if written and written[-1]["role"] == message.role:
                written[-1]["content"] += blocks
            else:
                written.append({"role": message.role, "content": blocks})
    for each in written:  # what tools gave stands before what the user says to it
        each["content"].sort(key=lambda block: 0 if "toolResult" in block else 1)
    if not written:
        return [], [{"role": "user", "content": system}]
    return system, written


def _blocks(parts: Sequence[Part], caches: bool, claude: bool) -> list[Any]:
    blocks: list[Any] = []
    for part in parts:
        block = _thought(part, claude) if isinstance(part, Reasoning) else _block(part)
        if block is None:
            continue
        blocks.append(block)
        if caches and getattr(part, "cache", False):
            blocks.append(CACHE_POINT)
    return blocks


def _thought(part: Reasoning, claude: bool) -> dict[str, Any] | None:
    """A thought that its model can check; one of another family would be read as the model's own."""
    if part.family != FAMILY and not (claude and part.family == "anthropic"):
        return None
    if part.data:
        return {"reasoningContent": {"redactedContent": part.data}}
    if part.signature:
        return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}
    return None


def _block(part: Part) -> Mapping[str, Any] | None:
    match part:
        case Text():
            return {"text": part.text} if part.text.strip() else None  # blank blocks are refused
        case Image():
            return {"image": _image(part)}
        case File():
            return _file(part)
        case ToolCall():
            call = {"toolUseId": _tool_id(part.id), "name": part.name, "input": _arguments(part.arguments)}
            return {"toolUse": call}
        case ToolResult():
            content = [block for each in part.content if (block := _block(each)) is not None]
            result = {"toolUseId": _tool_id(part.call), "content": content or [{"text": "(empty)"}]}
            return {"toolResult": result | ({"status": "error"} if part.error else {})}
        case Opaque(family="bedrock"):
            return part.value
    raise cannot_say(f"a part of {getattr(part, 'family', 'another family')}'s own")


def _image(part: Image) -> dict[str, Any]:
    media_type, source = _source(part, "an image")
    format_ = media_type.removeprefix("image/").replace("jpg", "jpeg")
    if not format_:
        begins = str(source.get("bytes", ""))
        format_ = next((each for start, each in _BEGINNINGS.items() if begins.startswith(start)), "png")
    if format_ not in _IMAGES:
        raise cannot_say(f"an image of the type {media_type!r}", "Send it as PNG, JPEG, GIF or WebP.")
    return {"format": format_, "source": source}


def _file(part: File) -> dict[str, Any]:
    media_type, source = _source(part, "a file")
    for kind in ("video", "audio"):
        if media_type.startswith(f"{kind}/"):
            return {kind: {"format": media_type.removeprefix(f"{kind}/").replace("mpeg", "mp3"), "source": source}}
    format_ = _DOCUMENTS.get(media_type.partition(";")[0])
    if format_ is None:
        raise cannot_say(f"a file of the type {media_type!r}", "Send it as PDF, text, or an office format.")
    # The model reads the name; no two documents of a conversation may share one.
    name = _NOT_OF_A_NAME.sub(" ", part.name.rpartition(".")[0] or part.name).strip()[:100] or "document"
    told = blake2b((part.data or part.url).encode(), digest_size=3).hexdigest()
    return {"document": {"format": format_, "name": f"{name} {told}", "source": source}}


def _source(part: Image | File, what: str) -> tuple[str, dict[str, Any]]:
    """``(media type, source)``."""
    if part.data:
        return part.media_type, {"bytes": part.data}
    if part.url.startswith("s3://"):
        return part.media_type, {"s3Location": {"uri": part.url}}
    if part.url.startswith("data:"):
        head, _, data = part.url.removeprefix("data:").partition(",")
        return part.media_type or head.partition(";")[0], {"bytes": data}
    raise cannot_say(f"{what} by its address", "Send its bytes in base64, or an s3:// address.")


def _tool_id(id_: str) -> str:
    """Ids of other providers may hold what Bedrock's may not: the same one becomes the same."""
    return (
        id_
        if _TOOL_ID.fullmatch(id_)
        else f"call_{blake2b(id_.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"
    )


def _arguments(written: str) -> dict[str, Any]:
    """The arguments as an object. What the model wrote wrongly is kept as it is, under one name."""
    if not written:
        return {}
    try:
        value = orjson.loads(written)
    except orjson.JSONDecodeError:
        value = None
    return value if isinstance(value, dict) else {"arguments": written}
