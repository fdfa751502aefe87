"""Streams of the responses protocol, read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from aver.gateway.types import ChatDelta, Reasoning, ToolDelta
from aver.gateway.wire.refusals import unreadable
from aver.gateway.wire.responses_items import FAMILY
from aver.gateway.wire.responses_replies import failure, finish_of, usage_of
from aver.gateway.wire.sse import EventReader

__all__ = ["ResponsesReader"]


class ResponsesReader:
    """A :class:`~aver.gateway.wire.types.StreamReader`. The last event says how the reply ended and is its end marker; because it
    holds the whole reply besides, it has ``raw``."""

    def __init__(self) -> None:
        self.read: list[ChatDelta] = []
        self.done = False
        self._events = EventReader()
        self._calls: dict[int, int] = {}
        self._wrote: set[int] = set()
        self._refused = False
        self._any = False
        self._take: dict[str, Callable[[dict[str, Any], ChatDelta], None]] = {
            "response.output_text.delta": _text,
            "response.reasoning_summary_text.delta": _thought,
            "response.reasoning_text.delta": _thought,
            "response.function_call_arguments.delta": self._arguments,
            "response.reasoning_summary_part.added": _next_thought,
            "response.refusal.delta": self._refusal,
            "response.created": _named,
            "response.output_item.added": self._item,
            "response.output_item.done": self._item_done,
            "response.completed": self._ended,
            "response.incomplete": self._ended,
        }

    def feed(self, chunk: bytes) -> list[ChatDelta]:
        deltas = self.read = []
        for data, raw, _ in self._events.feed(chunk):
            if data == b"[DONE]":
                continue
            try:
                event = orjson.loads(data)
                kind = event["type"]
                if kind in ("error", "response.failed"):
                    raise failure(event.get("response") or event)
                delta = ChatDelta(raw=raw)
                if take := self._take.get(kind):
                    take(event, delta)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise unreadable(f"{type(error).__name__}: {error}") from error
            deltas.append(delta)
        return deltas

    def _refusal(self, event: dict[str, Any], delta: ChatDelta) -> None:
        self._refused = True
        _text(event, delta)

    def _item(self, event: dict[str, Any], delta: ChatDelta) -> None:
        item, self._any = event["item"], True
        if item["type"] == "function_call":
            index = self._calls[event["output_index"]] = len(self._calls)
            delta.tool = ToolDelta(index, item["call_id"], item["name"], item.get("arguments") or "")
            if delta.tool.arguments:
                self._wrote.add(event["output_index"])

    def _arguments(self, event: dict[str, Any], delta: ChatDelta) -> None:
        self._wrote.add(event["output_index"])
        delta.tool = ToolDelta(self._calls[event["output_index"]], arguments=event["delta"])

    def _item_done(self, event: dict[str, Any], delta: ChatDelta) -> None:
        item, place = event["item"], event["output_index"]
        if item["type"] == "reasoning" and (item.get("encrypted_content") or item.get("id")):
            data, name = str(item.get("encrypted_content") or ""), str(item.get("id") or "")
            delta.reasoning = Reasoning(data=data, family=FAMILY, id=name)
        elif item["type"] == "function_call" and place not in self._wrote:  # servers that give arguments in one piece
            known = place in self._calls
            index = self._calls.setdefault(place, len(self._calls))
            delta.tool = ToolDelta(index, arguments=item.get("arguments") or "")
            if not known:
                delta.tool.id, delta.tool.name = item["call_id"], item["name"]

    def _ended(self, event: dict[str, Any], delta: ChatDelta) -> None:
        response = event["response"]
        delta.finish = finish_of(response)
        if delta.finish == "stop" and (self._calls or self._refused):
            delta.finish = "tool_calls" if self._calls else "content_filter"
        if delta.finish == "stop" and not (self._any or response.get("output")):
            raise ValueError("it holds no output")
        if usage := response.get("usage"):
            delta.usage = usage_of(usage)
        self.done = True


def _text(event: dict[str, Any], delta: ChatDelta) -> None:
    if type(event["delta"]) is not str:
        raise TypeError("its delta is not text")
    delta.text = event["delta"]


def _thought(event: dict[str, Any], delta: ChatDelta) -> None:
    delta.reasoning = Reasoning(event["delta"], family=FAMILY)


def _next_thought(event: dict[str, Any], delta: ChatDelta) -> None:
    if event.get("summary_index"):
        delta.reasoning = Reasoning("\n\n", family=FAMILY)


def _named(event: dict[str, Any], delta: ChatDelta) -> None:
    response = event["response"]
    delta.id, delta.model = str(response.get("id") or ""), str(response.get("model") or "")
