"""What a turn looks for and finds: the question in its conversation, the passages, their order, and what is on record of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from aver.agents.blocking import whole
from aver.agents.conversations import Pairs
from aver.agents.followup import Asked, Resolved, resolve
from aver.agents.guarding import Guarding
from aver.agents.parts import Parts
from aver.agents.prompt import Exchange
from aver.agents.reranking import MakeCall
from aver.agents.rewording import Rewriter, reworded
from aver.agents.types import Answer
from aver.agents.understanding import Understood, mentioned, narrowed, understand
from aver.agents.writing import clear
from aver.core import Principal
from aver.gateway.types import Message
from aver.knowledge.reranking import Outcome, rerank
from aver.knowledge.scope import EVERYTHING
from aver.knowledge.types import Hit

__all__ = ["Retrieval"]

_MOST_FOUND = 50
"""Ids of documents among the facts of what was found."""
_POOL = 3
"""How many times the passages looked at are found for a reranker to choose from."""
_LONGEST_EXCHANGE = 1500
"""Characters of an earlier answer that the model is reminded of."""


@dataclass(slots=True)
class Retrieval:
    """One turn's. Its methods in order; those that are not coroutines block."""

    parts: Parts
    guarding: Guarding
    principal: Principal
    question: str
    limit: int | None
    """How many passages to look at, if fewer than the release does."""
    hits: Sequence[Hit] = ()
    understood: Understood = field(default_factory=lambda: Understood(""))
    exchanges: Sequence[Exchange] = ()
    """What was said before, as a model is reminded of it."""
    remembered: Pairs = frozenset()
    """The document versions that the answers among it rest on."""
    _resolved: Resolved = field(default_factory=lambda: Resolved("", ""))
    _asked_before: Sequence[Asked] = ()
    _wordings: tuple[str, ...] = ()
    _reworded: Outcome = "none"
    _reranked: Outcome = "none"
    _began: float = 0.0

    @property
    def most(self) -> int:
        """How many passages are looked at."""
        return min(self.limit or self.parts.release.passages, self.parts.release.passages)

    @property
    def documents(self) -> frozenset[str]:
        """``DOCUMENT@VERSION`` of every passage."""
        return frozenset(f"{hit.document}@{hit.version}" for hit in self.hits)

    def understand(self, conversation: str, said: Sequence[Message]) -> None:
        """Resolve the question against the conversation, or where there is none against what the caller ``said`` before; and read from it
        where, when and how many things it asks for."""
        parts = self.parts
        self._began = parts.clock.monotonic()
        self._asked_before = self._remember(conversation) if conversation else self._believe(said)
        self._resolved = resolve(self.question, self._asked_before)
        named = parts.knowledge.named(self.principal, mentioned(self._resolved.question))
        self.understood = understand(self._resolved.question, named, parts.clock.now())

    async def reword(self, make_call: MakeCall) -> None:
        """Other wordings of the question by a model, where the release names one; without, or when it is late, none."""
        release = self.parts.release
        if release.rewriter:
            writer = Rewriter(self.parts.gateway, release.rewriter, make_call)
            question = await self.guarding.question(self.understood.question)
            wordings, self._reworded = await reworded(question, writer, release.patience)
            self._wordings = tuple(await whole(lambda: [self.guarding.restored(each) for each in wordings]))

    def search(self) -> None:
        """Search what the principal may read. A place or a time that was only worded, and holds nothing, is left out of account."""
        release, understood = self.parts.release, self.understood
        unread = self._resolved.query.removeprefix(self._resolved.question)
        queries = [understood.question + unread, *understood.parts, *self._wordings]
        pool = self.most * _POOL if release.reranker else self.most
        find = partial(self.parts.knowledge.find, made_with=release.index)
        self.hits = tuple(find(self.principal, queries, pool, understood.scope))
        if not self.hits and not understood.meant and understood.scope != EVERYTHING:
            self.understood = replace(understood, scope=EVERYTHING)
            self.hits = tuple(find(self.principal, queries, pool))

    async def rerank(self, make_call: MakeCall) -> None:
        """Order the passages by a model, where the release names one; a late or failed one leaves the search's order."""
        make = self.parts.released.reranker
        reranker = make(make_call) if make else None
        found = {hit.passage: hit for hit in self.hits}
        given = await self.guarding.hits(self.hits) if reranker else self.hits
        question = await self.guarding.question(self.understood.question)
        ranked, self._reranked = await rerank(given, question, reranker, self.parts.release.patience)
        self.hits = tuple(replace(found[hit.passage], score=hit.score) for hit in ranked[: self.most])

    def widen(self) -> None:
        """For a model that writes, have each passage with the text around it."""
        parts = self.parts
        if parts.release.model != parts.gateway.last_resort:
            self.hits = tuple(parts.knowledge.expanded(self.principal, self.hits, parts.release.context_tokens))

    def facts(self) -> dict[str, Any]:
        """For the step ``retrieved``."""
        return {
            "passages": len(self.hits),
            "documents": len({hit.document for hit in self.hits}),
            "duplicates": sum(len(hit.also) for hit in self.hits),
            "followed_up": self._resolved.question != self.question,
            "history": len(self._asked_before),
            "hits": [clear(hit.passage) for hit in self.hits],
            "found": sorted({clear(hit.document) for hit in self.hits})[:_MOST_FOUND],
            "rerank": self._reranked,
            "reworded": self._reworded,
            **self.understood.facts(),
            "ms": round((self.parts.clock.monotonic() - self._began) * 1000, 1),
        }

    def body(self) -> dict[str, Any]:
        """For the step ``retrieved``."""
        return {
            "question": self._resolved.question,
            "query": self._resolved.query,
            "parts": self.understood.parts,
            "wordings": self._wordings,
            "within": narrowed(self.understood.scope),
            "hits": [{name: value for name, value in asdict(hit).items() if name != "text"} for hit in self.hits],
            "remembered": sorted(self.remembered),
        }

    def _remember(self, conversation: str) -> list[Asked]:
        """The conversation so far, as it may be read now."""
        limit, pin = self.parts.release.history, self.parts.released.pin
        recent = self.parts.conversations.recent(self.principal, conversation, limit, pin.shadow_of)
        past = [(turn, turn.answer) for turn in recent if turn.answer]
        self.remembered = frozenset((each.document, each.version) for _, answer in past for each in answer.citations)
        self.exchanges = [Exchange(turn.question, _supported(answer)[:_LONGEST_EXCHANGE]) for turn, answer in past]
        return [
            Asked(turn.resolved, tuple(dict.fromkeys(each.title for each in answer.citations))) for turn, answer in past
        ]

    def _believe(self, said: Sequence[Message]) -> list[Asked]:
        """Of what a caller says was said before, its questions: what it says the assistant answered is not evidence of anything."""
        limit = self.parts.release.history
        questions = [message.text for message in said if message.role == "user"][-limit:] if limit else []
        self.exchanges = [Exchange(question, "") for question in questions]
        return [Asked(question) for question in questions]


def _supported(answer: Answer) -> str:
    """What of an earlier answer a model is reminded of: that it wrote something unsupported makes it no truer."""
    return " ".join(sentence.text for sentence in answer.sentences if sentence.supported)
