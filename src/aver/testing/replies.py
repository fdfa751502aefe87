"""What the fake model server is told to answer, right or wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from aver.core.errors import InvalidInput
from aver.gateway.types import ToolCall

__all__ = ["Asked", "ErrorKind", "Fault", "Operation", "Received", "Replies", "Reply", "Tokens", "load_script"]

Fault = Literal[
    "reset",  # the connection is reset before any answer
    "silence",  # the request is read and nothing is answered, no headers either
    "stall",  # after `after` characters nothing more comes, the connection stays open
    "cut",  # after `after` characters the connection breaks, in the middle of an event
    "unfinished",  # after `after` characters the stream ends in good order, with neither a finish reason nor [DONE]
    "malformed",  # after `after` characters an event comes that is not what the protocol says
    "error-event",  # after `after` characters the stream reports an error (`error`, else overloaded) and ends
    "slow-drip",  # everything comes, `piece` bytes at a time with `pause` seconds between, cut anywhere
    "not-json",  # the body is a web page
    "empty-choices",  # a well-formed answer with nothing in it
]
ErrorKind = Literal[
    "auth",
    "forbidden",
    "rate_limit",
    "quota",  # the account is used up
    "context_overflow",
    "content_filter",
    "invalid_request",
    "not_found",
    "too_large",
    "overloaded",
    "server",
]
Operation = Literal["chat", "embeddings", "rerank", "models", "count_tokens"]
_BREAKS_OFF = ("stall", "cut", "unfinished", "malformed", "error-event")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a reply says it used: ``input`` counts all that was read, ``cached`` and ``cache_write`` are parts of it; ``reasoning`` is part
    of ``output``."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: ``reasoning``, then ``text`` (or ``refusal``), then ``tools``. It is streamed ``piece`` characters at a time with
    ``pause`` seconds between, the first after ``first_pause``.

    ``finish`` is in OpenAI's words, which each family puts in its own; with ``tools``, ``stop`` means ``tool_calls``. ``status`` other
    than 200, or ``error``, answers with an error of the family's that says ``text``; ``retry_after`` is sent as ``Retry-After``: seconds,
    or a text as it is, such as a date. ``headers`` are added to any answer.
    """

    text: str = ""
    finish: str = "stop"
    fault: Fault | None = None
    after: int = 0
    """Characters of reasoning, text and arguments, in this order."""
    status: int = 200
    retry_after: float | str | None = None
    usage: bool = True
    piece: int = 7
    pause: float = 0.0
    first_pause: float = 0.0
    reasoning: str = ""
    signature: str = ""
    """Of the reasoning, for families that sign it."""
    refusal: str = ""
    tools: tuple[ToolCall, ...] = ()
    tokens: Tokens | None = None
    """The usage to report in place of counted words, be it wrong."""
    error: ErrorKind | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    embeddings: tuple[tuple[float, ...], ...] | None = None
    """Vectors to give in place of vectors made from the words."""
    ranking: tuple[tuple[int, float], ...] | None = None
    """``(index, relevance)`` to give in place of a ranking by shared words."""
    prefill: Literal["ignore", "continue", "reject"] = "ignore"
    """What to do with a conversation that ends with a message of the assistant's: begin anew, write on where that message is the
    beginning of ``text``, or refuse it."""

    @property
    def breaks_off(self) -> bool:
        return self.fault in _BREAKS_OFF

    @property
    def ended(self) -> str:
        """The finish reason in OpenAI's words."""
        return "tool_calls" if self.tools and self.finish == "stop" else self.finish

    @property
    def written(self) -> str:
        """Everything the model wrote, in order."""
        return self.reasoning + self.text + self.refusal + "".join(tool.arguments for tool in self.tools)

    def begun(self) -> Reply:
        """What of it is written before a fault breaks it off: the first ``after`` characters."""
        left = self.after
        reasoning, left = self.reasoning[:left], max(0, left - len(self.reasoning))
        text, left = self.text[:left], max(0, left - len(self.text))
        refusal, left = self.refusal[:left], max(0, left - len(self.refusal))
        tools = []
        for tool in self.tools:
            if left <= 0:
                break
            tools.append(replace(tool, arguments=tool.arguments[:left]))
            left -= len(tool.arguments)
        return replace(self, reasoning=reasoning, text=text, refusal=refusal, tools=tuple(tools), finish=self.ended)

    def used(self, received: Received) -> Tokens:
        """``tokens``, or words for tokens: exact counts that a test can work out."""
        if self.tokens is not None:
            return self.tokens
        written = " ".join((self.reasoning, self.text, self.refusal, *(tool.arguments for tool in self.tools)))
        return Tokens(len(received.prompt.split()), len(written.split()), reasoning=len(self.reasoning.split()))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a family reads out of a request. ``prompt`` is the text of all messages, in order; ``prefill`` the text of the assistant's own
    message when it is the last; ``texts`` what is to be embedded or ranked."""

    model: str = ""
    stream: bool = False
    prompt: str = ""
    prefill: str | None = None
    texts: tuple[str, ...] = ()


@dataclass(slots=True)
class Received:
    """A request as it came in. ``abandoned`` turns true when the caller went away before the answer ended."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    abandoned: bool = False
    family: str = "openai"
    operation: Operation = "chat"
    method: str = "POST"
    raw: bytes = b""
    """The body's bytes, for signatures."""
    query: Mapping[str, str] = field(default_factory=dict)
    captured: Mapping[str, str] = field(default_factory=dict)
    """What stands in the path where the route has ``{name}``."""
    asked: Asked | None = None

    @property
    def model(self) -> str:
        return self.asked.model if self.asked else str(self.body.get("model", ""))

    @property
    def stream(self) -> bool:
        return self.asked.stream if self.asked else bool(self.body.get("stream"))

    @property
    def prompt(self) -> str:
        """The text of all messages, in order."""
        if self.asked:
            return self.asked.prompt
        return "\n\n".join(str(message.get("content") or "") for message in self.body.get("messages", ()))


