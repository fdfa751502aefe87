"""What a message of Slack is: said by whom, when, alone or in a thread. See https://docs.slack.dev/reference/events/message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aver.core.canonical import canonical_json, sha256_hex
from aver.core.errors import Unavailable
from aver.knowledge.sources.answers import part_of, text_of

__all__ = [
    "TIMESTAMP",
    "Message",
    "changed_at",
    "date_of",
    "files_of",
    "is_said",
    "is_thread",
    "mark_of",
    "moment_of",
    "stands_alone",
]

Message = dict[str, Any]
TIMESTAMP = re.compile(r"\d{1,10}\.\d{1,9}")
_SAID = ("", "file_share", "me_message", "thread_broadcast")
"""Subtypes of what people say; the others are notes of Slack's own, and what bots say."""


def moment_of(message: Message) -> str:
    """When, which is also the id of a message in its channel."""
    moment = text_of(message, "ts")
    if not TIMESTAMP.fullmatch(moment):
        raise Unavailable("A message has no timestamp", "See Slack's changes to its API.")
    return moment


def changed_at(message: Message) -> datetime:
    """When a message was last edited, or else said."""
    edited = text_of(message, "edited", "ts")
    return datetime.fromtimestamp(float(edited if TIMESTAMP.fullmatch(edited) else moment_of(message)), UTC)


def date_of(moment: str) -> str:
    return datetime.fromtimestamp(float(moment), UTC).date().isoformat()


def is_said(message: Message) -> bool:
    return text_of(message, "subtype") in _SAID and not text_of(message, "bot_id")


def is_thread(message: Message) -> bool:
    count = part_of(message, "reply_count")
    return text_of(message, "thread_ts") == text_of(message, "ts") and isinstance(count, int) and count > 0


def stands_alone(message: Message) -> bool:
    """Whether it is said outside of threads: neither begins nor belongs to one."""
    alone = text_of(message, "thread_ts") in ("", text_of(message, "ts"))
    return alone and not is_thread(message) and is_said(message)


def mark_of(message: Message) -> str:
    """Another one for every change of what is shown."""
    shown = [text_of(message, name) for name in ("ts", "user", "text")]
    return sha256_hex(canonical_json([*shown, text_of(message, "edited", "ts"), list(files_of(message))]))


def files_of(message: Message) -> Iterator[str]:
    files = part_of(message, "files")
    for each in files if isinstance(files, list) else ():
        if name := text_of(each, "title") or text_of(each, "name"):
            yield name
