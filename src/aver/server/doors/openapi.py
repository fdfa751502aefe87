"""The doors in the OpenAPI document. Their bodies are other people's protocols, so what is described is where to read on."""

from __future__ import annotations

from typing import Any

from aver.gateway.feedback import REASONS

__all__ = ["describe"]

_OBJECT = {"type": "object"}
_CHAT = "https://platform.openai.com/docs/api-reference/chat"
_DOORS = (
    ("/v1/chat/completions", "OpenAI's chat completions", _CHAT, True),
    ("/v1/responses", "OpenAI's responses", "https://platform.openai.com/docs/api-reference/responses", True),
    ("/v1/messages", "Anthropic's messages", "https://docs.anthropic.com/en/api/messages", True),
    (
        "/v1/messages/count_tokens",
        "Anthropic's count of a request's tokens",
        "https://docs.anthropic.com/en/api/messages-count-tokens",
        False,
    ),
    ("/v1/embeddings", "OpenAI's embeddings", "https://platform.openai.com/docs/api-reference/embeddings", False),
    ("/v1/rerank", "Documents by their relevance to a query", "https://docs.cohere.com/reference/rerank", False),
)
_STATUSES = {
    "400": "The request is wrong, or the provider says so",
    "401": "No API key, or one that is not valid",
    "404": "No such model, or it is not yours",
    "413": "The body is too large",
    "422": "A field is wrong",
    "429": "A limit or a budget is reached, here or at the provider",
    "500": "An error nobody expected",
    "502": "The provider failed",
    "503": "Too much is asked at once, or no provider can be reached",
    "504": "The provider did not answer in time",
}


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` with the doors in it."""
    for path, what, reference, streams in _DOORS:
        document["paths"][path] = {"post": _operation(what, reference, streams)}
    listing = {
        "tags": ["models"],
        "summary": "Models",
        "description": "The models, routes and features you can use; in Anthropic's shape with its version header.",
        "security": [{"API key": []}],
        "responses": {"200": _answer("The list."), **_failures()},
    }
    document["paths"]["/v1/models"] = {"get": listing}
    document["paths"].setdefault("/v1/feedback", {})["post"] = _feedback()
    document["paths"]["/metrics"] = {"get": _metrics()}
    parameter = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    one = {**listing, "summary": "Model", "description": "One of them.", "parameters": [parameter]}
    document["paths"]["/v1/models/{model}"] = {"get": one}
    return document


def _feedback() -> dict[str, Any]:
    call = {"type": "string", "description": "The X-Request-Id of a call of yours, or the id of a turn."}
    score = {"type": "number", "minimum": 0, "maximum": 1, "description": "From 0, useless, to 1, right."}
    words = {name: {"type": "string", "maxLength": 4000} for name in ("correction", "comment")}
    reason = {"type": "string", "enum": list(REASONS), "description": "Why it was not helpful."}
    body = {
        **_OBJECT,
        "required": ["call", "score"],
        "properties": {"call": call, "score": score, "reason": reason, **words},
        "additionalProperties": False,
    }
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    statuses = ("400", "401", "404", "413", "422", "500", "503")
    return {
        "tags": ["models"],
        "summary": "Feedback",
        "description": "How good the answer to a call or turn of yours was, and why. Of several words on one call the last counts.",
        "security": [{"API key": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {"description": "It is recorded.", "content": {"application/json": {"schema": body}}},
            **{status: {"description": _STATUSES[status], "content": problem} for status in statuses},
        },
    }


def _metrics() -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    page = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "tags": ["health"],
        "summary": "Metrics",
        "description": "How the sources of your tenant stand and what its calls came to, for Prometheus. Takes the permission `oversee`.",
        "security": [{"API key": []}],
        "responses": {
            "200": {"description": "In the text exposition format, version 0.0.4.", "content": page},
            "401": {"description": _STATUSES["401"], "content": problem},
            "403": {"description": "The key lacks the permission `oversee`", "content": problem},
            "500": {"description": _STATUSES["500"], "content": problem},
        },
    }


def _operation(what: str, reference: str, streams: bool) -> dict[str, Any]:
    model = {"type": "string", "description": "A model, a route, or a feature: /v1/models lists them."}
    body = {**_OBJECT, "required": ["model"], "properties": {"model": model}, "additionalProperties": True}
    answer = _answer("The reply, or with `stream` its events." if streams else "The reply.")
    if streams:
        answer["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    return {
        "tags": ["models"],
        "summary": what,
        "description": f"{what}, with any model behind it. Fields that are not known here are passed on: {reference}",
        "security": [{"API key": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": answer, **_failures()},
    }


def _answer(words: str) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": _OBJECT}}}


def _failures() -> dict[str, Any]:
    return {status: _answer(f"{words}. In the protocol's own shape.") for status, words in _STATUSES.items()}
