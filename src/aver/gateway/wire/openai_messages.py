"""Messages of chat completions, read and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from aver.core.errors import InvalidInput, RequestRejected
from aver.gateway.types import File, Image, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from aver.gateway.wire.openai_fields import data_url, items, object_of, of_data_url, text, wrong

__all__ = ["FAMILY", "cannot_say", "content_part", "read_messages", "write_messages"]

FAMILY = "openai"
_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_AUDIO = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}


def cannot_say(what: str, family: str = "OpenAI's chat protocol") -> RequestRejected:
    """The error for a part that a family cannot be told."""
    return RequestRejected(f"{family} has no place for {what}", "Ask a model of another provider, or leave it out.")


def read_messages(value: object) -> tuple[Message, ...]:
    """``messages`` of a body. What tools gave, one message each, becomes one message of the user with all of it."""
    messages: list[Message] = []
    names: dict[str, str] = {}
    results: list[Part] = []
    for index, item in enumerate(items(value, "messages")):
        place = f"messages.{index}."
        role = item.get("role")
        if role == "tool":
            call = text(item, "tool_call_id", place)
            results.append(
                ToolResult(
                    call, _parts(item.get("content"), f"{place}content"), False, names.get(call, ""), _cached(item)
                )
            )
            continue
        if results:
            messages.append(Message("user", tuple(results)))
            results = []
        if role == "function":
            raise InvalidInput(f"{place}role 'function' is of the retired functions", "Use the role 'tool'.")
        if role not in _ROLES:
            raise wrong(f"{place}role", "one of system, developer, user, assistant, tool")
        content = _assistant(item, place) if role == "assistant" else _content(item.get("content"), f"{place}content")
        messages.append(Message(_ROLES[role], content))
        if role == "assistant" and not isinstance(content, str):
            names |= {part.id: part.name for part in content if isinstance(part, ToolCall)}
    if results:
        messages.append(Message("user", tuple(results)))
    return tuple(messages)


def _assistant(item: dict[str, Any], place: str) -> str | tuple[Part, ...]:
    if item.get("function_call"):
        raise InvalidInput(f"{place}function_call is of the retired functions", "Use tool_calls.")
    content = item.get("content")
    thought = text(item, "reasoning_content", place) or text(item, "reasoning", place)
    refusal, calls = text(item, "refusal", place), items(item.get("tool_calls"), f"{place}tool_calls")
    if isinstance(content, str) and not (thought or refusal or calls):
        return content
    parts: list[Part] = [Reasoning(thought, family=FAMILY)] if thought else []
    if content:
        parts += _parts(content, f"{place}content")
    if refusal:
        parts.append(Text(refusal))
    for number, call in enumerate(calls):
        if "function" not in call:
            parts.append(Opaque(FAMILY, call))
            continue
        where = f"{place}tool_calls.{number}."
        function = object_of(call["function"], f"{where}function")
        parts.append(
            ToolCall(text(call, "id", where), text(function, "name", where), text(function, "arguments", where))
        )
    return tuple(parts)


def _content(value: object, place: str) -> str | tuple[Part, ...]:
    return value if isinstance(value, str) else _parts(value, place)


def _parts(value: object, place: str) -> tuple[Part, ...]:
    if isinstance(value, str):
        return (Text(value),)
    if value is not None and not isinstance(value, list):
        raise wrong(place, "a text or a list of parts")
    return tuple(_part(part, f"{place}.{index}.") for index, part in enumerate(items(value, place)))


def _part(part: dict[str, Any], place: str) -> Part:
    match part.get("type"):
        case "text":
            return Text(text(part, "text", place), _cached(part))
        case "refusal":
            return Text(text(part, "refusal", place))
        case "image_url":
            return _image(part, place)
        case "input_audio" | "file":
            return _file(part, place)
        case str():
            return Opaque(FAMILY, part)
    raise wrong(f"{place}type", "the type of a part")


def _image(part: dict[str, Any], place: str) -> Image:
    image = part.get("image_url")
    image = {"url": image} if isinstance(image, str) else object_of(image, f"{place}image_url")
    url, detail = text(image, "url", place), text(image, "detail", place)
    if not url.startswith("data:"):
        return Image(url=url, detail=detail, cache=_cached(part))
    media_type, data = of_data_url(url, f"{place}image_url.url")
    return Image(media_type, data, detail=detail, cache=_cached(part))


def _file(part: dict[str, Any], place: str) -> File:
    if part["type"] == "input_audio":
        audio = object_of(part.get("input_audio"), f"{place}input_audio")
        kind = text(audio, "format", place)
        return File(_AUDIO.get(kind, f"audio/{kind}"), text(audio, "data", place), cache=_cached(part))
    file = object_of(part.get("file"), f"{place}file")
    data = text(file, "file_data", place)
    media_type = "application/pdf" if data else ""  # bare base64 was PDF before data URLs were asked for
    if data.startswith("data:"):
        media_type, data = of_data_url(data, f"{place}file.file_data")
    return File(
        media_type, data, id=text(file, "file_id", place), name=text(file, "filename", place), cache=_cached(part)
    )


def _cached(part: Mapping[str, Any]) -> bool:
    """OpenAI's own mark, and the one that callers of other gateways know."""
    return bool(part.get("prompt_cache_breakpoint") or part.get("cache_control"))


