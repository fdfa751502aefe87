"""A feature behind a model's door: the assistant's turn as the reply of a model.

The last user message is the question and the messages before it are its history; instructions and sampling parameters are not
taken, because the feature's release decides them. Text carries ``[n]`` marks, and an unsupported sentence says so in words. What
the protocol has no place for is in the extra field ``aver``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

import orjson

from aver.agents.types import Answer, Progressed, SentenceReady, render
from aver.core.errors import InvalidInput
from aver.core.principal import Principal
from aver.gateway.types import ChatDelta, ChatRequest, Completion, Message, Text
from aver.server.application import TenantServices
from aver.server.wire import to_json

__all__ = ["FeatureReply", "asked", "attach", "attach_to_stream"]


class FeatureReply:
    """One turn. Iterate it once for its deltas; ``answer`` is there at the end."""

    def __init__(
        self,
        services: TenantServices,
        principal: Principal,
        body: Mapping[str, Any],
        chat: ChatRequest,
        traceparent: str = "",
    ) -> None:
        if body.get("n") not in (None, 1):
            raise InvalidInput("n: one answer is given", "Leave n out.")
        conversation = body.get("conversation")
        if conversation is not None and not isinstance(conversation, str):
            raise InvalidInput("conversation: expected the id of a conversation", "Leave it out to begin a new one.")
        last = asked(chat.messages)
        history = () if conversation else _said(chat.messages[:last])
        question = chat.messages[last].text
        self._events = services.assistant.run(
            principal, question, conversation, history=history, traceparent=traceparent
        )
        self.turn = ""
        self.answer: Answer | None = None

    async def __aiter__(self) -> AsyncIterator[list[ChatDelta]]:
        written = False
        async with aclosing(self._events) as events:
            async for event in events:
                if isinstance(event, Progressed):
                    if not self.turn:
                        self.turn = event.turn
                        yield []
                elif isinstance(event, SentenceReady):
                    yield [ChatDelta((" " if written else "") + render([event.sentence]))]
                    written = True
                else:
                    self.answer = event
                    deltas = [] if written else [ChatDelta(event.answer)]
                    yield [*deltas, ChatDelta(finish="stop"), ChatDelta(usage=event.usage)]

    async def completion(self) -> Completion:
        async for _ in self:
            pass
        assert self.answer is not None
        return Completion((Text(self.answer.answer),), "stop", self.answer.usage, self.turn)

    def attached(self) -> dict[str, Any]:
        """What Aver adds to a reply."""
        answer = self.answer
        assert answer is not None
        names = ("turn", "conversation", "mode", "abstained", "release", "sentences", "citations")
        told = {name: getattr(answer, name) for name in names}
        return told | ({"notices": answer.notices} if answer.notices else {})


def attach(body: bytes, attached: Mapping[str, Any]) -> bytes:
    """A whole reply with ``aver`` in it."""
    return to_json({**orjson.loads(body), "aver": attached})


def attach_to_stream(data: bytes, attached: Mapping[str, Any]) -> bytes:
    """The events that end a reply, with ``aver`` in the one that says how it finished."""
    events = data.split(b"\n\n")
    for position, event in enumerate(events):
        head, found, content = event.rpartition(b"data: ")
        if found and content.startswith(b"{"):
            value = orjson.loads(content)
            if _finishes(value):
                events[position] = head + found + to_json({**value, "aver": attached})
    return b"\n\n".join(events)


def _finishes(event: Mapping[str, Any]) -> bool:
    choices = event.get("choices")
    if choices:
        return choices[0].get("finish_reason") is not None
    return event.get("type") in ("message_delta", "response.completed")


def asked(messages: tuple[Message, ...]) -> int:
    """Where the last message of the user is. Raises :class:`InvalidInput` where there is none."""
    for position in reversed(range(len(messages))):
        if messages[position].role == "user":
            return position
    raise InvalidInput("The messages hold no question", "End them with a message whose role is user.")


def _said(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Instructions of system messages are not taken: the release has its own."""
    return tuple(Message(each.role, each.text) for each in messages if each.role != "system" and each.text)
