"""Streams of the responses protocol, written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aver.core.errors import AverError
from aver.gateway.types import ChatDelta, Finish, Reasoning, ToolCall, ToolDelta, Usage
from aver.gateway.wire.openai_fields import as_json
from aver.gateway.wire.openai_replies import openai_error
from aver.gateway.wire.responses_items import FAMILY, write_reasoning
from aver.gateway.wire.responses_replies import call_item, ended, envelope, message_item

__all__ = ["ResponsesWriter"]


class _Open:
    """An item under way: a message, a thought, or the ``call``-th call of a tool."""

    def __init__(self, kind: str, item_id: str, index: int, call: int = -1) -> None:
        self.kind = kind
        self.id = item_id
        self.index = index
        self.call = call
        self.text: list[str] = []
        self.has_part = False
        self.call_id = self.name = self.data = ""


class ResponsesWriter:
    """A :class:`~aver.gateway.wire.types.StreamWriter`. While it shows another server's events as they are, it keeps what was written
    and the events that frame it, so that it can go on where they break off."""

    def __init__(self, body: Mapping[str, Any], *, reply_id: str, model: str, created: int) -> None:
        self._shape = envelope(body, reply_id=reply_id, model=model, created=created)
        self._number = 0
        self._begun = False
        self._writing = False
        self._seen = ""
        self._shown: list[str | bytes] = []
        self._open: list[_Open] = []
        self._output: dict[int, Mapping[str, Any]] = {}
        self._items = 0
        self._calls = 0
        self._before = 0
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def write(self, deltas: Sequence[ChatDelta]) -> bytes:
        out: list[bytes] = []
        for delta in deltas:
            if delta.id and delta.id != self._seen:
                if self._seen:
                    self._take_over()
                self._seen = delta.id
            if delta.raw is None or self._writing:
                if not self._writing:
                    self._take_over()
                self._write(delta, out)
            elif delta.raw:
                self._begun = True
                self._number += 1
                thought, tool = delta.reasoning, delta.tool
                self._shown.append(
                    delta.text or (thought.text if thought else "") or (tool.arguments if tool else "") or delta.raw
                )
                out.append(delta.raw)
        return b"".join(out)

    def _take_over(self) -> None:
        """From here on everything is written, beginning with what stands open."""
        shown, self._shown, self._writing = self._shown, [], True
        for each in shown:
            if isinstance(each, bytes):
                self._read(orjson.loads(each.partition(b"data:")[2]))
            elif self._open:
                self._open[-1].text.append(each)
        self._before = self._calls

    def _read(self, event: dict[str, Any]) -> None:
        """An event that was shown."""
        match event["type"]:
            case "response.created":
                self._shape = event["response"]
            case "response.output_item.added":
                item, index = event["item"], event["output_index"]
                call = self._calls if item["type"] == "function_call" else -1
                begun = _Open(item["type"], item.get("id", ""), index, call)
                begun.call_id, begun.name = item.get("call_id", ""), item.get("name", "")
                self._open.append(begun)
                self._items, self._calls = max(self._items, index + 1), self._calls + (call >= 0)
            case "response.content_part.added" | "response.reasoning_summary_part.added" if self._open:
                self._open[-1].has_part = True
            case "response.output_item.done":
                self._output[event["output_index"]] = event["item"]
                self._open = [each for each in self._open if each.index != event["output_index"]]

    def _write(self, delta: ChatDelta, out: list[bytes]) -> None:
        if not self._begun:
            self._begun = True
            for name in ("created", "in_progress"):
                self._event(out, f"response.{name}", response=self._shape)
        if delta.reasoning:
            self._write_thought(delta.reasoning, out)
        if delta.text:
            message = self._at("message", out)
            self._say(out, "output_text", message, delta.text, content_index=0, logprobs=[])
        if delta.tool:
            self._write_tool(delta.tool, out)
        self._finish = delta.finish or self._finish
        self._usage = delta.usage or self._usage

    def _write_thought(self, thought: Reasoning, out: list[bytes]) -> None:
        if thought.text:
            self._say(out, "reasoning_summary_text", self._at("reasoning", out), thought.text, summary_index=0)
        if thought.data and thought.family == FAMILY:
            self._at("reasoning", out).data = thought.data

    def _write_tool(self, tool: ToolDelta, out: list[bytes]) -> None:
        number = self._before + tool.index
        call = next((each for each in self._open if each.call == number), None)
        if call is None:
            self._close(out, [each for each in self._open if each.call < 0])
            call = self._begin("function_call", out, number, tool)
        if tool.arguments:
            self._say(out, "function_call_arguments", call, tool.arguments)

    def _say(self, out: list[bytes], what: str, item: _Open, text: str, **fields: Any) -> None:
        item.text.append(text)
        place = {"item_id": item.id, "output_index": item.index}
        self._event(out, f"response.{what}.delta", **place, delta=text, **fields)

    def _at(self, kind: str, out: list[bytes]) -> _Open:
        """The open item of this kind, begun if there is none; others are closed."""
        if not self._open or self._open[-1].kind != kind:
            self._close(out, list(self._open))
            self._begin(kind, out)
        item = self._open[-1]
        if not item.has_part:
            item.has_part = True
            place = {"item_id": item.id, "output_index": item.index}
            if kind == "message":
                part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
                self._event(out, "response.content_part.added", **place, content_index=0, part=part)
            else:
                part = {"type": "summary_text", "text": ""}
                self._event(out, "response.reasoning_summary_part.added", **place, summary_index=0, part=part)
        return item

    def _begin(self, kind: str, out: list[bytes], call: int = -1, tool: ToolDelta | None = None) -> _Open:
        prefix = {"message": "msg", "reasoning": "rs", "function_call": "fc"}[kind]
        begun = _Open(kind, f"{prefix}_{self._shape['id']}_{self._items}", self._items, call)
        if tool:
            begun.call_id, begun.name = tool.id or f"call_{self._shape['id']}_{call}", tool.name
            self._calls = max(self._calls, call + 1)
        self._open.append(begun)
        self._items += 1
        empty: dict[str, Any] = {"message": {"content": []}, "reasoning": {"summary": []}}.get(kind, {})
        status = {} if kind == "reasoning" else {"status": "in_progress"}
        item = {**self._item(begun), **empty, **status}
        self._event(out, "response.output_item.added", output_index=begun.index, item=item)
        return begun

    def _item(self, item: _Open) -> dict[str, Any]:
        text = "".join(item.text)
        if item.kind == "message":
            return message_item(item.id, text, self._finish)
        if item.kind == "reasoning":
            return write_reasoning(Reasoning(text, data=item.data, id=item.id))
        return call_item(item.id, ToolCall(item.call_id, item.name, text))

    def _close(self, out: list[bytes], items: list[_Open]) -> None:
        for item in items:
            self._open.remove(item)
            place: dict[str, Any] = {"item_id": item.id, "output_index": item.index}
            text, whole = "".join(item.text), self._item(item)
            match item.kind:
                case "message":
                    place["content_index"] = 0
                    self._event(out, "response.output_text.done", **place, text=text, logprobs=[])
                    self._event(out, "response.content_part.done", **place, part=whole["content"][0])
                case "reasoning" if whole["summary"]:
                    place["summary_index"] = 0
                    self._event(out, "response.reasoning_summary_text.done", **place, text=text)
                    self._event(out, "response.reasoning_summary_part.done", **place, part=whole["summary"][0])
                case "function_call":
                    self._event(out, "response.function_call_arguments.done", **place, name=item.name, arguments=text)
            self._event(out, "response.output_item.done", output_index=item.index, item=whole)
            self._output[item.index] = whole

    def _event(self, out: list[bytes], kind: str, **fields: Any) -> None:
        event = as_json({"type": kind, "sequence_number": self._number, **fields})
        self._number += 1
        out.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), event))

    def end(self) -> bytes:
        """Nothing where another server's last event was shown: it is the end."""
        out: list[bytes] = []
        if self._writing:
            if not self._items:
                self._at("message", out)
            self._close(out, list(self._open))
            output = [self._output[index] for index in sorted(self._output)]
            response = ended(self._shape, output, self._finish, self._usage)
            self._event(out, f"response.{response['status']}", response=response)
        return b"".join(out)

    def fail(self, error: AverError) -> bytes:
        told = openai_error(error)["error"]
        out: list[bytes] = []
        self._event(out, "error", code=told["code"], message=told["message"], param=None, error=told)
        return b"".join(out)
