"""The bodies of OpenAI's chat protocol: what is asked, what comes back, and what a refusal means.

Reference: https://platform.openai.com/docs/api-reference/chat. Servers differ; what is read here is the part they share.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import orjson

from aver.core.errors import ProviderError, ProviderRefused
from aver.gateway.types import ChatRequest, Usage

__all__ = ["Completion", "body", "refusal"]

_FINISHES: dict[str, Literal["stop", "length", "content_filter"]] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}
"""Finish reasons in use. One that is not here is an error: an answer cut for an unknown reason must not pass as whole."""
_LONGEST_MESSAGE = 300
_LIKE_A_KEY = re.compile(r"\S*\*{3,}\S*|\b(?:sk|pk|key)-[\w-]{6,}|Bearer\s+\S+")
_NEXT_STEPS = {
    400: "Read its message; the model's name or a limit of the request may be wrong.",
    401: "Check the provider's key.",
    402: "Check the account's balance with the provider.",
    403: "Check the provider's key and what it may do.",
    404: "Check base_url and the model's name.",
    413: "Ask with fewer or shorter passages.",
    429: "Wait, or raise the limit with the provider.",
}


def body(request: ChatRequest, model: str, *, ask_usage: bool) -> bytes:
    """The request as JSON. Lone surrogates, which JSON on the wire cannot hold, become question marks."""
    asked: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": each.role, "content": each.text.encode("utf-8", "replace").decode()} for each in request.messages
        ],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
    }
    if ask_usage:
        asked["stream_options"] = {"include_usage": True}
    return orjson.dumps(asked)


class Completion:
    """A reply as it accumulates."""

    def __init__(self) -> None:
        self.finish: Literal["stop", "length", "content_filter"] | None = None
        self.usage: Usage | None = None
        self.characters = 0
        self.done = False
        """Whether the end marker was read."""

    def event(self, data: str) -> str | None:
        """The text that one event of a stream adds; ``""`` when the model is at work without writing; ``None`` for anything else.

        Raises :class:`~aver.core.errors.ProviderError` on data that is not the protocol's, and
        :class:`~aver.core.errors.ProviderRefused` on an error that the provider reports within the stream.
        """
        if data == "[DONE]":
            self.done = True
            return None
        return self._take(_object(data), "delta")

    def whole(self, data: bytes) -> str:
        """The text of a reply that came in one piece, from a server that does not stream. Raises as :meth:`event` does."""
        text = self._take(_object(data), "message")
        if text is None:
            raise _unreadable("it holds no choice")
        self.done = True
        return text

    def _take(self, reply: dict[str, Any], part: str) -> str | None:
        if reply.get("error"):
            raise ProviderRefused(
                f"The model provider reported an error: {_message(reply)}", "Try again, or see the provider's status."
            )
        try:
            if usage := reply.get("usage"):
                self.usage = Usage(int(usage["prompt_tokens"]), int(usage["completion_tokens"]), None)
            choices = reply.get("choices") or [None]
            if choices[0] is None or choices[0].get("index", 0) != 0:
                return None
            if reason := choices[0].get("finish_reason"):
                self.finish = _finish(reason)
            written = choices[0].get(part) or {}
            text = written.get("content") or ""
            if not isinstance(text, str):
                raise _unreadable("its content is not text")
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise _unreadable(f"{type(error).__name__}: {error}") from error
        self.characters += len(text)
        at_work = any(value for name, value in written.items() if name != "role")
        return text if at_work or part == "message" else None


def refusal(name: str, status: int, answer: bytes, retry_after: str | None, key: str) -> ProviderRefused:
    """The error for an answer with an error status, in the provider's own words, shortened, without the key."""
    message = answer.decode("utf-8", "replace")
    try:
        message = _message(orjson.loads(answer))
    except (orjson.JSONDecodeError, AttributeError):
        message = "" if message.lstrip().startswith("<") else message
    if key:
        message = message.replace(key, "[key]")
    message = " ".join(_LIKE_A_KEY.sub("[key]", message).split())
    if len(message) > _LONGEST_MESSAGE:
        message = message[: _LONGEST_MESSAGE - 1] + "…"
    next_step = _NEXT_STEPS.get(status, "Try again, or see the provider's status.")
    if retry_after and retry_after.isdigit():
        next_step = f"Try again in {int(retry_after)} seconds."
    elif 300 <= status < 400:
        next_step = "Set base_url to the address that answers itself: a redirect is not followed with a key."
    return ProviderRefused(
        f"{name} answered with status {status}" + (f": {message.rstrip('.')}" if message else ""), next_step
    )


def _object(data: str | bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _unreadable(str(error)) from error
    if not isinstance(value, dict):
        raise _unreadable("it is not an object")
    return value


def _message(reply: dict[str, Any]) -> str:
    """``{"error": {"message": …}}``, or one of the forms that other servers use."""
    error = reply.get("error") or reply.get("detail") or reply.get("message") or ""
    return str(error.get("message") or error) if isinstance(error, dict) else str(error)


def _finish(reason: object) -> Literal["stop", "length", "content_filter"]:
    if isinstance(reason, str) and reason in _FINISHES:
        return _FINISHES[reason]
    raise ProviderError(
        f"The model provider ended its answer for the reason {str(reason)[:60]!r}", "Use another model."
    )


def _unreadable(why: str) -> ProviderError:
    return ProviderError(
        f"The model provider's answer cannot be read: {why[:200]}", "Check that base_url is an OpenAI-compatible API."
    )
