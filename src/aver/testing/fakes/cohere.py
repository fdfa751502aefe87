"""Cohere's second API: chat, embeddings and reranking.

References: https://docs.cohere.com/reference/chat, https://docs.cohere.com/reference/embed, https://docs.cohere.com/reference/rerank.
"""

from __future__ import annotations

from typing import Any

from aver.testing.fakes.types import Answer, Route, Streamed, as_event, as_json, by_shared_words, cut_up, vectors
from aver.testing.replies import Asked, ErrorKind, Received, Reply

__all__ = ["VOICE", "CohereVoice"]

_FINISHES = {"stop": "COMPLETE", "tool_calls": "TOOL_CALL", "length": "MAX_TOKENS", "content_filter": "ERROR_TOXIC"}
_FIELDS = {
    "chat": {
        "citation_options",
        "documents",
        "frequency_penalty",
        "k",
        "logprobs",
        "max_tokens",
        "messages",
        "model",
        "p",
        "presence_penalty",
        "priority",
        "response_format",
        "safety_mode",
        "seed",
        "stop_sequences",
        "stream",
        "strict_tools",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
    },
    "embeddings": {
        "embedding_types",
        "images",
        "input_type",
        "inputs",
        "max_tokens",
        "model",
        "output_dimension",
        "priority",
        "texts",
        "truncate",
    },
    "rerank": {"documents", "max_tokens_per_doc", "model", "priority", "query", "top_n"},
}
_INPUT_TYPES = ("search_document", "search_query", "classification", "clustering", "image")
_ERRORS: dict[ErrorKind, tuple[int, str]] = {
    "auth": (401, "invalid api token"),
    "forbidden": (403, "this account may not use the model"),
    "rate_limit": (429, "You are using a Trial key, which is limited to 40 API calls / minute."),
    "quota": (429, "You are using a Trial key, which is limited to 1000 API calls / month."),
    "context_overflow": (
        400,
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.",
    ),
    "content_filter": (400, "the request was refused by the content policy"),
    "invalid_request": (400, "invalid request: message must be at least 1 token long"),
    "not_found": (404, "model 'fake' not found, make sure the correct model ID was used"),
    "too_large": (413, "the request is too large"),
    "overloaded": (503, "the service is unavailable, try again later"),
    "server": (500, "internal server error"),
}


