"""The answer as models write it: the call that asks for it, and in its place the last resort's."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from aver.agents.citing import SentenceStream
from aver.agents.guarding import Guarding
from aver.agents.parts import Parts
from aver.agents.prompt import Exchange, messages
from aver.core import Principal
from aver.core.errors import ProviderError, StreamTruncated
from aver.evidence import Draft, StepKind
from aver.gateway.calling.reply import Reply
from aver.gateway.calls import Call, CallRecord, Operation
from aver.gateway.types import ChatRequest, Mode, Passage, Usage
from aver.knowledge.types import Hit

__all__ = ["Writer", "Writing", "clear"]

_UNCLEAR = re.compile(r"[^A-Za-z0-9._:/+-]+")


@dataclass(slots=True)
class Writing:
    """One call's attempt at an answer. ``instead`` is the error and the model that should have answered."""

    reply: Reply
    instead: tuple[str, str] | None
    started: float
    first_ms: float = 0.0
    ms: float = 0.0
    text: str = ""
    finish: str | None = None
    error: str | None = None

    @property
    def mode(self) -> Mode:
        return self.reply.mode

    @property
    def spent(self) -> Usage:
        """As the gateway accounted for it."""
        return self.reply.record.usage

    def facts(self) -> dict[str, Any]:
        failed, model = self._fallback() or (None, "")
        spent = self.spent
        return {
            "provider": clear(self.reply.model),
            "mode": self.mode,
            "fallback_error": failed,
            "fallback_from": clear(model) or None,
            "finish": self.finish,
            "error": self.error,
            "input_tokens": spent.input_tokens,
            "output_tokens": spent.output_tokens,
            "cost_usd": spent.cost_usd,
            "estimated": spent.estimated,
            "first_ms": self.first_ms,
            "ms": self.ms,
        }

    def _fallback(self) -> tuple[str, str] | None:
        """Whose place was taken, and why."""
        attempts = self.reply.record.attempts
        before = [each for each in attempts[:-1] if each.model != attempts[-1].model]
        return (before[-1].outcome, before[-1].model) if before else self.instead


class Writer:
    """A turn's calls to models, the one that answers and those beside it, with their records."""

    def __init__(self, parts: Parts, guarding: Guarding, principal: Principal, turn: str) -> None:
        self._parts = parts
        self._guarding = guarding
        self._principal = principal
        self._turn = turn
        self._request: ChatRequest | None = None
        self.documents: frozenset[str] = frozenset()
        """``DOCUMENT@VERSION`` of what models are given passages of."""
        self.records: list[CallRecord] = []
        self.writings: list[Writing] = []

    def beside(self, model: str, question: str, chat: ChatRequest | None) -> Call:
        """A call beside the one that answers: to reword or, without ``chat``, to rerank."""
        empty = ChatRequest((), question)
        return self._call(model, lambda: chat or empty, "chat" if chat else "rerank", stream=False)

    async def asks(self, question: str, given: Sequence[Hit], exchanges: Sequence[Exchange]) -> None:
        """What the model that answers is asked: ``given`` are the passages as it may see them."""
        release = self._parts.release
        asked = await self._guarding.question(question)
        passages = tuple(
            Passage(number, f"{hit.title} \u2014 {hit.section}" if hit.section else hit.title, hit.text)
            for number, hit in enumerate(given, 1)
        )
        history = await self._guarding.exchanges(exchanges)
        spoken = messages(self._guarding.planted(release.instructions), history, passages, asked)
        self._request = ChatRequest(spoken, asked, passages, release.max_tokens, release.temperature)

    async def sentences(self, begin: Callable[[], None], shown: Callable[[], bool]) -> AsyncGenerator[str]:
        """The sentences as they are written. When the model fails before anything was ``shown``, the last resort answers in its place;
        after that the failure is the turn's. ``begin`` is called before each attempt. Raises :class:`ProviderError`."""
        model, last = self._parts.release.model, self._parts.gateway.last_resort
        try:
            async with aclosing(self._write(model, begin)) as sentences:
                async for sentence in sentences:
                    yield sentence
        except ProviderError as error:
            if shown() or last is None or (self.writings and self.writings[-1].mode == "extractive"):
                raise
            async with aclosing(self._write(last, begin, (error.slug, model))) as sentences:
                async for sentence in sentences:
                    yield sentence

    def drafts(self, draft: Callable[[StepKind, dict[str, Any], dict[str, Any] | bytes], Draft]) -> list[Draft]:
        """The steps ``called``, one for each call through the gateway, and ``generated``, one for each that wrote."""
        sent = [asdict(message) for message in self._request.messages] if self._request else []
        return [
            *(draft("called", record.facts(), record.body()) for record in self.records),
            *(draft("generated", each.facts(), {"messages": sent, "text": each.text}) for each in self.writings),
        ]

    async def _write(
        self, model: str, begin: Callable[[], None], instead: tuple[str, str] | None = None
    ) -> AsyncGenerator[str]:
        clock, request = self._parts.clock, self._request
        assert request is not None
        begin()
        started = clock.monotonic()
        reply = await self._parts.gateway.open(self._call(model, lambda: request, "chat", stream=True))
        writing = Writing(reply, instead, started)
        self.writings.append(writing)
        stream = SentenceStream()
        try:
            async with aclosing(reply):
                async for deltas in reply:
                    writing.first_ms = writing.first_ms or self._ms(started)
                    for delta in deltas:
                        writing.text += delta.text
                        writing.finish = delta.finish or writing.finish
                        for sentence in stream.feed(delta.text):
                            yield sentence
            if writing.finish != "stop":
                raise StreamTruncated(
                    f"The answer of {reply.model} broke off ({writing.finish})",
                    "Ask for less at once, or raise the release's max_tokens.",
                )
            for sentence in stream.close():
                yield sentence
        except ProviderError as error:
            writing.error = error.slug
            raise
        finally:
            writing.ms = self._ms(started)

    def _call(self, model: str, chat: Callable[[], ChatRequest], operation: Operation, *, stream: bool) -> Call:
        return Call(
            self._principal,
            model,
            lambda _, record: self.records.append(record),
            chat,
            operation=operation,
            stream=stream,
            feature=self._parts.release.name,
            turn=self._turn,
            release=self._parts.released.digest,
            documents=self.documents,
        )

    def _ms(self, since: float) -> float:
        return round((self._parts.clock.monotonic() - since) * 1000, 1)


def clear(name: str) -> str:
    """A name as it may stand among facts: an id, without what could be a sentence."""
    return _UNCLEAR.sub("_", name).strip("_-./:+")[:128]
