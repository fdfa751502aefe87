"""OpenAI's responses protocol.

Reference: https://platform.openai.com/docs/api-reference/responses and its streaming events.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from aver.testing.fakes.openai import CREATED, error_body, shows_key, text_of
from aver.testing.fakes.types import Answer, Route, Streamed, as_event, as_json, cut_up
from aver.testing.replies import Asked, ErrorKind, Received, Reply

__all__ = ["VOICE", "ResponsesVoice"]

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
Events = list[dict[str, Any]]


class ResponsesVoice:
    family = "responses"
    routes = (Route("POST", "/v1/responses"), Route("POST", "/openai/v1/responses"))

    def admits(self, received: Received, key: str) -> bool:
        return shows_key(received, key)

    def asked(self, received: Received) -> Asked:
        body = received.body
        given = body.get("input", "")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        texts = [text_of(body.get("instructions")), *(_text(item) for item in items)]
        last = items[-1] if items else {}
        return Asked(
            str(body.get("model") or "fake"),
            bool(body.get("stream")),
            "\n\n".join(text for text in texts if text),
            _text(last) if last.get("role") == "assistant" else None,
        )

    def whole(self, received: Received, reply: Reply) -> Answer:
        output = [] if reply.fault == "empty-choices" else [item for item, _, _ in _items(reply)]
        return Answer(as_json(_response(received, reply, output)))

    def stream(self, received: Received, reply: Reply) -> Streamed:
        items = [] if reply.fault == "empty-choices" else _items(reply)
        begun = _response(received, reply, []) | {"status": "in_progress", "incomplete_details": None, "usage": None}
        events: Events = [{"type": f"response.{name}", "response": begun} for name in ("created", "in_progress")]
        closing: Events = []
        for index, (item, opening, closes) in enumerate(items):
            events += closing + [{"output_index": index, **event} for event in opening]
            closing = [{"output_index": index, **event} for event in closes]
            closing.append({"type": "response.output_item.done", "output_index": index, "item": item})
        whole = _response(received, reply, [item for item, _, _ in items])
        closing.append({"type": f"response.{whole['status']}", "response": whole})
        numbers = count()
        return Streamed([_event(event, numbers) for event in events], [_event(event, numbers) for event in closing])

    def error(self, received: Received, kind: ErrorKind, message: str, status: int | None) -> Answer:  # noqa: ARG002 - the same for all
        usual, body = error_body(kind, message)
        return Answer(as_json(body), status or usual)

    def stream_error(self, received: Received, kind: ErrorKind, message: str) -> bytes:  # noqa: ARG002 - the same for all
        error = error_body(kind, message)[1]["error"]
        code = error["code"] or error["type"]
        event = {"type": "error", "code": code, "message": error["message"], "param": None, "sequence_number": 99}
        return as_event(event, "error")

    def malformed(self) -> bytes:
        return b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","del\n\n'


def _event(event: dict[str, Any], numbers: count[int]) -> bytes:
    return as_event({"type": event["type"], "sequence_number": next(numbers), **event}, event["type"])


def _text(item: dict[str, Any]) -> str:
    return text_of(item.get("content") or item.get("output"))


def _items(reply: Reply) -> list[tuple[dict[str, Any], Events, Events]]:
    """Each output item, with the events before its end and those at its end."""
    made = []
    if reply.reasoning:
        made.append(_reasoning(reply))
    if reply.text or reply.refusal or not reply.tools:
        made.append(_message(reply))
    made += [_call(f"fc_{index}", tool.id, tool.name, tool.arguments, reply) for index, tool in enumerate(reply.tools)]
    return made


def _reasoning(reply: Reply) -> tuple[dict[str, Any], Events, Events]:
    part = {"type": "summary_text", "text": reply.reasoning}
    item = {"id": "rs_0", "type": "reasoning", "summary": [part], "encrypted_content": reply.signature or None}
    place = {"item_id": "rs_0", "summary_index": 0}
    opening: Events = [
        {"type": "response.output_item.added", "item": item | {"summary": [], "encrypted_content": None}},
        {"type": "response.reasoning_summary_part.added", **place, "part": part | {"text": ""}},
        *(
            {"type": "response.reasoning_summary_text.delta", **place, "delta": each}
            for each in cut_up(reply.reasoning, reply.piece)
        ),
    ]
    closing: Events = [
        {"type": "response.reasoning_summary_text.done", **place, "text": reply.reasoning},
        {"type": "response.reasoning_summary_part.done", **place, "part": part},
    ]
    return item, opening, closing


def _message(reply: Reply) -> tuple[dict[str, Any], Events, Events]:
    refuses = bool(reply.refusal)
    kind, field = ("refusal", "refusal") if refuses else ("output_text", "text")
    text = reply.refusal or reply.text
    part: dict[str, Any] = {"type": kind, field: text}
    if not refuses:
        part |= {"annotations": [], "logprobs": []}
    status = "incomplete" if reply.ended in _INCOMPLETE else "completed"
    item = {"id": "msg_0", "type": "message", "status": status, "role": "assistant", "content": [part]}
    place: dict[str, Any] = {"item_id": "msg_0", "content_index": 0}
    logprobs: dict[str, Any] = {} if refuses else {"logprobs": []}
    opening = [
        {"type": "response.output_item.added", "item": item | {"status": "in_progress", "content": []}},
        {"type": "response.content_part.added", **place, "part": part | {field: ""}},
        *({"type": f"response.{kind}.delta", **place, "delta": each, **logprobs} for each in cut_up(text, reply.piece)),
    ]
    closing = [
        {"type": f"response.{kind}.done", **place, field: text, **logprobs},
        {"type": "response.content_part.done", **place, "part": part},
    ]
    return item, opening, closing


def _call(place: str, call: str, name: str, arguments: str, reply: Reply) -> tuple[dict[str, Any], Events, Events]:
    item = {"id": place, "type": "function_call", "status": "completed", "call_id": call, "name": name}
    item["arguments"] = arguments
    opening: Events = [
        {"type": "response.output_item.added", "item": item | {"status": "in_progress", "arguments": ""}},
        *(
            {"type": "response.function_call_arguments.delta", "item_id": place, "delta": each}
            for each in cut_up(arguments, reply.piece)
        ),
    ]
    done = {"type": "response.function_call_arguments.done", "item_id": place, "name": name, "arguments": arguments}
    return item, opening, [done]


def _response(received: Received, reply: Reply, output: Events) -> dict[str, Any]:
    body, used = received.body, reply.used(received)
    why = _INCOMPLETE.get(reply.ended)
    reasoning = body.get("reasoning")
    usage = {
        "input_tokens": used.input,
        "input_tokens_details": {"cached_tokens": used.cached},
        "output_tokens": used.output,
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.input + used.output,
    }
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": CREATED,
        "status": "incomplete" if why else "completed",
        "error": None,
        "incomplete_details": {"reason": why} if why else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": received.model,
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None} | (reasoning if isinstance(reasoning, dict) else {}),
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": usage if reply.usage else None,
        "metadata": body.get("metadata") or {},
    }


VOICE = ResponsesVoice()
