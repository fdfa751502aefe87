"""Streamed replies of Anthropic's protocol, written.

Reference: https://docs.anthropic.com/en/docs/build-with-claude/streaming.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from aver.core.errors import AverError
from aver.gateway.types import ChatDelta, Finish, Reasoning, ToolDelta, Usage
from aver.gateway.wire.anthropic_blocks import write_parts
from aver.gateway.wire.anthropic_errors import shape
from aver.gateway.wire.anthropic_replies import STOP_REASONS, write_usage
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.sse import EventReader

__all__ = ["AnthropicWriter"]

_PIECE = b"event: content_block_delta\n"


class AnthropicWriter:
    """One streamed reply. At most one block is open at a time; the reply's end is written by :meth:`end`, when its usage is known."""

    def __init__(self, *, reply_id: str, model: str) -> None:
        self._id = reply_id
        self._model = model
        self._begun = False
        self._ended = False
        """Whether ``message_delta`` was shown as another stream had it."""
        self._next = 0
        self._open = ""
        """The kind of the block that is open, a tool's with its place; nothing when none is."""
        self._text = b""
        """What comes before a piece of text in the open block."""
        self._tools: dict[int, int] = {}
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def write(self, deltas: Sequence[ChatDelta]) -> bytes:
        shown: list[bytes] = []
        for delta in deltas:
            if delta.raw is not None:
                shown.append(delta.raw)
                if not delta.raw.startswith(_PIECE):
                    self._follow(delta)
                continue
            if not self._begun:
                shown.append(self._begin())
            if delta.text:
                if self._open != "text":
                    shown.append(self._start("text", {"type": "text", "text": ""}))
                    self._text = self._before_text()
                shown += (self._text, as_json(delta.text), b"}}\n\n")
            if delta.reasoning is not None:
                shown.append(self._thought(delta.reasoning))
            if delta.tool is not None:
                shown.append(self._tool(delta.tool))
            if delta.finish is not None:
                self._finish = delta.finish
            if delta.usage is not None:
                self._usage = delta.usage
        return b"".join(shown)

    def end(self) -> bytes:
        shown = b"" if self._begun else self._begin()
        if not self._ended:
            shown += self._stop()
            reason = STOP_REASONS[self._finish] if self._finish else None
            delta = {"stop_reason": reason, "stop_sequence": None}
            usage = write_usage(self._usage)
            shown += _event("message_delta", {"delta": delta, "usage": usage})
        return shown + _event("message_stop", {})

    def fail(self, error: AverError) -> bytes:
        return b"event: error\ndata: " + as_json(shape(error)) + b"\n\n"

    def _follow(self, delta: ChatDelta) -> None:
        """Keeps count of an event that was shown as it was."""
        assert delta.raw is not None
        for event in EventReader().feed(delta.raw):
            said = orjson.loads(event.data)
            match said["type"]:
                case "message_start":
                    self._begun = True
                case "content_block_start":
                    self._next = said["index"] + 1
                    self._open = said["content_block"]["type"]
                    self._text = self._before_text()
                    if delta.tool is not None:
                        self._open = f"tool:{delta.tool.index}"
                        self._tools[delta.tool.index] = said["index"]
                case "content_block_stop":
                    self._open = ""
                case "message_delta":
                    self._ended = True

    def _begin(self) -> bytes:
        self._begun = True
        message: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        return _event("message_start", {"message": message})

    def _start(self, kind: str, block: dict[str, Any]) -> bytes:
        """Closes the block that is open and opens another."""
        shown = self._stop()
        self._open = kind
        index, self._next = self._next, self._next + 1
        return shown + _event("content_block_start", {"index": index, "content_block": block})

    def _stop(self) -> bytes:
        if not self._open:
            return b""
        self._open = ""
        return _event("content_block_stop", {"index": self._next - 1})

    def _before_text(self) -> bytes:
        return (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
            b'"delta":{"type":"text_delta","text":' % (self._next - 1)
        )

    def _piece(self, index: int, delta: dict[str, str]) -> bytes:
        return _event("content_block_delta", {"index": index, "delta": delta})

    def _thought(self, piece: Reasoning) -> bytes:
        """A signature ends its block: what follows is another thought."""
        block = write_parts([piece], reply=True)[0]
        if piece.data:
            return self._start("redacted_thinking", block) + self._stop()
        shown = b""
        if self._open != "thinking":
            shown = self._start("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        if piece.text:
            shown += self._piece(self._next - 1, {"type": "thinking_delta", "thinking": piece.text})
        if block["signature"]:
            shown += self._piece(self._next - 1, {"type": "signature_delta", "signature": block["signature"]})
            shown += self._stop()
        return shown

    def _tool(self, piece: ToolDelta) -> bytes:
        """Calls come one after another; a piece of one that is closed already still goes to its own block."""
        shown = b""
        if piece.id or piece.index not in self._tools:
            block = {"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}}
            shown = self._start(f"tool:{piece.index}", block)
            self._tools[piece.index] = self._next - 1
        if piece.arguments:
            delta = {"type": "input_json_delta", "partial_json": piece.arguments}
            shown += self._piece(self._tools[piece.index], delta)
        return shown


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + as_json({"type": name, **fields}) + b"\n\n"
