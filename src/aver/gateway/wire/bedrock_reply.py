"""What Bedrock answers: replies of Converse, whole and streamed, and its errors.

References: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from aver.core.errors import (
    ContentFiltered,
    ProviderDenied,
    ProviderExhausted,
    ProviderRefused,
    ProviderThrottled,
)
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
from aver.gateway.wire.bedrock_blocks import FAMILY
from aver.gateway.wire.bedrock_request import ANSWER
from aver.gateway.wire.eventstream import EventStreamReader, StreamMessage
from aver.gateway.wire.refusals import refusal, unknown_finish, unreadable, words

__all__ = ["BedrockReader", "error", "read_completion"]

_FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_KINDS: dict[str, type[ProviderRefused]] = {
    "ThrottlingException": ProviderThrottled,
    "TooManyRequestsException": ProviderThrottled,
    "ServiceQuotaExceededException": ProviderExhausted,
    "AccessDeniedException": ProviderDenied,
    "UnrecognizedClientException": ProviderDenied,
    "ExpiredTokenException": ProviderDenied,
    "InvalidSignatureException": ProviderDenied,
    "IncompleteSignatureException": ProviderDenied,
    "MissingAuthenticationTokenException": ProviderDenied,
    "ResourceNotFoundException": ProviderDenied,
    "ModelTimeoutException": ProviderRefused,
    "ModelNotReadyException": ProviderRefused,
    "ModelErrorException": ProviderRefused,
    "ModelStreamErrorException": ProviderRefused,
    "ServiceUnavailableException": ProviderRefused,
    "InternalServerException": ProviderRefused,
    "InternalFailure": ProviderRefused,
}
_STATUSES = {"ThrottlingException": 429, "ValidationException": 400, "ServiceUnavailableException": 503}
_NO_SUCH_MODEL = ("model identifier is invalid", "on-demand throughput")


class BedrockReader:
    """Reads ``converse-stream``. The usage comes after the finish, in the last event."""

    def __init__(self) -> None:
        self.read: list[ChatDelta] = []
        self.done = False
        self._messages = EventStreamReader()
        self._calls: dict[int, int] = {}
        """The tool call that a block is, by the block's place; -1 for the tool through which the answer comes."""

    def feed(self, chunk: bytes) -> list[ChatDelta]:
        deltas = self.read = []
        for message in self._messages.feed(chunk):
            delta = self._take(message)
            if delta is not None:
                deltas.append(delta)
        return deltas

    def _take(self, message: StreamMessage) -> ChatDelta | None:
        headers, payload = message
        kind = headers.get(":event-type")
        if kind is None:
            raise _stream_error(headers, payload)
        try:
            event = orjson.loads(payload)
            match kind:
                case "contentBlockDelta":
                    return self._delta(event["delta"], event["contentBlockIndex"])
                case "contentBlockStart":
                    return self._start(event["start"], event["contentBlockIndex"])
                case "messageStop":
                    # The blocks that are no answer's are calls.
                    return ChatDelta(
                        finish=_finish(event["stopReason"], any(call >= 0 for call in self._calls.values()))
                    )
                case "metadata":
                    self.done = True
                    return ChatDelta(usage=_usage(usage)) if (usage := event.get("usage")) else None
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as wrong:
            raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong
        return None  # messageStart says nothing, contentBlockStop nothing new; what may come later is not ours to judge

    def _start(self, start: dict[str, Any], index: int) -> ChatDelta | None:
        call = start.get("toolUse")
        if call is None:
            return None
        if call["name"] == ANSWER:
            self._calls[index] = -1
            return None
        number = sum(each >= 0 for each in self._calls.values())
        self._calls[index] = number
        return ChatDelta(tool=ToolDelta(number, call["toolUseId"], call["name"]))

    def _delta(self, delta: dict[str, Any], index: int) -> ChatDelta | None:
        if (text := delta.get("text")) is not None:
            return ChatDelta(_text(text))
        if (call := delta.get("toolUse")) is not None:
            number, arguments = self._calls[index], _text(call.get("input") or "")
            return ChatDelta(arguments) if number < 0 else ChatDelta(tool=ToolDelta(number, arguments=arguments))
        if (thought := delta.get("reasoningContent")) is not None:
            data = thought.get("redactedContent") or ""
            return ChatDelta(
                reasoning=Reasoning(thought.get("text") or "", thought.get("signature") or "", data, FAMILY)
            )
        return None


