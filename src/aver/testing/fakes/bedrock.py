"""Amazon Bedrock: Converse, whole and streamed, and the embeddings of Amazon's and Cohere's models.

Reference: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from aver.gateway.types import ToolCall
from aver.gateway.wire.eventstream import write_message
from aver.testing.fakes.bedrock_rules import check_converse, is_signed
from aver.testing.fakes.types import Answer, Route, Streamed, as_json, cut_up, vectors
from aver.testing.replies import Asked, ErrorKind, Received, Reply

__all__ = ["VOICE", "BedrockVoice"]

_STREAM = "application/vnd.amazon.eventstream"
_FINISHES = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "guardrail_intervened",
}
_ERRORS: dict[ErrorKind, tuple[int, str, str]] = {
    "auth": (403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "forbidden": (403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "rate_limit": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "quota": (400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."),
    "context_overflow": (400, "ValidationException", "Input is too long for requested model."),
    "content_filter": (400, "ValidationException", "This request has been blocked by our content filters."),
    "invalid_request": (400, "ValidationException", "Malformed input request, please reformat your input."),
    "not_found": (404, "ResourceNotFoundException", "Could not resolve the foundation model."),
    "too_large": (413, "RequestEntityTooLargeException", "The request is too large."),
    "overloaded": (503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
    "server": (500, "InternalServerException", "The system encountered an unexpected error."),
}
_WITHIN: dict[ErrorKind, str] = {
    "rate_limit": "throttlingException",
    "overloaded": "serviceUnavailableException",
    "server": "internalServerException",
    "invalid_request": "validationException",
    "context_overflow": "validationException",
}


class BedrockVoice:
    """A key is ``ACCESS_KEY:SECRET_KEY``, whose signature is then checked, or one of Bedrock's own, shown as a bearer."""

    family = "bedrock"
    routes = (
        Route("POST", "/model/{model}/converse"),
        Route("POST", "/model/{model}/converse-stream"),
        Route("POST", "/model/{model}/invoke", "embeddings"),
    )

    def admits(self, received: Received, key: str) -> bool:
        return received.headers.get("Authorization") == f"Bearer {key}" or is_signed(received, key)

    def asked(self, received: Received) -> Asked:
        body, model = received.body, received.captured["model"]
        if received.operation == "embeddings":
            texts = tuple(body["texts"]) if "cohere." in model else (body["inputText"],)
            return Asked(model, prompt="\n\n".join(texts), texts=texts)
        check_converse(body, model)
        messages = body["messages"]
        spoken = ["".join(block.get("text", "") for block in body.get("system", ()))] if body.get("system") else []
        spoken += [_text(message) for message in messages]
        prefill = _text(messages[-1]) if messages[-1]["role"] == "assistant" else None
        return Asked(model, received.path.endswith("/converse-stream"), "\n\n".join(spoken), prefill)

    def whole(self, received: Received, reply: Reply) -> Answer:
        if received.operation == "embeddings":
            return Answer(as_json(_embeddings(received, reply)))
        reply = _through_tool(received, reply)
        content: list[Any] = []
        if reply.reasoning:
            thought = {"text": reply.reasoning} | ({"signature": reply.signature} if reply.signature else {})
            content.append({"reasoningContent": {"reasoningText": thought}})
        if reply.text or reply.refusal:
            content.append({"text": reply.text + reply.refusal})
        for tool in reply.tools:
            call = {"toolUseId": tool.id, "name": tool.name, "input": json.loads(tool.arguments or "{}")}
            content.append({"toolUse": call})
        message = {"role": "assistant", "content": [] if reply.fault == "empty-choices" else content}
        body: dict[str, Any] = {"output": {"message": message}, "stopReason": _FINISHES.get(reply.ended, reply.ended)}
        return Answer(as_json(body | ({"usage": _usage(received, reply)} if reply.usage else {}) | _METRICS))

    def stream(self, received: Received, reply: Reply) -> Streamed:
        reply = _through_tool(received, reply)
        pieces = [_event("messageStart", {"role": "assistant"})]
        metadata = _event("metadata", ({"usage": _usage(received, reply)} if reply.usage else {}) | _METRICS)
        if reply.fault == "empty-choices":
            return Streamed(pieces, [metadata])
        blocks: list[tuple[dict[str, Any] | None, list[dict[str, Any]]]] = []
        if reply.reasoning:
            thoughts: list[dict[str, Any]] = [{"text": each} for each in cut_up(reply.reasoning, reply.piece)]
            thoughts += [{"signature": reply.signature}] if reply.signature else []
            blocks.append((None, [{"reasoningContent": each} for each in thoughts]))
        if said := reply.text + reply.refusal:
            blocks.append((None, [{"text": each} for each in cut_up(said, reply.piece)]))
        for tool in reply.tools:
            deltas = [{"toolUse": {"input": each}} for each in cut_up(tool.arguments, reply.piece)]
            blocks.append(({"toolUse": {"toolUseId": tool.id, "name": tool.name}}, deltas))
        for index, (start, deltas) in enumerate(blocks):
            if start is not None:
                pieces.append(_event("contentBlockStart", {"start": start, "contentBlockIndex": index}))
            pieces += [_event("contentBlockDelta", {"delta": each, "contentBlockIndex": index}) for each in deltas]
            if index < len(blocks) - 1:
                pieces.append(_event("contentBlockStop", {"contentBlockIndex": index}))
        ending = [_event("contentBlockStop", {"contentBlockIndex": len(blocks) - 1})] if blocks else []
        ending.append(_event("messageStop", {"stopReason": _FINISHES.get(reply.ended, reply.ended)}))
        return Streamed(pieces, [*ending, metadata], _STREAM)

    def error(self, received: Received, kind: ErrorKind, message: str, status: int | None) -> Answer:  # noqa: ARG002
        usual, name, words = _ERRORS[kind]
        headers = {"x-amzn-ErrorType": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
        return Answer(as_json({"message": message or words}), status or usual, headers=headers)

    def stream_error(self, received: Received, kind: ErrorKind, message: str) -> bytes:  # noqa: ARG002 - the same for all
        headers = {
            ":exception-type": _WITHIN.get(kind, "modelStreamErrorException"),
            ":content-type": "application/json",
            ":message-type": "exception",
        }
        return write_message(headers, as_json({"message": message or _ERRORS[kind][2]}))

    def malformed(self) -> bytes:
        return _framed("contentBlockDelta", b'{"contentBlockIndex": 0, "delta": {"te')


_METRICS = {"metrics": {"latencyMs": 12}}


def _event(kind: str, value: dict[str, Any]) -> bytes:
    return _framed(kind, as_json(value))


def _framed(kind: str, payload: bytes) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return write_message(headers, payload)


def _text(message: dict[str, Any]) -> str:
    return "".join(block.get("text") or "" for block in message["content"])


def _through_tool(received: Received, reply: Reply) -> Reply:
    """A model that is made to call one tool says nothing but its arguments."""
    choice = (received.body.get("toolConfig") or {}).get("toolChoice") or {}
    name = (choice.get("tool") or {}).get("name")
    if not name or reply.tools or not reply.text.lstrip().startswith("{"):
        return reply
    call = ToolCall("tooluse_fake", name, reply.text)
    return replace(reply, text="", tools=(call,), finish="tool_calls" if reply.finish == "stop" else reply.finish)


def _usage(received: Received, reply: Reply) -> dict[str, Any]:
    used = reply.used(received)
    usage = {
        "inputTokens": used.input - used.cached - used.cache_write,
        "outputTokens": used.output,
        "totalTokens": used.input + used.output,
    }
    cache = {"cacheReadInputTokens": used.cached, "cacheWriteInputTokens": used.cache_write}
    return usage | (cache if used.cached or used.cache_write else {})


def _embeddings(received: Received, reply: Reply) -> dict[str, Any]:
    texts = received.asked.texts if received.asked else ()
    size = received.body.get("dimensions") or received.body.get("output_dimension") or 8
    rows = [list(row) for row in reply.embeddings or vectors(texts, size)]
    if reply.fault == "empty-choices":
        return {}
    if "cohere." in received.model:
        body = {"id": "fake", "texts": list(texts), "response_type": "embeddings_by_type"}
        return body | {"embeddings": {"float": rows}}
    return {"embedding": rows[0], "inputTextTokenCount": reply.used(received).input}


VOICE = BedrockVoice()
