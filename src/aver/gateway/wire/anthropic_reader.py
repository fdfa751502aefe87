"""Streamed replies of Anthropic's protocol, read.

Reference: https://docs.anthropic.com/en/docs/build-with-claude/streaming.
"""

from __future__ import annotations

from typing import Any

import orjson

from aver.gateway.types import ChatDelta, Reasoning, ToolDelta
from aver.gateway.wire.anthropic_blocks import FAMILY, thought
from aver.gateway.wire.anthropic_errors import within_stream
from aver.gateway.wire.anthropic_replies import finish_of, read_usage
from aver.gateway.wire.refusals import unreadable
from aver.gateway.wire.sse import EventReader

__all__ = ["AnthropicReader"]


class AnthropicReader:
    """One streamed reply. Every event but the last becomes a delta, so that a caller of this family gets them all as they are."""

    def __init__(self) -> None:
        self.read: list[ChatDelta] = []
        self.done = False
        self._events = EventReader()
        self._usage: dict[str, Any] = {}
        self._tools: dict[int, int] = {}
        """The index of a block of a tool's call, to its place among the calls."""

    def feed(self, chunk: bytes) -> list[ChatDelta]:
        deltas = self.read = []
        try:
            for data, raw, _ in self._events.feed(chunk):
                event = orjson.loads(data)
                kind = event["type"]
                if kind == "content_block_delta":
                    delta = self._piece(event, raw)
                elif kind == "message_stop":
                    self.done = True
                    continue
                elif kind == "error":
                    raise within_stream(data)
                else:
                    delta = self._other(kind, event, raw)
                deltas.append(delta)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise unreadable(f"{type(error).__name__}: {error}") from error
        return deltas

    def _piece(self, event: dict[str, Any], raw: bytes) -> ChatDelta:
        piece = event["delta"]
        kind = piece["type"]
        if kind == "text_delta":
            return ChatDelta(piece["text"], raw=raw)
        if kind == "input_json_delta":
            place = self._tools.get(event["index"])
            if place is None:  # a tool that the provider runs itself
                return ChatDelta(raw=raw)
            return ChatDelta(tool=ToolDelta(place, arguments=piece["partial_json"]), raw=raw)
        if kind == "thinking_delta":
            return ChatDelta(reasoning=Reasoning(piece["thinking"], family=FAMILY), raw=raw)
        if kind == "signature_delta":
            return ChatDelta(reasoning=thought(signature=piece["signature"]), raw=raw)
        return ChatDelta(raw=raw)

    def _other(self, kind: str, event: dict[str, Any], raw: bytes) -> ChatDelta:
        if kind == "content_block_start":
            return self._start(event["index"], event["content_block"], raw)
        if kind == "message_start":
            message = event["message"]
            self._usage = dict(message.get("usage") or {})
            return ChatDelta(id=str(message.get("id") or ""), model=str(message.get("model") or ""), raw=raw)
        if kind == "message_delta":
            return self._end(event, raw)
        return ChatDelta(raw=raw)  # content_block_stop, ping, and events of days to come

    def _start(self, index: int, block: dict[str, Any], raw: bytes) -> ChatDelta:
        match block["type"]:
            case "tool_use":
                self._tools[index] = place = len(self._tools)
                begun = orjson.dumps(block["input"]).decode() if block.get("input") else ""
                return ChatDelta(tool=ToolDelta(place, block["id"], block["name"], begun), raw=raw)
            case "text":
                return ChatDelta(block.get("text") or "", raw=raw)
            case "redacted_thinking":
                return ChatDelta(reasoning=thought(data=block["data"]), raw=raw)
            case "thinking" if block.get("thinking") or block.get("signature"):
                return ChatDelta(reasoning=thought(block["thinking"], block.get("signature") or ""), raw=raw)
        return ChatDelta(raw=raw)

    def _end(self, event: dict[str, Any], raw: bytes) -> ChatDelta:
        """What is counted at the end replaces what was counted at the beginning."""
        usage = event.get("usage") or {}
        self._usage |= {name: value for name, value in usage.items() if value is not None}
        reason = event["delta"].get("stop_reason")
        if reason is None:
            return ChatDelta(raw=raw)
        return ChatDelta(finish=finish_of(reason), usage=read_usage(self._usage) if self._usage else None, raw=raw)
