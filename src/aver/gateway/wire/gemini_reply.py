"""What Gemini answers: replies whole and streamed, and its errors.

References: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse,
https://cloud.google.com/apis/design/errors#error_details.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

from aver.core.errors import ContentFiltered, ProviderDenied, ProviderExhausted, ProviderRefused, ProviderThrottled
from aver.gateway.types import (
    ChatDelta,
    Completion,
    Finish,
    Image,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolDelta,
    Usage,
)
from aver.gateway.wire.gemini_request import FAMILY
from aver.gateway.wire.refusals import refusal, unknown_finish, unreadable
from aver.gateway.wire.sse import EventReader

__all__ = ["GeminiReader", "error", "read_completion"]

_FINISHES: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
_KINDS: dict[str, type[ProviderRefused]] = {
    "UNAUTHENTICATED": ProviderDenied,
    "PERMISSION_DENIED": ProviderDenied,
    "NOT_FOUND": ProviderDenied,
    "FAILED_PRECONDITION": ProviderDenied,  # billing is off, or the place is not served
    "UNAVAILABLE": ProviderRefused,
    "INTERNAL": ProviderRefused,
    "UNKNOWN": ProviderRefused,
    "ABORTED": ProviderRefused,
    "CANCELLED": ProviderRefused,
    "DEADLINE_EXCEEDED": ProviderRefused,
}


class GeminiReader:
    """Reads ``streamGenerateContent?alt=sse``. The protocol has no end marker but the finish reason."""

    def __init__(self) -> None:
        self.read: list[ChatDelta] = []
        self.done = False
        self._events = EventReader()
        self._begun = False
        self._calls = 0
        self._used: dict[str, Any] | None = None
        """What was used up to now: each event counts again."""

    def feed(self, chunk: bytes) -> list[ChatDelta]:
        deltas = self.read = []
        for event in self._events.feed(chunk):
            self._take(_reply(event.data), deltas)
        return deltas

    def _take(self, reply: dict[str, Any], deltas: list[ChatDelta]) -> None:
        try:
            first = len(deltas)
            if used := reply.get("usageMetadata"):
                self._used = used
            reason = None
            if candidates := reply.get("candidates"):
                candidate = candidates[0]
                for part in (candidate.get("content") or {}).get("parts") or ():
                    self._part(part, reply, deltas)
                reason = candidate.get("finishReason")
            if reason:
                self.done = True
                usage = _usage(self._used) if self._used else None
                deltas.append(ChatDelta(finish=_finish(reason, self._calls), usage=usage))
            elif self.done and used:
                deltas.append(ChatDelta(usage=_usage(used)))
            if not self._begun and len(deltas) > first:
                self._begun = True
                deltas[first].id, deltas[first].model = _named(reply)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as wrong:
            raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong

    def _part(self, part: dict[str, Any], reply: dict[str, Any], deltas: list[ChatDelta]) -> None:
        signature = part.get("thoughtSignature") or ""
        text = part.get("text")
        if (call := part.get("functionCall")) is not None:
            made = _call(call, reply, self._calls, signature)
            tool = ToolDelta(self._calls, made.id, made.name, made.arguments, signature)
            self._calls += 1
            deltas.append(ChatDelta(tool=tool))
        elif part.get("thought"):
            deltas.append(ChatDelta(reasoning=Reasoning(text or "", signature, family=FAMILY)))
        else:
            if text:
                deltas.append(ChatDelta(_text(text)))
            if signature:
                deltas.append(ChatDelta(reasoning=Reasoning(signature=signature, family=FAMILY)))


def read_completion(body: bytes) -> Completion:
    reply = _reply(body)
    try:
        candidates = reply.get("candidates")
        if not candidates:
            raise unreadable("it holds no candidate")
        parts: list[Part] = []
        for part in (candidates[0].get("content") or {}).get("parts") or ():
            _read_part(part, reply, parts)
        calls = sum(isinstance(part, ToolCall) for part in parts)
        finish = _finish(candidates[0].get("finishReason"), calls)
        usage = reply.get("usageMetadata")
        id_, model = _named(reply)
        return Completion(tuple(parts), finish, _usage(usage) if usage else None, id_, model, FAMILY, body)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as wrong:
        raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong


def _read_part(part: dict[str, Any], reply: dict[str, Any], parts: list[Part]) -> None:
    signature = part.get("thoughtSignature") or ""
    if (call := part.get("functionCall")) is not None:
        parts.append(_call(call, reply, sum(isinstance(each, ToolCall) for each in parts), signature))
    elif part.get("thought"):
        parts.append(Reasoning(part.get("text") or "", signature, family=FAMILY))
    elif "text" in part:
        if part["text"]:
            parts.append(Text(_text(part["text"])))
        if signature:
            parts.append(Reasoning(signature=signature, family=FAMILY))
    elif image := part.get("inlineData"):
        parts.append(Image(image.get("mimeType") or "", image["data"]))
    else:
        parts.append(Opaque(FAMILY, part))


def _reply(data: bytes) -> dict[str, Any]:
    """Raises :class:`~aver.core.errors.ProviderError` for what is no reply: an error, a blocked prompt, another form."""
    try:
        reply = orjson.loads(data)
    except orjson.JSONDecodeError as wrong:
        raise unreadable(str(wrong)) from wrong
    if isinstance(reply, list) and reply:
        reply = reply[0]
    if not isinstance(reply, dict):
        raise unreadable("it is not an object")
    if "error" in reply:
        raise error(0, {}, data)
    feedback = reply.get("promptFeedback")
    if isinstance(feedback, dict) and (reason := feedback.get("blockReason")):
        raise ContentFiltered(
            f"The model provider blocked the prompt for the reason {str(reason)[:60]}",
            "Reword the request, or use a model with another content policy.",
        )
    return reply


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise unreadable("its text is none")
    return value


def _named(reply: dict[str, Any]) -> tuple[str, str]:
    return reply.get("responseId") or "", reply.get("modelVersion") or ""


def _finish(reason: object, calls: int) -> Finish:
    finish = _FINISHES.get(str(reason))
    if finish is None:
        raise unknown_finish(reason)
    return "tool_calls" if calls and finish == "stop" else finish


def _call(call: dict[str, Any], reply: dict[str, Any], index: int, signature: str) -> ToolCall:
    """A call without an id gets one that is the same whenever the reply is read."""
    name, arguments = call["name"], orjson.dumps(call.get("args") or {}).decode()
    made = f"{reply.get('responseId')}\0{index}\0{name}\0{arguments}".encode()
    return ToolCall(call.get("id") or f"call_{blake2b(made, digest_size=12).hexdigest()}", name, arguments, signature)


def _usage(said: dict[str, Any]) -> Usage:
    thoughts = said.get("thoughtsTokenCount") or 0
    return Usage(
        (said.get("promptTokenCount") or 0) + (said.get("toolUsePromptTokenCount") or 0),
        (said.get("candidatesTokenCount") or 0) + thoughts,
        None,
        cached_tokens=said.get("cachedContentTokenCount") or 0,
        reasoning_tokens=thoughts,
    )


def error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderRefused:
    """By Google's canonical code, and what its details say: which quota is used up, how long to wait, whose key is wrong."""
    message, details = _details(body)
    kinds = dict(_KINDS)
    wait = ""
    violations: list[dict[str, Any]] = []
    for detail in details:
        kind = str(detail.get("@type", "")).rpartition(".")[2]
        if kind == "RetryInfo":
            wait = str(detail.get("retryDelay", "")).removesuffix("s")
        elif kind == "QuotaFailure":
            violations += _objects(detail.get("violations"))
        elif kind == "ErrorInfo" and "API_KEY" in str(detail.get("reason")):
            kinds["INVALID_ARGUMENT"] = ProviderDenied
    if "api key" in message.lower():
        kinds["INVALID_ARGUMENT"] = ProviderDenied
    for_long = any("PerDay" in str(each.get("quotaId")) or each.get("quotaValue") == "0" for each in violations)
    if not violations and not wait:
        for_long = "exceeded your current quota" in message or "per_day" in message
    kinds["RESOURCE_EXHAUSTED"] = ProviderExhausted if for_long else ProviderThrottled
    if wait and "retry-after" not in headers:
        headers = {**headers, "retry-after": wait}
    return refusal(status, headers, body, kinds)


def _details(body: bytes) -> tuple[str, list[dict[str, Any]]]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", []
    if isinstance(value, list) and value:
        value = value[0]
    said = value.get("error") if isinstance(value, dict) else None
    if not isinstance(said, dict):
        return "", []
    return str(said.get("message") or ""), _objects(said.get("details"))


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
