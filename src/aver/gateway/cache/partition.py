"""What must be equal before one request's answer may be another's, as keyed digests."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from aver.gateway.cache.wording import form, plain
from aver.gateway.calls import Call
from aver.gateway.config.types import CachePolicy
from aver.gateway.types import ChatRequest, Text

__all__ = ["Asked", "asked"]


class Asked(NamedTuple):
    """``exact`` names the whole request within its partition, ``form`` the same with the question's form for its words; ``form`` and
    ``question`` are empty where only the very same request has the same answer."""

    exact: str
    form: str = ""
    question: str = ""


def asked(call: Call, route: str, policy: CachePolicy, pepper: bytes) -> Asked | None:
    """The names under which an answer to ``call`` is kept; ``None`` when its request cannot be named.

    The partition is the route, the configuration, the release, whose request it is (unless ``policy.shared``), and everything in the
    request but the question: instructions, history, passages, tools, parameters.
    """
    chat = call.chat
    partition = (route, call.config, call.release, "" if policy.shared else call.principal.subject)
    exact = _digest(pepper, b"exact", partition, chat)
    if exact is None:
        return None
    question = _question(chat) if policy.semantic else ""
    if not question:
        return Asked(exact)
    last = chat.messages[-1]
    frame = replace(last, content=last.text.replace(question, "\0", 1))
    rest = replace(chat, messages=(*chat.messages[:-1], frame), question="\0" if chat.question else "")
    return Asked(exact, _digest(pepper, b"form", (*partition, *form(question)), rest) or "", question)


def _question(chat: ChatRequest) -> str:
    """What a request asks last, where it is prose and everything around it is text; else nothing."""
    if not chat.messages or chat.messages[-1].role != "user":
        return ""
    if not all(isinstance(part, Text) for message in chat.messages for part in message.parts):
        return ""
    question = chat.question or chat.messages[-1].text
    return question if plain(question) and question in chat.messages[-1].text else ""


def _digest(pepper: bytes, kind: bytes, partition: tuple[str, ...], chat: ChatRequest) -> str | None:
    try:
        canonical = orjson.dumps((partition, chat), default=_named, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a lone surrogate, a number out of range: such a request is answered, and not remembered
        return None
    return hmac.digest(pepper, kind + canonical, "sha256").hex()


def _named(value: Any) -> Any:
    raise TypeError(type(value).__name__)