class CohereVoice:
    family = "cohere"
    routes = (
        Route("POST", "/v2/chat"),
        Route("POST", "/v2/embed", "embeddings"),
        Route("POST", "/v2/rerank", "rerank"),
    )

    def admits(self, received: Received, key: str) -> bool:
        return received.headers.get("Authorization") == f"Bearer {key}"

    def asked(self, received: Received) -> Asked:
        body = received.body
        if unknown := set(body) - _FIELDS[received.operation]:
            raise ValueError(f"unknown field: parameter {min(unknown)!r} is not a valid field")
        model = body["model"]
        if received.operation == "embeddings":
            if body.get("input_type") not in _INPUT_TYPES:
                raise ValueError("valid input_type must be provided with the provided model")
            texts = tuple(body["texts"])
            if len(texts) > 96:
                raise ValueError("total number of texts must be at most 96")
            return Asked(model, prompt="\n\n".join(texts), texts=texts)
        if received.operation == "rerank":
            return Asked(model, prompt=body["query"], texts=tuple(body["documents"]))
        if body.get("tool_choice") not in (None, "REQUIRED", "NONE"):
            raise ValueError("tool_choice must be REQUIRED or NONE")
        messages = body["messages"]
        _check(messages)
        last = messages[-1]
        prefill = _text(last.get("content")) if last["role"] == "assistant" else None
        prompt = "\n\n".join(_text(message.get("content")) for message in messages)
        return Asked(model, bool(body.get("stream")), prompt, prefill)

    def whole(self, received: Received, reply: Reply) -> Answer:
        match received.operation:
            case "embeddings":
                return Answer(as_json(_embeddings(received, reply)))
            case "rerank":
                return Answer(as_json(_ranked(received, reply)))
        message: dict[str, Any] = {"role": "assistant"}
        content: list[Any] = [{"type": "thinking", "thinking": reply.reasoning}] if reply.reasoning else []
        if reply.tools:
            message |= {"tool_plan": reply.text} if reply.text else {}
            message["tool_calls"] = [
                {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}
                for tool in reply.tools
            ]
        elif reply.fault != "empty-choices":
            content.append({"type": "text", "text": reply.text + reply.refusal})
        if content:
            message["content"] = content
        body = {"id": "fake", "message": message, "finish_reason": _FINISHES.get(reply.ended, reply.ended)}
        return Answer(as_json(body | ({"usage": _usage(received, reply)} if reply.usage else {})))

    def stream(self, received: Received, reply: Reply) -> Streamed:
        start = {"id": "fake", "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}
        pieces = [_event(start)]
        blocks = [("thinking", reply.reasoning)] if reply.reasoning else []
        if not reply.tools and reply.fault != "empty-choices":
            blocks.append(("text", reply.text + reply.refusal))
        for index, (kind, said) in enumerate(blocks):
            pieces.append(_content("content-start", index, {"type": kind, kind: ""}))
            pieces += [_content("content-delta", index, {kind: each}) for each in cut_up(said, reply.piece)]
            pieces.append(_event({"type": "content-end", "index": index}))
        if reply.tools:
            pieces += [
                _event({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": each}}})
                for each in cut_up(reply.text, reply.piece)
            ]
        for index, tool in enumerate(reply.tools):
            call = {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": ""}}
            pieces.append(_called("tool-call-start", index, call))
            for each in cut_up(tool.arguments, reply.piece):
                pieces.append(_called("tool-call-delta", index, {"function": {"arguments": each}}))
            pieces.append(_event({"type": "tool-call-end", "index": index}))
        if reply.fault == "empty-choices":
            return Streamed(pieces, [])
        end: dict[str, Any] = {"finish_reason": _FINISHES.get(reply.ended, reply.ended)}
        if reply.usage:
            end["usage"] = _usage(received, reply)
        return Streamed(pieces, [_event({"type": "message-end", "delta": end}), b"data: [DONE]\n\n"])

    def error(self, received: Received, kind: ErrorKind, message: str, status: int | None) -> Answer:  # noqa: ARG002
        usual, words = _ERRORS[kind]
        return Answer(as_json({"id": "fake", "message": message or words}), status or usual)

    def stream_error(self, received: Received, kind: ErrorKind, message: str) -> bytes:  # noqa: ARG002 - the same for all
        """Cohere reports what goes wrong within a stream as its end."""
        delta = {"finish_reason": "ERROR", "error": message or _ERRORS[kind][1]}
        return _event({"type": "message-end", "delta": delta})

    def malformed(self) -> bytes:
        return b'event: content-delta\ndata: {"type": "content-delta", "delta": {"mess\n\n'


def _event(value: dict[str, Any]) -> bytes:
    return as_event(value, value["type"])


def _content(kind: str, index: int, content: dict[str, Any]) -> bytes:
    return _event({"type": kind, "index": index, "delta": {"message": {"content": content}}})


def _called(kind: str, index: int, call: dict[str, Any]) -> bytes:
    return _event({"type": kind, "index": index, "delta": {"message": {"tool_calls": call}}})


def _check(messages: list[dict[str, Any]]) -> None:
    """Cohere's rules for a conversation: what a tool gave follows its call."""
    if not messages:
        raise ValueError("messages must not be empty")
    called: set[str] = set()
    for message in messages:
        role = message["role"]
        if role not in ("system", "user", "assistant", "tool"):
            raise ValueError(f"unknown role {role!r}")
        if role == "tool" and message["tool_call_id"] not in called:
            raise ValueError("tool message references a tool call that was not made")
        if role != "assistant" and not message.get("content"):
            raise ValueError("message must not be empty in a turn")
        called |= {call["id"] for call in message.get("tool_calls") or ()}
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part["type"] not in ("text", "image_url", "document", "thinking"):
                raise ValueError(f"unknown content type {part['type']!r}")


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(
            part.get("text") or "".join((part.get("document") or {}).get("data", {}).values()) for part in content
        )
    return str(content or "")


def _usage(received: Received, reply: Reply) -> dict[str, Any]:
    used = reply.used(received)
    billed = {"input_tokens": used.input, "output_tokens": used.output}
    # Cohere's own instructions are read too, and not billed.
    usage = {"billed_units": billed, "tokens": {"input_tokens": used.input + 60, "output_tokens": used.output}}
    return usage | ({"cached_tokens": used.cached} if used.cached else {})


def _embeddings(received: Received, reply: Reply) -> dict[str, Any]:
    texts = received.asked.texts if received.asked else ()
    rows = reply.embeddings or vectors(texts, received.body.get("output_dimension") or 8)
    rows = [] if reply.fault == "empty-choices" else rows
    body = {"id": "fake", "texts": list(texts), "embeddings": {"float": [list(row) for row in rows]}}
    meta: dict[str, Any] = {"api_version": {"version": "2"}}
    if reply.usage:
        meta["billed_units"] = {"input_tokens": reply.used(received).input}
    return body | {"response_type": "embeddings_by_type", "meta": meta}


def _ranked(received: Received, reply: Reply) -> dict[str, Any]:
    documents = received.asked.texts if received.asked else ()
    ranking = reply.ranking or by_shared_words(received.body["query"], documents)
    ranking = ranking[: received.body.get("top_n") or len(ranking)]
    results = [{"index": index, "relevance_score": score} for index, score in ranking]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return {"id": "fake", "results": [] if reply.fault == "empty-choices" else results, "meta": meta}


VOICE = CohereVoice()
