"""An agent behind a model's door: its turn as the reply of a model.

The last user message is the task. An agent keeps its conversation itself: ``conversation`` continues one, and the messages before the last
are not taken, since what an agent may do rests on what it knows to be its user's words. What is not text is in the extra field ``aver``: how
the turn stands, its actions, and what waits for an approval. A caller who leaves does not end the turn.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from aver.agents.acting import Outcome
from aver.core.errors import InvalidInput
from aver.core.labels import Label
from aver.core.principal import Principal
from aver.gateway.types import ChatDelta, ChatRequest, Completion, Text
from aver.server.acting import begin
from aver.server.application import Application, TenantServices
from aver.server.doors.feature import asked

__all__ = ["AgentReply", "in_words"]


class AgentReply:
    """One turn. Iterate it once for its deltas; ``answer`` is there at the end."""

    def __init__(
        self,
        application: Application,
        services: TenantServices,
        principal: Principal,
        body: Mapping[str, Any],
        chat: ChatRequest,
        label: Label,
        traceparent: str = "",
    ) -> None:
        if body.get("n") not in (None, 1):
            raise InvalidInput("n: one answer is given", "Leave n out.")
        self._conversation = body.get("conversation")
        if self._conversation is not None and not isinstance(self._conversation, str):
            raise InvalidInput("conversation: expected the id of a conversation", "Leave it out to begin a new one.")
        self._application, self._services, self._principal = application, services, principal
        self._agent = str(body["model"])
        self._label = label
        self._task = chat.messages[asked(chat.messages)].text
        self._traceparent = traceparent
        self.turn = ""
        self.answer: Outcome | None = None

    async def __aiter__(self) -> AsyncIterator[list[ChatDelta]]:
        application, services, runner = self._application, self._services, self._application.runner
        asked = (self._principal, self._agent, self._task, self._conversation)
        self.turn = await begin(application, services, *asked, traceparent=self._traceparent, label=self._label)
        yield []
        await asyncio.shield(runner.go_on(services, self.turn))
        self.answer = await asyncio.to_thread(services.turns.outcome, self._principal, self.turn)
        yield [ChatDelta(in_words(self.answer)), ChatDelta(finish="stop")]

    async def completion(self) -> Completion:
        async for _ in self:
            pass
        assert self.answer is not None
        return Completion((Text(in_words(self.answer)),), "stop", None, self.turn)

    def attached(self) -> dict[str, Any]:
        """What Aver adds to a reply."""
        answer = self.answer
        assert answer is not None
        told = ("turn", "conversation", "status", "actions", "approvals", "stopped")
        return {name: getattr(answer, name) for name in told}


def in_words(outcome: Outcome) -> str:
    """How a turn stands, as a reply: the answer, or what it waits for, or why it ended."""
    match outcome.status:
        case "answered":
            return outcome.text if outcome.output is None else json.dumps(outcome.output, ensure_ascii=False)
        case "waiting":
            return "\n".join(["Before I go on, this has to be approved:", *_waiting(outcome)])
        case "running":
            return "I am still at it."
    return f"This could not be brought to its end: {outcome.text or outcome.error}"


def _waiting(outcome: Outcome) -> Iterator[str]:
    for each in outcome.actions:
        if each.status == "waiting":
            yield f"- {each.tool} {json.dumps(dict(each.arguments), ensure_ascii=False)}: {each.reason} ({each.approval})"
