"""One turn in progress: what it knows, and the unit of work behind each arrow of the picture in ``service.py``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from aver.agents.blocking import whole
from aver.agents.findings import Findings
from aver.agents.guarding import Answering, Guarding
from aver.agents.parts import Parts
from aver.agents.retrieval import Retrieval
from aver.agents.types import Answer, Progressed, SentenceReady, TurnStatus, render
from aver.agents.verification import Verifier
from aver.agents.writing import Writer
from aver.core import Principal, new_id
from aver.core.errors import AverError, InvalidInput, NotFound, TooLarge
from aver.evidence import Draft, StepKind
from aver.gateway.calls import Call
from aver.gateway.types import ChatRequest, Message, Usage
from aver.guard import Place, facts_of
from aver.knowledge.types import Hit

__all__ = ["Turn"]


@dataclass(slots=True)
class Turn:
    """Made with its ids alone; :meth:`admit` checks and records it. Methods but :meth:`generate` block."""

    parts: Parts
    principal: Principal
    question: str
    given_conversation: str | None
    said: Sequence[Message] = ()
    """The history a caller brings when it continues no conversation. Only its questions are read: what it says the assistant
    answered is not evidence of anything."""
    limit: int | None = None
    """How many passages to look at, if fewer than the release does."""
    conversation: str = ""
    """The one it is part of; before it is admitted, the id that a new one is to have."""
    traceparent: str = ""
    """The trace that its caller is in, as :func:`~aver.core.traceparent.read_traceparent` gives it."""
    id: str = field(default_factory=lambda: new_id("turn"))
    _verifier: Verifier | None = None
    _guarding: Guarding = field(init=False)
    _found: Retrieval = field(init=False)
    _writer: Writer = field(init=False)
    _given: Sequence[Hit] = ()
    """The passages as models are given them."""
    _answering: Answering | None = None
    _concluded: Answer | None = None
    _verify_ms: float = 0.0
    _started: float = 0.0
    _status: TurnStatus | None = None

    def __post_init__(self) -> None:
        parts = self.parts
        guard, instructions = parts.released.guard(), parts.release.instructions
        self._guarding = Guarding(guard, parts.store, parts.clock, self.principal, instructions)
        self._found = Retrieval(parts, self._guarding, self.principal, self.question, self.limit)
        self._writer = Writer(parts, self._guarding, self.principal, self.id)

    async def require_going(self) -> None:
        """Raises :class:`~aver.core.errors.Stopped` where the assistant, its tenant or the installation is stopped."""
        if self.parts.halt is not None:
            await self.parts.halt(self.principal.tenant, feature=self.parts.release.name)

    def admit(self) -> None:
        """Check the question, find or begin the conversation, pin the release. Records ``admitted``."""
        parts, release = self.parts, self.parts.release
        self._started = parts.clock.monotonic()
        if self.principal.tenant != parts.store.tenant.id:
            raise NotFound("There is no such tenant, or it is not yours", "Ask as a user of this tenant.")
        if not self.question.strip():
            raise InvalidInput("The question is empty", "Ask something.")
        if self.limit is not None and self.limit < 1:
            raise InvalidInput(f"A limit of {self.limit} passages is out of bounds", "Ask for at least 1.")
        if len(self.question) > release.longest_question:
            raise TooLarge(
                f"The question has {len(self.question)} characters of at most {release.longest_question}", "Shorten it."
            )
        now = parts.clock.now()
        with parts.store.begin() as tx:
            facts = {
                "feature": release.name,
                **parts.released.pin.facts(release.digest),
                **self._enter(tx, now),
                "characters": len(self.question),
                **({"guardrails": self._guarding.digest} if self._guarding.digest else {}),
                **({"traceparent": self.traceparent} if self.traceparent else {}),
            }
            body = {
                "question": self.question,
                "user": self.principal.user,
                "groups": sorted(self.principal.groups),
                "history": [asdict(message) for message in self.said],
            }
            parts.ledger.append_all(tx, [self._draft("admitted", facts, body)])
        self._status = "open"
        self._guarding.conversation = self.conversation

    def _enter(self, tx: Connection, now: datetime) -> dict[str, Any]:
        """Take its place in the conversation. A shadow has none: nobody is shown it, and nothing that follows knows of it."""
        if self.parts.released.pin.shadow_of:
            return {"conversation": self.conversation}
        conversations = self.parts.conversations
        self.conversation = conversations.enter(tx, self.principal, self.given_conversation, now, self.conversation)
        return {
            "conversation": self.conversation,
            "ordinal": conversations.add(tx, self.conversation, self.id, now),
        }

    def understand(self) -> None:
        """Resolve the question against the conversation, and read from it where, when and how many things it asks for."""
        self._found.understand(self.given_conversation or "", self.said)

    async def check(self) -> None:
        """Have the question checked, as it was asked and as it was understood. Raises :class:`~aver.core.errors.Blocked`."""
        for question in dict.fromkeys((self.question, self._found.understood.question)):
            await self._guarding.question(question)

    async def reword(self) -> None:
        """Other wordings of the question by a model, where the release names one; without, or when it is late, none."""
        await self._found.reword(self._beside)

    def search(self) -> None:
        """Search what the principal may read. A place or a time that was only worded, and holds nothing, is left out of account."""
        self._found.search()

    async def rerank(self) -> None:
        """Order the passages by a model, where the release names one; a late or failed one leaves the search's order."""
        await self._found.rerank(self._beside)

    def retrieved(self) -> None:
        """Record what was found, as ``retrieved``; for a model that writes, with the text around each passage."""
        self._found.widen()
        retrieved = self._draft("retrieved", self._found.facts(), self._found.body())
        with self.parts.store.begin() as tx:
            self.parts.ledger.append_all(tx, [*self._checked("input"), retrieved])
        self._guarding.recorded("input")

    async def screen(self) -> None:
        """Leave out of what was found what checks hold back, and have the rest as models are given it."""
        self._given = await self._guarding.hits(self._found.hits)
        kept = {hit.passage for hit in self._given}
        self._found.hits = tuple(hit for hit in self._found.hits if hit.passage in kept)

    async def generate(self) -> AsyncGenerator[str]:
        """The sentences of the answer as they are written. When the model fails before anything was shown, the last resort
        answers in its place; after that the failure is the turn's. Raises :class:`ProviderError`."""
        found = self._found
        self._writer.documents = found.documents
        await self._writer.asks(found.understood.question, self._given, found.exchanges)
        sentences = self._writer.sentences(self._begin_verifying, lambda: self._shown)
        async with aclosing(sentences):
            async for sentence in sentences:
                yield sentence

    def verify(self, sentence: str) -> list[SentenceReady]:
        """Judge a sentence; what may be shown now."""
        assert self._verifier is not None
        started = self.parts.clock.monotonic()
        ready = self._verifier.verify(self._guarding.restored(sentence))
        self._verify_ms += self._ms(started)
        return ready

    async def show(self, verified: SentenceReady) -> list[SentenceReady]:
        """Have a verified sentence checked; what may be shown now. Raises :class:`~aver.core.errors.Blocked`."""
        assert self._answering is not None
        return await self._answering.take(verified)

    async def conclude(self) -> list[SentenceReady]:
        """What is left to be shown, at the end of the answer. Raises :class:`~aver.core.errors.Blocked`."""
        ready = await self._answering.rest() if self._answering else []
        if self._guarding.watches("output"):
            self._concluded = await self._guarding.answer(await whole(self._answer))
        return ready

    def respond(self) -> Answer:
        """The answer as verified, or the abstention. Records ``generated``, ``verified``, ``responded`` and ``sealed`` at once,
        so that an answer is sealed whole or not at all."""
        parts = self.parts
        answer = self._concluded or self._answer()
        outcome = {
            "abstained": answer.abstained,
            "mode": answer.mode,
            "sentences": len(answer.sentences),
            "citations": len(answer.citations),
            "ms": answer.latency_ms,
        }
        drafts = [*self._written(), self._draft("responded", outcome, {"answer": asdict(answer)})]
        with parts.store.begin() as tx:
            parts.ledger.append_all(tx, drafts)
            sealed = parts.ledger.seal(
                tx, turn=self.id, subject=self.principal.subject, facts={"ms": answer.latency_ms}
            )
            parts.conversations.end(tx, self.id, "sealed", sealed.seq)
        self._status = "sealed"
        return answer

    def fail(self, error: BaseException) -> None:
        """Record how the turn ended, with all that was written and shown. Does nothing unless it was admitted and not ended."""
        if self._status != "open":
            return
        parts = self.parts
        left = isinstance(error, asyncio.CancelledError | GeneratorExit)
        known = isinstance(error, AverError)
        facts = {
            "error": error.slug if isinstance(error, AverError) else "cancelled" if left else "internal-error",
            "shown": len(self._answering.shown) if self._answering else 0,
            "ms": self._ms(self._started),
        }
        body = {"detail": str(error) if known else type(error).__name__}
        status: TurnStatus = "cancelled" if left else "failed"
        with parts.store.begin() as tx:
            parts.ledger.append_all(tx, [*self._written(), self._draft("failed", facts, body)])
            parts.conversations.end(tx, self.id, status)
        self._status = status

    def progressed(self, stage: Literal["admitted", "retrieved", "generating"]) -> Progressed:
        return Progressed(stage, self.id, self.conversation, len(self.hits))

    @property
    def hits(self) -> Sequence[Hit]:
        """The passages that the answer is made from."""
        return self._found.hits

    @property
    def _shown(self) -> bool:
        return bool(self._answering and self._answering.shown)

    def _begin_verifying(self) -> None:
        parts, found, thresholds = self.parts, self._found, self.parts.release.thresholds
        made_from = (found.hits, parts.knowledge, parts.embedder, thresholds, found.remembered)
        self._verifier = Verifier(self.principal, *made_from)
        self._answering = self._guarding.answering()

    def _beside(self, model: str, chat: ChatRequest | None) -> Call:
        """A call of this turn beside the one that answers: to reword or to rerank. Its record is kept with the turn's."""
        self._writer.documents = self._found.documents
        return self._writer.beside(model, self.question, chat)

    def _checked(self, *places: Place) -> Iterator[Draft]:
        """The steps ``checked``: one for each place whose checks made something of a text since they were last recorded."""
        for made in self._guarding.unrecorded(*places):
            yield self._draft("checked", facts_of(made), {"texts": [each.body() for each in made]})

    def _written(self) -> list[Draft]:
        """The steps ``checked``, ``called``, one for each call through the gateway, ``generated``, one for each that wrote, and ``verified``."""
        drafts = [*self._checked("input", "passage")]
        drafts += self._writer.drafts(self._draft)
        if self._verifier and self._writer.writings:
            judged = self._verifier.judgements
            facts = {
                "sentences": len(judged),
                "claims": sum(each.fate != "no claim" for each in judged),
                "supported": sum(each.supported for each in judged),
                "shown": sum(each.fate == "shown" for each in judged),
                "withheld": sum(each.fate == "withheld" for each in judged),
                "citations": len(self._verifier.citations),
                "ms": round(self._verify_ms, 1),
            }
            body = {"sentences": [each.record() for each in judged]}
            drafts.append(self._draft("verified", facts, body))
        return [*drafts, *self._checked("output")]

    def _answer(self) -> Answer:
        shown = self._answering.shown if self._answering else ()
        sentences = tuple(each.sentence for each in shown)
        citations = tuple(citation for each in shown for citation in each.citations)
        found = Findings(self.parts, self.principal, self._found.understood, self._found.hits)
        writings, extractive = self._writer.writings, self.parts.release.model == self.parts.gateway.last_resort
        judged = self._verifier.judgements if self._verifier else ()
        unsupported = any(each.fate != "no claim" for each in judged)
        return Answer(
            self.id,
            self.conversation,
            writings[-1].mode if writings else "extractive" if extractive else "generated",
            not sentences,
            render(sentences) if sentences else found.abstention(unsupported=unsupported),
            sentences,
            citations,
            () if sentences else found.looked_at(),
            self.parts.released.digest,
            sum((record.usage for record in self._writer.records), Usage()),
            self._ms(self._started),
            found.conflicts(citations),
            found.outdated(citations),
            (*self._guarding.notices(), *self.parts.caution([each.document for each in citations])),
        )

    def _draft(self, kind: StepKind, facts: dict[str, Any], body: dict[str, Any] | bytes | None) -> Draft:
        return Draft(self.id, kind, self.principal.subject, facts, body)

    def _ms(self, since: float) -> float:
        return round((self.parts.clock.monotonic() - since) * 1000, 1)
