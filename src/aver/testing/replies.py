"""What the fake model server is told to answer, right or wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from aver.core.errors import InvalidInput

__all__ = ["Fault", "Received", "Replies", "Reply", "load_script"]

Fault = Literal[
    "reset",  # the connection is reset before any answer
    "silence",  # the request is read and nothing is answered
    "stall",  # after `after` characters nothing more comes, the connection stays open
    "cut",  # after `after` characters the connection breaks
    "unfinished",  # after `after` characters the stream ends in good order, with neither a finish reason nor [DONE]
    "malformed",  # after `after` characters an event comes that is not what the protocol says
    "not-json",  # the body is a web page
    "empty-choices",  # a well-formed answer with nothing in it
]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. ``text`` is streamed ``piece`` characters at a time with ``pause`` seconds between; ``status`` other than 200
    answers with an error that says ``text`` and, when given, ``Retry-After``."""

    text: str = ""
    finish: str = "stop"
    fault: Fault | None = None
    after: int = 0
    status: int = 200
    retry_after: float | None = None
    usage: bool = True
    piece: int = 7
    pause: float = 0.0


@dataclass(slots=True)
class Received:
    """A request as it came in. ``abandoned`` turns true when the caller went away before the answer ended."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    abandoned: bool = False

    @property
    def prompt(self) -> str:
        """The text of all messages, in order."""
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
    if entry.get("fault") not in (None, *get_args(Fault)):
        raise InvalidInput(f"{place}: no fault {entry['fault']!r}", f"Use one of {', '.join(get_args(Fault))}.")
    try:
        when = re.compile(str(entry.get("when", "")))
    except re.error as error:
        raise InvalidInput(f"{place}: {entry['when']!r} is no regular expression: {error}", "Correct it.") from error
    return when, Reply(**{name: value for name, value in entry.items() if name != "when"})
