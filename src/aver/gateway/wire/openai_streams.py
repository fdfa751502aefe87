"""Streams of chat completions, read and written. What runs here runs once for every chunk of every stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aver.core.errors import AverError
from aver.gateway.types import ChatDelta, Finish, Reasoning, ToolDelta
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.openai_messages import FAMILY
from aver.gateway.wire.openai_replies import finish_of, openai_error, usage_of, write_usage
from aver.gateway.wire.refusals import refusal, unreadable
from aver.gateway.wire.sse import EventReader

__all__ = ["ChatReader", "ChatWriter"]


class ChatReader:
    """A :class:`~aver.gateway.wire.types.StreamReader`. Of several choices it reads the first; ``raw`` shows all."""

    def __init__(self, *, asked_usage: bool) -> None:
        self.read: list[ChatDelta] = []
        self.done = False
        self._asked_usage = asked_usage
        self._events = EventReader()
        self._named = False
        self._refused = False
        self._usage: dict[str, Any] | None = None
        self._calls: dict[int, tuple[str, int]] = {}
        self._count = 0

    def feed(self, chunk: bytes) -> list[ChatDelta]:
        deltas = self.read = []
        for data, raw, _ in self._events.feed(chunk):
            try:
                if data[:1] == b"[" and data.strip() == b"[DONE]":
                    self.done = True
                    continue
                reply = orjson.loads(data)
                choices = reply.get("choices")
                # Nearly all events hold some text and nothing else.
                if self._named and choices and len(choices) == 1 and not reply.get("usage"):
                    choice = choices[0]
                    delta = choice.get("delta")
                    if delta and len(delta) == 1 and not choice.get("finish_reason") and not choice.get("index"):
                        text = delta.get("content")
                        if type(text) is str:
                            deltas.append(ChatDelta(text, raw=raw))
                            continue
                self._take(reply, data, raw, deltas)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                raise unreadable(f"{type(error).__name__}: {error}") from error
        return deltas

    def _take(self, reply: dict[str, Any], data: bytes, raw: bytes, deltas: list[ChatDelta]) -> None:
        """An event of any kind."""
        if reply.get("error") or reply.get("object") == "error":
            raise refusal(0, {}, data)
        choices, usage = reply.get("choices"), reply.get("usage")
        if choices is None and usage is None:
            raise KeyError("choices")
        first = ChatDelta(raw=raw if choices or not usage or self._asked_usage else b"")
        if not self._named and (reply.get("id") or choices):
            self._named = True
            first.id, first.model = reply.get("id") or "", reply.get("model") or ""
        begins = len(deltas)
        deltas.append(first)
        self._usage = usage or self._usage
        for choice in choices or ():
            if not choice.get("index"):
                self._choice(choice, first, deltas)
        if self._usage and (
            not choices or deltas[-1].finish
        ):  # with the finish or after it; before, it is not the last
            deltas[-1].usage, self._usage = usage_of(self._usage), None
        for other in deltas[begins + 1 :]:
            other.raw = b""

    def _choice(self, choice: dict[str, Any], first: ChatDelta, deltas: list[ChatDelta]) -> None:
        delta = choice.get("delta") or {}
        thought, text = delta.get("reasoning_content") or delta.get("reasoning") or "", delta.get("content") or ""
        if isinstance(text, list):  # Mistral's, where thoughts are parts
            thoughts = [each for part in text if part["type"] == "thinking" for each in part["thinking"]]
            thought = "".join(each["text"] for each in thoughts)
            text = "".join(part["text"] for part in text if part["type"] == "text")
        if refused := delta.get("refusal"):
            self._refused = True
            text += refused
        if not isinstance(text, str) or not isinstance(thought, str):
            raise TypeError("its content is not text")
        first.text = text
        if thought:
            first.reasoning = Reasoning(thought, family=FAMILY)
        for number, call in enumerate(delta.get("tool_calls") or ()):
            if number:
                deltas.append(ChatDelta())
            deltas[-1].tool = self._tool(call)
        if reason := choice.get("finish_reason"):
            deltas[-1].finish = self._finish(reason)

    def _tool(self, call: dict[str, Any]) -> ToolDelta:
        """Servers that give every call the index 0, or none, tell calls apart by their ids."""
        function = call.get("function") or {}
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = orjson.dumps(arguments).decode()
        said, name = call.get("index") or 0, call.get("id") or ""
        known = self._calls.get(said)
        if known is not None and (not name or name == known[0]):
            return ToolDelta(known[1], arguments=arguments)
        self._calls[said] = (name, self._count)
        self._count += 1
        return ToolDelta(self._count - 1, name, function["name"], arguments)

    def _finish(self, reason: object) -> Finish:
        finish = finish_of(reason)
        if finish == "stop" and self._count:
            return "tool_calls"
        return "content_filter" if finish == "stop" and self._refused else finish


class ChatWriter:
    """A :class:`~aver.gateway.wire.types.StreamWriter`. Once it has written a delta itself it writes all that follow: events of two
    replies under two names would not be one reply."""

    def __init__(self, body: Mapping[str, Any], *, reply_id: str, model: str, created: int) -> None:
        options = body.get("stream_options")
        self._asked_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        self._id = reply_id
        self._model = model
        self._created = created
        self._seen: str | None = None
        self._begun = False
        self._writing = False
        self._calls = 0
        self._before = 0
        self._head = self._between = self._tail = b""

    def write(self, deltas: Sequence[ChatDelta]) -> bytes:
        out: list[bytes] = []
        for delta in deltas:
            if delta.id:
                self._meet(delta)
            tool = delta.tool
            if tool is not None and self._before + tool.index >= self._calls:
                self._calls = self._before + tool.index + 1
            if delta.raw is None or self._writing:
                self._write(delta, out)
            else:
                self._begun = True
                out.append(delta.raw)
        return b"".join(out)

    def _meet(self, delta: ChatDelta) -> None:
        """The first delta of a reply. A second reply goes on under the first one's name, its tools counted on."""
        if self._seen is not None and delta.id != self._seen:
            self._before, self._writing = self._calls, True
        elif self._seen is None and delta.raw is not None and not self._writing:
            self._id, self._model = delta.id, delta.model or self._model
        self._seen = delta.id

    def _write(self, delta: ChatDelta, out: list[bytes]) -> None:
        if not self._head:
            self._lay_out()
        self._writing = True
        if not self._begun:
            self._begun = True
            self._event(out, {"role": "assistant", "content": ""})
        if delta.reasoning and delta.reasoning.text:
            self._event(out, {"reasoning_content": delta.reasoning.text})
        if delta.text:
            self._event(out, {"content": delta.text})
        if delta.tool is not None:
            self._event(out, {"tool_calls": [self._tool(delta.tool)]})
        if delta.finish:
            out += (self._head, b'{},"finish_reason":', orjson.dumps(delta.finish), self._tail)
        if delta.usage and self._asked_usage:
            usage = as_json({"choices": [], "usage": write_usage(delta.usage)})
            out += (self._head[: self._head.index(b'"choices"')], usage[1:], b"\n\n")

    def _lay_out(self) -> None:
        """What all events share, made once."""
        name, model = as_json(self._id), as_json(self._model)
        self._head = (
            b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,"choices":[{"index":0,"delta":'
            % (name, self._created, model)
        )
        self._tail = b'}],"usage":null}\n\n' if self._asked_usage else b"}]}\n\n"
        self._between = b',"finish_reason":null' + self._tail

    def _event(self, out: list[bytes], delta: dict[str, Any]) -> None:
        out += (self._head, as_json(delta), self._between)

    def _tool(self, tool: ToolDelta) -> dict[str, Any]:
        index = self._before + tool.index
        if not tool.name:
            return {"index": index, "function": {"arguments": tool.arguments}}
        function = {"name": tool.name, "arguments": tool.arguments}
        return {"index": index, "id": tool.id or f"call_{self._id}_{index}", "type": "function", "function": function}

    def end(self) -> bytes:
        return b"data: [DONE]\n\n"

    def fail(self, error: AverError) -> bytes:
        return b"data: " + as_json(openai_error(error)) + b"\n\n"