def read_completion(body: bytes) -> Completion:
    try:
        reply = orjson.loads(body)
        parts: list[Part] = []
        for block in reply["output"]["message"]["content"]:
            _read_block(block, parts)
        finish = _finish(reply["stopReason"], any(isinstance(part, ToolCall) for part in parts))
        if not parts and finish == "stop":
            raise unreadable("it holds nothing")
        usage = reply.get("usage")
        return Completion(tuple(parts), finish, _usage(usage) if usage else None, family=FAMILY, raw=body)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as wrong:
        raise unreadable(f"{type(wrong).__name__}: {wrong}") from wrong


def _read_block(block: dict[str, Any], parts: list[Part]) -> None:
    if (text := block.get("text")) is not None:
        parts.append(Text(_text(text)))
    elif call := block.get("toolUse"):
        arguments = orjson.dumps(call.get("input") or {}).decode()
        parts.append(
            Text(arguments) if call["name"] == ANSWER else ToolCall(call["toolUseId"], call["name"], arguments)
        )
    elif thought := block.get("reasoningContent"):
        said = thought.get("reasoningText") or {}
        data = thought.get("redactedContent") or ""
        parts.append(Reasoning(said.get("text") or "", said.get("signature") or "", data, FAMILY))
    elif image := block.get("image"):
        parts.append(Image(f"image/{image['format']}", image["source"].get("bytes", "")))
    elif cited := block.get("citationsContent"):
        parts += [Text(_text(each["text"])) for each in cited.get("content") or () if "text" in each]
    else:
        parts.append(Opaque(FAMILY, block))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise unreadable("its text is none")
    return value


def _finish(reason: object, calls: bool) -> Finish:
    finish = _FINISHES.get(str(reason))
    if finish is None:
        raise unknown_finish(reason)
    return "stop" if finish == "tool_calls" and not calls else finish


def _usage(said: dict[str, Any]) -> Usage:
    """Bedrock counts what its cache gave and took beside the input. It does not tell thoughts from the rest."""
    cached, written = said.get("cacheReadInputTokens") or 0, said.get("cacheWriteInputTokens") or 0
    long = sum(each.get("inputTokens") or 0 for each in said.get("cacheDetails") or () if each.get("ttl") == "1h")
    return Usage(
        said["inputTokens"] + cached + written,
        said["outputTokens"],
        None,
        cached_tokens=cached,
        cache_write_tokens=max(0, written - long),
        cache_write_long_tokens=min(long, written),
    )


def _stream_error(headers: Mapping[str, str], payload: bytes) -> ProviderRefused:
    """An exception within a stream is named in lower case: ``throttlingException``."""
    name = headers.get(":exception-type") or headers.get(":error-code") or ""
    if not payload:
        payload = orjson.dumps({"message": headers.get(":error-message", "")})
    return error(0, {"x-amzn-errortype": name[:1].upper() + name[1:]}, payload)


def error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderRefused:
    """By the name that AWS gives the error, in a header or in the body (``__type``), be it with a namespace or an address."""
    said = words(body)
    name = headers.get("x-amzn-errortype") or next((code for code in said.codes if code.endswith("Exception")), "")
    name = name.partition(":")[0].rpartition("#")[2]
    lower = said.message.lower()
    kind = _KINDS.get(name)
    if kind is ProviderThrottled and "per day" in lower:
        kind = ProviderExhausted
    elif name == "ValidationException" and any(wording in lower for wording in _NO_SUCH_MODEL):
        kind = ProviderDenied
    elif "content filters" in lower:
        kind = ContentFiltered
    # What else is not valid is known by its wording.
    body = orjson.dumps({"message": said.message, "code": name})
    return refusal(status or _STATUSES.get(name, 0), headers, body, {name: kind} if kind else None)
