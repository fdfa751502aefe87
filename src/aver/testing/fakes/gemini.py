"""Google's Gemini API, and the same under Vertex AI's addresses.

References: https://ai.google.dev/api, https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference.
"""

from __future__ import annotations

import json
from typing import Any

from aver.gateway.types import ToolCall
from aver.testing.fakes.types import Answer, Route, Streamed, as_event, as_json, cut_up, vectors
from aver.testing.replies import Asked, ErrorKind, Received, Reply

__all__ = ["VOICE", "GeminiVoice"]

_VERTEX = "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}"
_FINISHES = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_FIELDS = {
    "cachedContent",
    "contents",
    "generationConfig",
    "labels",
    "model",
    "safetySettings",
    "systemInstruction",
    "toolConfig",
    "tools",
}
_KEY_INVALID = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
}
_ERRORS: dict[ErrorKind, tuple[int, str, str]] = {
    "auth": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "forbidden": (403, "PERMISSION_DENIED", "The caller does not have permission"),
    "rate_limit": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing."),
    "quota": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing."),
    "context_overflow": (
        400,
        "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "invalid_request": (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "not_found": (404, "NOT_FOUND", "models/fake is not found for API version v1beta"),
    "too_large": (413, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
    "overloaded": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "server": (500, "INTERNAL", "An internal error has occurred."),
}


class GeminiVoice:
    family = "gemini"
    routes = (
        Route("GET", "/v1beta/models", "models"),
        Route("POST", "/v1beta/models/{model}:generateContent"),
        Route("POST", "/v1beta/models/{model}:streamGenerateContent"),
        Route("POST", "/v1beta/models/{model}:batchEmbedContents", "embeddings"),
        Route("POST", f"{_VERTEX}:generateContent"),
        Route("POST", f"{_VERTEX}:streamGenerateContent"),
        Route("POST", f"{_VERTEX}:predict", "embeddings"),
    )

    def admits(self, received: Received, key: str) -> bool:
        if received.headers.get("Authorization") == f"Bearer {key}":
            return True
        return not _is_vertex(received) and key in (received.headers.get("x-goog-api-key"), received.query.get("key"))

    def asked(self, received: Received) -> Asked:
        body, model = received.body, received.captured.get("model", "")
        if received.operation == "models":
            return Asked()
        if received.operation == "embeddings":
            texts = tuple(
                each["content"] if _is_vertex(received) else each["content"]["parts"][0]["text"]
                for each in body["instances" if _is_vertex(received) else "requests"]
            )
            return Asked(model, prompt="\n\n".join(texts), texts=texts)
        if unknown := set(body) - _FIELDS:
            raise ValueError(f"Unknown name {min(unknown)!r}: Cannot find field.")
        streams = received.path.endswith("streamGenerateContent")
        if streams and received.query.get("alt") != "sse":
            raise ValueError("the stream is to be asked for with alt=sse here")
        contents = body["contents"]
        _check(contents, model)
        spoken = [*([body["systemInstruction"]] if "systemInstruction" in body else []), *contents]
        prefill = _text(contents[-1]) if contents[-1].get("role") == "model" else None
        return Asked(model, streams, "\n\n".join(map(_text, spoken)), prefill)

    def whole(self, received: Received, reply: Reply) -> Answer:
        match received.operation:
            case "models":
                return Answer(as_json({"models": [{"name": "models/fake", "displayName": "Fake"}]}))
            case "embeddings":
                return Answer(as_json(_embeddings(received, reply)))
        parts = _parts(reply, max(1, len(reply.written)))
        return Answer(as_json(_reply(received, reply, parts, reply.ended)))

    def stream(self, received: Received, reply: Reply) -> Streamed:
        pieces = [as_event(_reply(received, reply, [part])) for part in _parts(reply, reply.piece)]
        return Streamed(pieces, [as_event(_reply(received, reply, [{"text": ""}], reply.ended))])

    def error(self, received: Received, kind: ErrorKind, message: str, status: int | None) -> Answer:
        if (
            kind == "content_filter" and status is None
        ):  # no error to Gemini: the prompt is blocked, and nothing is said
            blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": received.model}
            if received.stream:
                return Answer(as_event(blocked), 200, "text/event-stream")
            return Answer(as_json(blocked))
        usual, body = _error(received, kind, message)
        body["error"]["code"] = status or usual
        return Answer(as_json(body), status or usual)

    def stream_error(self, received: Received, kind: ErrorKind, message: str) -> bytes:
        return as_event(_error(received, kind, message)[1])

    def malformed(self) -> bytes:
        return b'data: {"candidates": [{"content": {"par\n\n'


def _is_vertex(received: Received) -> bool:
    return received.path.startswith("/v1/projects/")


def _text(content: dict[str, Any]) -> str:
    return "".join(part.get("text") or "" for part in content["parts"])


def _check(contents: list[dict[str, Any]], model: str) -> None:
    """Gemini's rules for a conversation; calls are answered in the very next turn, one response a call."""
    if not contents:
        raise ValueError("contents is not specified")
    for content, following in zip(contents, [*contents[1:], None], strict=True):
        if content.get("role", "user") not in ("user", "model"):
            raise ValueError("Please use a valid role: user, model.")
        if not content.get("parts"):
            raise ValueError("contents.parts must not be empty.")
        calls = [part for part in content["parts"] if "functionCall" in part]
        if not calls:
            continue
        if model.startswith("gemini-3") and "thoughtSignature" not in calls[0]:
            raise ValueError("Function call is missing a thought_signature in functionCall parts.")
        given = [part for part in (following or {}).get("parts", ()) if "functionResponse" in part]
        if len(given) != len(calls) or any(not part["functionResponse"].get("name") for part in given):
            raise ValueError(
                "Please ensure that the number of function response parts is equal to the number of function call parts"
            )


def _parts(reply: Reply, size: int) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": each, "thought": True} for each in cut_up(reply.reasoning, size)]
    parts += [{"text": each} for each in cut_up(reply.text + reply.refusal, size)]
    for index, tool in enumerate(reply.tools):
        if (call := _call(tool)) is not None:
            signature = tool.signature or (reply.signature if index == 0 else "")
            parts.append({"functionCall": call} | ({"thoughtSignature": signature} if signature else {}))
    if reply.signature and not reply.tools:
        parts.append({"text": "", "thoughtSignature": reply.signature})
    return parts


def _call(tool: ToolCall) -> dict[str, Any] | None:
    """A call comes whole or not at all; older models give it no id."""
    try:
        call = {"name": tool.name, "args": json.loads(tool.arguments or "{}")}
    except ValueError:
        return None
    return call | ({"id": tool.id} if tool.id else {})


def _reply(received: Received, reply: Reply, parts: list[dict[str, Any]], finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = _FINISHES.get(finish, finish)
    body: dict[str, Any] = {"candidates": [] if reply.fault == "empty-choices" else [candidate]}
    if reply.usage:
        used = reply.used(received)
        body["usageMetadata"] = {
            "promptTokenCount": used.input,
            "candidatesTokenCount": used.output - used.reasoning,
            "totalTokenCount": used.input + used.output,
        }
        more = {"cachedContentTokenCount": used.cached, "thoughtsTokenCount": used.reasoning}
        body["usageMetadata"] |= {name: count for name, count in more.items() if count}
    return body | {"modelVersion": received.model, "responseId": "fake"}


def _embeddings(received: Received, reply: Reply) -> dict[str, Any]:
    body = received.body
    texts = received.asked.texts if received.asked else ()
    if _is_vertex(received):
        size = (body.get("parameters") or {}).get("outputDimensionality") or 8
        rows = reply.embeddings or vectors(texts, size)
        told = [
            {"values": list(row), "statistics": {"truncated": False, "token_count": len(text.split())}}
            for text, row in zip(texts, rows, strict=True)
        ]
        return {"predictions": [] if reply.fault == "empty-choices" else [{"embeddings": each} for each in told]}
    rows = reply.embeddings or vectors(texts, body["requests"][0].get("outputDimensionality") or 8)
    return {"embeddings": [] if reply.fault == "empty-choices" else [{"values": list(row)} for row in rows]}


def _error(received: Received, kind: ErrorKind, message: str) -> tuple[int, dict[str, Any]]:
    if kind == "content_filter":
        kind, message = "invalid_request", message or "The prompt was blocked by the safety system."
    status, code, usual = _ERRORS[kind]
    if kind == "auth" and _is_vertex(received):
        status, code, usual = 401, "UNAUTHENTICATED", "Request had invalid authentication credentials."
    details: list[Any] = [_KEY_INVALID] if kind == "auth" else []
    if kind in ("rate_limit", "quota"):
        period = "Day" if kind == "quota" else "Minute"
        violation = {"quotaId": f"GenerateRequestsPer{period}PerProjectPerModel-FreeTier", "quotaValue": "10"}
        details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]})
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"})
    body = {"code": status, "message": message or usual, "status": code}
    return status, {"error": body | ({"details": details} if details else {})}


VOICE = GeminiVoice()
