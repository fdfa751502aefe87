"""Items of the responses protocol, read and written: messages, thoughts, tools' calls and what they gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aver.core.errors import InvalidInput
from aver.gateway.types import File, Image, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from aver.gateway.wire.openai_fields import data_url, items, of_data_url, text, wrong
from aver.gateway.wire.openai_messages import cannot_say, content_part

__all__ = ["FAMILY", "read_input", "read_output_item", "refuse", "thought_of", "write_input", "write_reasoning"]

FAMILY = "responses"
_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


def refuse(what: str) -> Exception:
    """The error for a part that this protocol cannot be told."""
    return cannot_say(what, "OpenAI's responses protocol")


def read_input(value: object) -> tuple[Message, ...]:
    """``input`` of a body. Items in a row that the assistant wrote become one message, and so does what tools gave."""
    if isinstance(value, str):
        return (Message("user", value),)
    messages: list[Message] = []
    names: dict[str, str] = {}
    run: list[Part] = []
    running: Literal["user", "assistant"] = "assistant"
    for index, item in enumerate(items(value, "input")):
        role, parts = _item(item, f"input.{index}.", names)
        # A person's message stands alone; the assistant's items, and results, are parts of one.
        joins = role == "assistant" or (role == "user" and "role" not in item)
        if run and (not joins or role != running):
            messages.append(Message(running, tuple(run)))
            run = []
        if joins:
            running = "assistant" if role == "assistant" else "user"
            run += parts
        else:
            messages.append(Message(role, parts))
    if run:
        messages.append(Message(running, tuple(run)))
    return tuple(messages)


def _item(
    item: dict[str, Any], place: str, names: dict[str, str]
) -> tuple[Literal["system", "user", "assistant"], tuple[Part, ...]]:
    kind = item.get("type", "message")
    match kind:
        case "message":
            if item.get("role") not in _ROLES:
                raise wrong(f"{place}role", "one of system, developer, user, assistant")
            return _ROLES[item["role"]], _content(item.get("content"), f"{place}content")
        case "function_call":
            call = ToolCall(text(item, "call_id", place), text(item, "name", place), text(item, "arguments", place))
            names[call.id] = call.name
            return "assistant", (call,)
        case "function_call_output":
            call_id = text(item, "call_id", place)
            output = _content(item.get("output"), f"{place}output")
            return "user", (ToolResult(call_id, output, name=names.get(call_id, "")),)
        case "reasoning":
            return "assistant", (thought_of(item),)
        case "item_reference":
            raise InvalidInput(
                f"{place}type 'item_reference' names an item that only its provider keeps", "Send the item itself."
            )
        case str():
            return "user" if kind.endswith("_output") else "assistant", (Opaque(FAMILY, item),)
    raise wrong(f"{place}type", "the type of an item")


def _content(value: object, place: str) -> tuple[Part, ...]:
    if isinstance(value, str):
        return (Text(value),)
    if value is not None and not isinstance(value, list):
        raise wrong(place, "a text or a list of parts")
    return tuple(_part(part, f"{place}.{index}.") for index, part in enumerate(items(value, place)))


def _part(part: dict[str, Any], place: str) -> Part:
    cached = bool(part.get("prompt_cache_breakpoint") or part.get("cache_control"))
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            return Text(text(part, "text", place), cached)
        case "refusal":
            return Text(text(part, "refusal", place))
        case "input_image" if part.get("image_url"):
            url, detail = text(part, "image_url", place), text(part, "detail", place)
            if not url.startswith("data:"):
                return Image(url=url, detail=detail, cache=cached)
            return Image(*of_data_url(url, f"{place}image_url"), detail=detail, cache=cached)
        case "input_file":
            data, media_type = text(part, "file_data", place), ""
            if data.startswith("data:"):
                media_type, data = of_data_url(data, f"{place}file_data")
            name, url = text(part, "filename", place), text(part, "file_url", place)
            return File(media_type, data, url, text(part, "file_id", place), name, cached)
        case str():
            return Opaque(FAMILY, part)
    raise wrong(f"{place}type", "the type of a part")


def thought_of(item: Mapping[str, Any]) -> Reasoning:
    """A reasoning item: what was shown of it, and the encrypted whole."""
    shown = "\n\n".join(str(part.get("text") or "") for part in item.get("summary") or item.get("content") or ())
    data = item.get("encrypted_content") or ""
    return Reasoning(shown, data=str(data), family=FAMILY, id=str(item.get("id") or ""))


def read_output_item(item: Mapping[str, Any]) -> tuple[Part, ...]:
    """An item of a reply. Raises ``KeyError``, ``TypeError`` or ``AttributeError`` for what is none."""
    match item["type"]:
        case "message":
            return tuple(Text(str(part.get("text") or part.get("refusal") or "")) for part in item["content"])
        case "function_call":
            return (ToolCall(item["call_id"], item["name"], item["arguments"]),)
        case "reasoning":
            return (thought_of(item),)
    return (Opaque(FAMILY, item),)


def write_input(messages: Sequence[Message]) -> list[Mapping[str, Any]]:
    """Raises :class:`~aver.core.errors.RequestRejected` for a part that the protocol cannot be told."""
    written: list[Mapping[str, Any]] = []
    for message in messages:
        said: list[Part] = []
        for part in message.parts:
            item = _write_item(part)
            if item is None:
                said.append(part)
            elif item:
                _say(written, message.role, said)
                written.append(item)
        if said or not message.parts:
            _say(written, message.role, said or [Text("")])
    return written


def _say(written: list[Mapping[str, Any]], role: str, said: list[Part]) -> None:
    """What was said so far as one message."""
    if not said:
        return
    if len(said) == 1 and isinstance(said[0], Text):
        written.append({"role": role, "content": said[0].text})
    else:
        written.append({"role": role, "content": [_write_part(part, role) for part in said]})
    said.clear()


def _write_item(part: Part) -> Mapping[str, Any] | None:
    """The item that a part is; ``None`` for a part of a message; empty for another family's thought, which is left out."""
    match part:
        case ToolCall():
            call = {"call_id": part.id, "name": part.name, "arguments": part.arguments}
            return {"type": "function_call", **call}
        case ToolResult(content=(Text(text=said),)):
            return {"type": "function_call_output", "call_id": part.call, "output": said}
        case ToolResult():
            output = [_write_part(each, "user") for each in part.content]
            return {"type": "function_call_output", "call_id": part.call, "output": output}
        case Reasoning():
            return write_reasoning(part) if part.family == FAMILY else {}
        case Opaque(family="responses") if not str(part.value.get("type", "")).startswith(("input_", "output_")):
            return part.value
    return None


def write_reasoning(part: Reasoning) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    item: dict[str, Any] = {"type": "reasoning", "summary": summary}
    if part.id:
        item["id"] = part.id
    return item | ({"encrypted_content": part.data} if part.data else {})


def _write_part(part: Part, role: str) -> Mapping[str, Any]:
    match part:
        case Text():
            return {"type": "output_text" if role == "assistant" else "input_text", "text": part.text}
        case Image():
            url = part.url or data_url(part.media_type or "image/png", part.data)
            return {"type": "input_image", "image_url": url, "detail": part.detail or "auto"}
        case File(media_type=kind, data=data) if kind.startswith("audio/") and data:
            return content_part(part)
        case File():
            fields = {"file_id": part.id, "file_url": part.url, "filename": part.name}
            file = {name: value for name, value in fields.items() if value}
            return {"type": "input_file", **file} | (
                {"file_data": data_url(part.media_type, part.data)} if part.data else {}
            )
        case Opaque(family="responses"):
            return part.value
        case Opaque():
            raise refuse(f"a part of {part.family}'s own")
    raise refuse("a tool's call or result in this place")