Replies = Callable[[Received], Reply] | Sequence[Reply]
"""A rule, or answers in order, of which the last repeats."""


def load_script(path: Path) -> Callable[[Received], Reply]:
    """A rule from a JSON file: a list of objects with the fields of :class:`Reply` and ``when``, a regular expression. The
    first whose ``when`` is found in the prompt answers; one without ``when`` always does.

    Raises :class:`~aver.core.errors.InvalidInput` naming the entry that is wrong.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} is not a readable script: {error}", "Write a JSON list of replies.") from error
    if not isinstance(entries, list):
        raise InvalidInput(f"{path} holds no list", "Write a JSON list of replies.")
    rules = [_rule(entry, f"{path}, entry {number}") for number, entry in enumerate(entries, 1)]

    def reply(received: Received) -> Reply:
        prompt = received.prompt
        for when, answer in rules:
            if when.search(prompt):
                return answer
        return Reply(f"{path.name} has no reply to this prompt.", status=404)

    return reply


def _rule(entry: object, place: str) -> tuple[re.Pattern[str], Reply]:
    known = [each.name for each in fields(Reply)]
    if not isinstance(entry, dict) or (unknown := set(entry) - {"when", *known}):
        wrong = ", ".join(sorted(unknown)) if isinstance(entry, dict) else "not an object"
        raise InvalidInput(f"{place}: {wrong}", f"Use the fields {', '.join(['when', *known])}.")
    for name, choices in (("fault", get_args(Fault)), ("error", get_args(ErrorKind))):
        if entry.get(name) not in (None, *choices):
            raise InvalidInput(f"{place}: no {name} {entry[name]!r}", f"Use one of {', '.join(choices)}.")
    try:
        when = re.compile(str(entry.get("when", "")))
    except re.error as error:
        raise InvalidInput(f"{place}: {entry['when']!r} is no regular expression: {error}", "Correct it.") from error
    try:
        return when, Reply(**{name: _value(name, value) for name, value in entry.items() if name != "when"})
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{place}: {error}", "Correct it.") from error


def _value(name: str, value: Any) -> Any:
    """A field's value out of JSON, which has neither tuples nor records."""
    match name:
        case "tools":
            return tuple(ToolCall(**tool) for tool in value)
        case "tokens":
            return Tokens(**value)
        case "embeddings" | "ranking":
            return tuple(tuple(row) for row in value)
    return value
