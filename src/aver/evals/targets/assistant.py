"""The assistant as a target, or its search alone: every case asked as the person it names, with the ranking, what was looked at and how sure
it was."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from aver.agents.types import Answer, SentenceReady
from aver.core import Clock, Principal, canonical_json, sha256_hex
from aver.core.errors import Blocked
from aver.evals.scorers.kinds import SEARCH
from aver.evals.targets.asking import Asker
from aver.evals.targets.evidence import turn_response
from aver.evals.types import Case, Cited, Response
from aver.gateway.adapters.extractive import choose
from aver.gateway.adapters.extractive_scoring import score
from aver.gateway.types import Embedder, Message, Passage

if TYPE_CHECKING:
    from aver.agents.service import Assistant
    from aver.knowledge.service import Knowledge

__all__ = ["DEPTH", "AssistantTarget", "SearchTarget"]

DEPTH = 100
"""Passages that are ranked for a question."""
_NONE = -100.0
"""Log odds of passages that answer nothing at all."""


class SearchTarget:
    """The search alone; nothing is answered. ``decided`` is what decides what is found."""

    name = "search"

    def __init__(self, knowledge: Knowledge, who: Asker, clock: Clock, decided: str) -> None:
        self.digest = sha256_hex(canonical_json([self.name, who.said, decided, DEPTH]))
        self._knowledge, self._who, self._clock = knowledge, who, clock

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Raises as a search does."""
        del seed
        return await asyncio.to_thread(self._found, self._who(case), case.question)

    def _found(self, principal: Principal, question: str) -> Response:
        began = self._clock.monotonic()
        hits = self._knowledge.search(principal, question, DEPTH)
        taken = (self._clock.monotonic() - began) * 1000
        ranking = tuple(Cited(hit.document, hit.start, hit.end, hit.text, hit.version, hit.title) for hit in hits)
        return Response(ranking=ranking, mode=SEARCH, latency_ms=taken, details={"retrieval_ms": taken})


class AssistantTarget:
    """A turn for every case, with its evidence. ``decided`` is what decides the answers, beside what is asked by whom."""

    name = "assistant"

    def __init__(
        self,
        assistant: Assistant,
        knowledge: Knowledge,
        embedder: Embedder,
        who: Asker,
        clock: Clock,
        decided: str,
    ) -> None:
        self.digest = sha256_hex(canonical_json([self.name, who.said, decided, DEPTH]))
        self._assistant, self._knowledge, self._embedder = assistant, knowledge, embedder
        self._who, self._clock = who, clock
        self._search = SearchTarget(knowledge, who, clock, decided)

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Raises as a turn does; where a check holds back the question or the answer, that is a refusal."""
        del seed
        principal, clock = self._who(case), self._clock
        found = await self._search.respond(case)
        history = [Message(each.role, each.content) for each in case.history if each.role != "system"]
        began, first, answer = clock.monotonic(), None, None
        try:
            async with aclosing(self._assistant.run(principal, case.question, history=history)) as events:
                async for event in events:
                    if isinstance(event, SentenceReady) and first is None:
                        first = (clock.monotonic() - began) * 1000
                    if isinstance(event, Answer):
                        answer = event
        except Blocked as error:
            held = {"check": error.slug, "verdict": "block", "place": "", "reason": error.cause}
            return replace(
                found,
                mode="",
                refused=True,
                verdicts=(held,),
                citations=(),
                looked=(),
                details={"blocked": error.cause},
            )
        assert answer is not None
        response = await asyncio.to_thread(self._read, principal, answer.turn, case.question)
        return replace(response, ranking=found.ranking, first_ms=first, details={**response.details, **found.details})

    def _read(self, principal: Principal, turn: str, question: str) -> Response:
        def text_of(document: str, version: int) -> str:
            return self._knowledge.document(principal, document, version).text

        response = turn_response(self._assistant.evidence(principal, turn), text_of)
        odds, held = self._judged(str(response.details.get("question", question)), response.looked or ())
        details = dict(response.details)
        if response.mode == "extractive" and response.abstained:
            details["held_back"] = [asdict(each) for each in held]
        return replace(response, confidence=odds, details=details)

    def _judged(self, question: str, looked: Sequence[Cited]) -> tuple[float, list[Cited]]:
        """Log odds that what was looked at answers, as the extractive model judges them, and the sentences it would quote."""
        passages = [Passage(number, each.title, each.text) for number, each in enumerate(looked, 1)]
        scored = score(question, passages, self._embedder)
        if scored is None or not math.isfinite(scored.odds):
            return _NONE, []
        quoted = []
        for each in choose(scored):
            part = looked[each.passage]
            quoted.append(replace(part, start=part.start + each.start, end=part.start + each.end, text=each.text))
        return float(scored.odds), quoted