def write_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Raises :class:`~aver.core.errors.RequestRejected` for a part that chat completions cannot be told."""
    written: list[dict[str, Any]] = []
    for message in messages:
        if isinstance(message.content, str):
            written.append({"role": message.role, "content": message.content})
        elif message.role == "assistant":
            written.append(_write_assistant(message.content))
        else:
            written += _write_user(message.role, message.content)
    return written


def _write_user(role: str, parts: tuple[Part, ...]) -> list[dict[str, Any]]:
    """What tools gave comes first, each in a message of its own. A tool's message holds text alone: what else it gave follows in the
    user's."""
    results: list[dict[str, Any]] = []
    rest: list[Part] = []
    for part in parts:
        if not isinstance(part, ToolResult):
            rest.append(part)
            continue
        said = tuple(each for each in part.content if isinstance(each, Text))
        results.append({"role": "tool", "tool_call_id": part.call, "content": _write_content(said)})
        if shown := [each for each in part.content if not isinstance(each, Text)]:
            rest += [Text(f"With the result of {part.call}:"), *shown]
    if rest or not results:
        results.append({"role": role, "content": _write_content(rest)})
    return results


def _write_assistant(parts: tuple[Part, ...]) -> dict[str, Any]:
    said: list[Part] = []
    calls: list[Mapping[str, Any]] = []
    thoughts = ""
    for part in parts:
        match part:
            case ToolCall():
                function = {"name": part.name, "arguments": part.arguments}
                calls.append({"id": part.id, "type": "function", "function": function})
            case Opaque(family="openai") if "function" not in part.value and "id" in part.value:
                calls.append(part.value)
            case Reasoning():  # of another family: it would be read as said, or refused
                thoughts += part.text if part.family == FAMILY else ""
            case _:
                said.append(part)
    message: dict[str, Any] = {"role": "assistant", "content": _write_content(said) if said or not calls else None}
    if thoughts:
        message["reasoning_content"] = thoughts
    if calls:
        message["tool_calls"] = calls
    return message


def _write_content(parts: Sequence[Part]) -> str | list[Mapping[str, Any]]:
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [content_part(part) for part in parts]


def content_part(part: Part) -> Mapping[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            image = {"url": part.url or data_url(part.media_type or "image/png", part.data)}
            return {"type": "image_url", "image_url": image | ({"detail": part.detail} if part.detail else {})}
        case File(media_type=kind) if kind.startswith("audio/") and part.data:
            audio = {"data": part.data, "format": _FORMATS.get(kind, kind.removeprefix("audio/"))}
            return {"type": "input_audio", "input_audio": audio}
        case File(url=url) if url:
            raise cannot_say("a file by its address")
        case File():
            file = {"file_id": part.id} if part.id else {"file_data": data_url(part.media_type, part.data)}
            return {"type": "file", "file": file | ({"filename": part.name} if part.name else {})}
        case Opaque(family="openai"):
            return part.value
        case Opaque():
            raise cannot_say(f"a part of {part.family}'s own")
    raise cannot_say("a tool's call or result in this place")
