"""What Cohere answers: replies whole and streamed, and its errors.

References: https://docs.cohere.com/reference/chat-stream, https://docs.cohere.com/reference/errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import ProviderDenied, ProviderExhausted, ProviderRefused, RequestRejected
from aver.gateway.types import ChatDelta, Completion, Finish, Part, Reasoning, Text, ToolCall, ToolDelta, Usage
from aver.gateway.wire.cohere_request import FAMILY
from aver.gateway.wire.refusals import refusal, scrub, unknown_finish, unreadable, words
from aver.gateway.wire.sse import EventReader

__all__ = ["CohereReader", "error", "read_completion", "usage_of"]

_FINISHES: dict[str, Finish] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}


class CohereReader:
    """Reads ``/v2/chat`` streamed."""

    def __init__(self) -> None:
        self.read: list[ChatDelta] = []
        self.done = False
        self._events = EventReader()
        self._id = ""
        self._calls: dict[int, int] = {}
        """Which call of the reply a tool call of the stream is."""

    def feed(self, chunk: bytes) -> list[ChatDelta]:
        deltas = self.read = []
        for event in self._events.feed(chunk):
            if event.data == b"[DONE]":
                continue
            delta = self._take(event.data)
            if delta is not None:
                if self._id:
                    delta.id, self._id = self._id, ""
                deltas.append(delta)
        return deltas

    def _take(self, data: bytes) -> ChatDelta | None:  # noqa: PLR0911 - one for each event
        try:
            event = orjson.loads(data)
            match event.get("type"):
                case "content-delta" | "content-start":
                    content = event["delta"]["message"]["content"]
                    if text := content.get("text"):
                        return ChatDelta(_text(text))
                    thought = content.get("thinking")
                    return ChatDelta(reasoning=Reasoning(_text(thought), family=FAMILY)) if thought else None
                case "tool-plan-delta":
                    return ChatDelta(_text(event["delta"]["message"]["tool_plan"]))
                case "tool-call-start":
                    call = event["delta"]["message"]["tool_calls"]
                    number = self._calls.setdefault(event.get("index") or 0, len(self._calls))
                    function = call["function"]
                    tool = ToolDelta(number, call["id"], function["name"], function.get("arguments") or "")
                    return ChatDelta(tool=tool)
                case "tool-call-delta":
                    arguments = event["delta"]["message"]["tool_calls"]["function"]["arguments"]
                    return ChatDelta(tool=ToolDelta(self._calls[event.get("index") or 0], arguments=_text(arguments)))
                case "message-start":
                    self._id = event.get("id") or ""
                case "message-end":
                    self.done = True
                    delta = event["delta"]
                    usage = delta.get("usage")
                    finish = _finish(delta["finish_reason"], delta.get("error") or "")
                    return ChatDelta(finish=finish, usage=usage_of(usage) if usage else None)
                case None:
                    raise error(0, {}, data) if "message" in event else unreadable("an event of it has no type")
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as wrong:
            raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong
        return None  # ends of blocks, citations, debug


def read_completion(body: bytes) -> Completion:
    try:
        reply = orjson.loads(body)
        usage = reply.get("usage")
        parts, finish = _parts(reply["message"]), _finish(reply["finish_reason"], "")
        if not parts and finish == "stop":
            raise unreadable("it holds nothing")
        return Completion(
            tuple(parts),
            finish,
            usage_of(usage) if usage else None,
            reply.get("id") or "",
            family=FAMILY,
            raw=body,
        )
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as wrong:
        raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong


def _parts(message: dict[str, Any]) -> list[Part]:
    """The plan for the tools is text that stands before their calls."""
    parts: list[Part] = []
    for block in message.get("content") or ():
        if block["type"] == "thinking":
            parts.append(Reasoning(_text(block["thinking"]), family=FAMILY))
        elif block["type"] == "text":
            parts.append(Text(_text(block["text"])))
    if plan := message.get("tool_plan"):
        parts.append(Text(_text(plan)))
    for call in message.get("tool_calls") or ():
        function = call["function"]
        parts.append(ToolCall(call["id"], function["name"], function.get("arguments") or ""))
    return parts


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise unreadable("its text is none")
    return value


def _finish(reason: object, said: str) -> Finish:
    finish = _FINISHES.get(str(reason))
    if finish is not None:
        return finish
    if reason in ("ERROR", "TIMEOUT", "ERROR_LIMIT"):
        what = f": {scrub(said)}" if said else ""
        raise ProviderRefused(
            f"The model provider broke its answer off ({reason}){what}", "Try again, or see the provider's status."
        )
    raise unknown_finish(reason)


def usage_of(said: dict[str, Any]) -> Usage:
    """What was billed, where that is told: Cohere reads more than that, its own instructions among it, and charges nothing for them."""
    counted = said.get("billed_units") or {}
    if "input_tokens" not in counted:
        counted = said.get("tokens") or {}
    read, written = int(counted.get("input_tokens") or 0), int(counted.get("output_tokens") or 0)
    return Usage(
        read,
        written,
        None,
        cached_tokens=min(read, int(said.get("cached_tokens") or 0)),
        images=int(counted.get("images") or 0),
    )


def error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderRefused:
    """By status and wording: Cohere's errors are a message without a code."""
    message = words(body).message
    lower = message.lower()
    kind: type[ProviderRefused] | None = None
    if status == 429 and "month" in lower:
        kind = ProviderExhausted
    elif status == 498 or "invalid api token" in lower:
        kind = ProviderDenied
    elif status == 499:
        kind = ProviderRefused
    elif lower.startswith("too many tokens: max tokens must be"):  # of the output: a shorter question does not help
        kind = RequestRejected
    if kind is None:
        return refusal(status, headers, body)
    return refusal(status, headers, orjson.dumps({"message": message, "code": FAMILY}), {FAMILY: kind})
