"""Content blocks of Anthropic's protocol, read and written.

Reference: https://docs.anthropic.com/en/api/messages. A block without a place in Aver's terms is :class:`~aver.gateway.types.Opaque`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from aver.core.errors import RequestRejected
from aver.gateway.types import File, Image, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from aver.gateway.wire.openai_fields import items, object_of, text, wrong

__all__ = ["FAMILY", "arguments", "cannot_say", "is_foreign", "read_content", "thought", "write_parts"]

FAMILY = "anthropic"
_FOREIGN = "aver:"
"""Begins the signature of a thought that another family's model had, so that it finds back there and never goes to Anthropic, which
refuses signatures that are not its own."""
_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_EPHEMERAL = {"type": "ephemeral"}


def cannot_say(what: str) -> RequestRejected:
    return RequestRejected(f"Anthropic's protocol has no place for {what}", "Leave it out, or use another provider.")


def read_content(content: object, place: str, names: dict[str, str]) -> tuple[Part, ...]:
    """The parts of a message, or of a tool's result. ``names`` are the tools' names by the ids of their calls, and grow with each call.
    Raises :class:`~aver.core.errors.InvalidInput` naming the field that is wrong."""
    if isinstance(content, str):
        return (Text(content),)
    parts: list[Part] = []
    for index, block in enumerate(items(content, place)):
        parts += _read(block, f"{place}.{index}", names)
    return tuple(parts)


def _read(block: Mapping[str, Any], place: str, names: dict[str, str]) -> Iterable[Part]:  # noqa: PLR0911 - one a kind
    cache = bool(block.get("cache_control"))
    match block.get("type"):
        case "text":
            return (Text(text(block, "text", f"{place}."), cache),)
        case "image":
            return (_image(block, place, cache),)
        case "document":
            return _document(block, place, cache)
        case "search_result":
            title = [Text(f"{text(block, 'title', place)}\n{text(block, 'source', place)}")]
            return (*title, *read_content(block.get("content"), f"{place}.content", names))
        case "tool_use":
            return (_tool_use(block, place, names),)
        case "tool_result":
            call = text(block, "tool_use_id", f"{place}.")
            content = read_content(block.get("content"), f"{place}.content", names)
            return (ToolResult(call, content, bool(block.get("is_error")), names.get(call, ""), cache),)
        case "thinking":
            return (thought(text(block, "thinking", f"{place}."), text(block, "signature", f"{place}.")),)
        case "redacted_thinking":
            return (thought(data=text(block, "data", f"{place}.")),)
        case str():
            return (Opaque(FAMILY, block),)
    raise wrong(f"{place}.type", "the name of a kind of block")


def _image(block: Mapping[str, Any], place: str, cache: bool) -> Part:
    source = object_of(block.get("source"), f"{place}.source")
    match source.get("type"):
        case "base64":
            data = text(source, "data", f"{place}.source.")
            return Image(text(source, "media_type", f"{place}.source."), data, cache=cache)
        case "url":
            return Image(url=text(source, "url", f"{place}.source."), cache=cache)
    return Opaque(FAMILY, block)


def _document(block: Mapping[str, Any], place: str, cache: bool) -> Iterable[Part]:
    """Documents of plain text become text, which every family can be told."""
    source = object_of(block.get("source"), f"{place}.source")
    title = text(block, "title", f"{place}.")
    inside = f"{place}.source."
    match source.get("type"):
        case "base64":
            file = File(text(source, "media_type", inside), text(source, "data", inside), name=title, cache=cache)
            return (file,)
        case "url":
            return (File("application/pdf", url=text(source, "url", inside), name=title, cache=cache),)
        case "file":
            return (File(id=text(source, "file_id", inside), name=title, cache=cache),)
        case "text":
            shown = (title, text(block, "context", f"{place}."), text(source, "data", inside))
            return (Text("\n\n".join(filter(None, shown)), cache),)
        case "content":
            heading = [Text(f"{title}\n\n")] if title else []
            return (*heading, *read_content(source.get("content"), f"{place}.source.content", {}))
    return (Opaque(FAMILY, block),)


def _tool_use(block: Mapping[str, Any], place: str, names: dict[str, str]) -> ToolCall:
    call, name = text(block, "id", f"{place}."), text(block, "name", f"{place}.")
    if not call or not name:
        raise wrong(f"{place}.{'name' if call else 'id'}", "a text that is not empty")
    names[call] = name
    return ToolCall(call, name, orjson.dumps(block.get("input") or {}).decode())


def thought(shown: str = "", signature: str = "", data: str = "") -> Reasoning:
    """A block of thought: Anthropic's own, or another family's in disguise."""
    disguised = signature or data
    if not disguised.startswith(_FOREIGN):
        return Reasoning(shown, signature, data, FAMILY)
    _, family, id_, opaque = [*disguised.split(":", 3), "", ""][:4]
    return Reasoning(shown, opaque if signature else "", "" if signature else opaque, family, id_)


def is_foreign(block: Mapping[str, Any]) -> bool:
    """Whether the block is a thought that Anthropic did not sign."""
    kind = block.get("type")
    if kind == "thinking":
        signature = block.get("signature")
        return not signature or str(signature).startswith(_FOREIGN)
    return kind == "redacted_thinking" and str(block.get("data")).startswith(_FOREIGN)


def write_parts(parts: Iterable[Part], *, reply: bool = False) -> list[dict[str, Any]]:
    """Blocks for a request, or for a ``reply``, which shows the thoughts of other families too. Empty texts are left out: Anthropic
    refuses them. Raises :class:`~aver.core.errors.RequestRejected` for a part that cannot be said."""
    blocks = []
    for part in parts:
        if (block := _write(part, reply)) is not None:
            if getattr(part, "cache", False):
                block = {**block, "cache_control": _EPHEMERAL}
            blocks.append(block)
    return blocks


def _write(part: Part, reply: bool) -> dict[str, Any] | None:  # noqa: PLR0911 - one a kind
    match part:
        case Text(shown):
            return {"type": "text", "text": shown} if shown else None
        case ToolCall():
            return {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": arguments(part.arguments)}
        case ToolResult():
            return _tool_result(part)
        case Image():
            return {"type": "image", "source": _image_source(part)}
        case File():
            document: dict[str, Any] = {"type": "document", "source": _file_source(part)}
            return document | ({"title": part.name} if part.name else {})
        case Reasoning():
            return _reasoning(part, reply)
    if part.family != FAMILY:
        raise cannot_say(f"a part of {part.family}'s own")
    return dict(part.value)


def _tool_result(part: ToolResult) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": _id(part.call)}
    content = write_parts(part.content)
    if content:
        alone = len(content) == 1 and content[0].keys() == {"type", "text"}
        block["content"] = content[0]["text"] if alone else content
    return block | ({"is_error": True} if part.error else {})


def _image_source(image: Image) -> dict[str, str]:
    if image.data:
        return {"type": "base64", "media_type": image.media_type or "image/png", "data": image.data}
    return {"type": "url", "url": image.url}


def _file_source(file: File) -> dict[str, str]:
    if file.id:
        return {"type": "file", "file_id": file.id}
    if file.url:
        return {"type": "url", "url": file.url}
    if file.media_type == "application/pdf":
        return {"type": "base64", "media_type": file.media_type, "data": file.data}
    if file.media_type.startswith("text/") or file.media_type == "application/json":
        try:
            shown = base64.b64decode(file.data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise cannot_say(f"a file of the type {file.media_type} that is not UTF-8 in base64") from error
        return {"type": "text", "media_type": "text/plain", "data": shown}
    raise cannot_say(f"a file of the type {file.media_type or 'unknown'}")


def _reasoning(part: Reasoning, reply: bool) -> dict[str, str] | None:
    own = part.family == FAMILY
    if not own and not reply:
        return None
    disguise = "" if own else f"{_FOREIGN}{part.family}:{part.id}:"
    if part.data:
        return {"type": "redacted_thinking", "data": disguise + part.data}
    if own and not reply and not part.signature:
        return None
    signature = disguise + part.signature if part.signature else ""
    return {"type": "thinking", "thinking": part.text, "signature": signature}


def _id(call: str) -> str:
    """The call's id, or one made of it where Anthropic would refuse it."""
    if _TOOL_ID.fullmatch(call):
        return call
    return f"toolu_{hashlib.sha256(call.encode('utf-8', 'replace')).hexdigest()[:24]}"


def arguments(written: str) -> dict[str, Any]:
    """What a tool was asked with, as the object that Anthropic wants; what is none stands in one."""
    if not written.strip():
        return {}
    try:
        value = orjson.loads(written)
    except orjson.JSONDecodeError:
        return {"malformed_arguments": written}
    return value if isinstance(value, dict) else {"value": value}
