"""The assistant: a question in, a verified answer out, with its evidence sealed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from aver.agents.blocking import whole
from aver.agents.conversations import Conversations
from aver.agents.lineage import TurnLineage, turn_lineage
from aver.agents.parts import Caution, Halt, Lend, Parts, Question, Released
from aver.agents.turn import Turn
from aver.agents.types import Answer, Conversation, ConversationSummary, Progressed, TurnEvent
from aver.core import Clock, Principal, new_id
from aver.core.errors import AverError, NotFound
from aver.evidence import Ledger, Step
from aver.gateway.types import Embedder, Message
from aver.store import TenantStore

if TYPE_CHECKING:
    from aver.knowledge.service import Knowledge

__all__ = ["Assistant"]


class Assistant:
    """One tenant's assistant. ``lend`` gives each turn its release; ``embedder`` judges nearness of meaning in verification; ``halt`` looks
    for kill switches; ``caution`` says what a reader has to know of what is cited."""

    def __init__(
        self,
        store: TenantStore,
        ledger: Ledger,
        knowledge: Knowledge,
        clock: Clock,
        embedder: Embedder,
        lend: Lend,
        halt: Halt | None = None,
        caution: Caution = lambda _: (),
    ) -> None:
        self._store, self._ledger = store, ledger
        self._conversations = Conversations(store, ledger, knowledge)
        self._lend = lend
        made = partial(Parts, store, ledger, knowledge, clock, embedder, self._conversations)
        self._parts = partial(made, halt=halt, caution=caution)

    async def run(
        self,
        principal: Principal,
        question: str,
        conversation: str | None = None,
        *,
        history: Sequence[Message] = (),
        limit: int | None = None,
        traceparent: str = "",
    ) -> AsyncGenerator[TurnEvent]:
        """One turn, event by event; the last is its :class:`Answer`, sealed. Close the generator to leave early.

        ``conversation`` continues one of the principal's own. ``history`` is what a caller that keeps none says was said before.
        ``limit`` is how many passages to look at, if fewer than the release does. ``traceparent`` is the trace that the caller is in.

        Raises :class:`~aver.core.errors.Stopped` where it is switched off, :class:`~aver.core.errors.InvalidInput` and
        :class:`~aver.core.errors.TooLarge` for the question, :class:`~aver.core.errors.NotFound` for the conversation,
        :class:`~aver.core.errors.Blocked` where a check holds back the question, or the answer after some of it was shown, and
        :class:`~aver.core.errors.ProviderError` when a reply breaks off then. A turn that raises, or is left, is recorded as failed
        and never sealed.
        """
        entered = conversation or new_id("conversation")
        async with self._lend(principal, entered) as released:
            turn = Turn(self._parts(released), principal, question, conversation, history, limit, entered, traceparent)
            async with aclosing(_events(turn)) as events:
                async for event in events:
                    if released.watch and isinstance(event, Progressed) and event.stage == "admitted":
                        released.watch(Question(principal, question, conversation or "", history, limit, turn.id))
                    yield event

    async def shadow(self, asked: Question, released: Released) -> Answer:
        """Answer a question once more under another release, whose pin says of which turn it is the shadow. Nobody is shown it: it is in no
        conversation, and in evidence alone. Raises as :meth:`run` does."""
        turn = Turn(
            self._parts(released), asked.principal, asked.text, asked.conversation or None, asked.said, asked.limit,
            asked.conversation or new_id("conversation"),
        )  # fmt: skip
        async with aclosing(_events(turn)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    return event
        raise AssertionError("a turn ends with its answer or raises")

    async def ask(
        self,
        principal: Principal,
        question: str,
        conversation: str | None = None,
        *,
        history: Sequence[Message] = (),
        limit: int | None = None,
        traceparent: str = "",
    ) -> Answer:
        """The answer of one turn; raises as :meth:`run` does."""
        events = self.run(principal, question, conversation, history=history, limit=limit, traceparent=traceparent)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Answer):
                    return event
        raise AssertionError("a turn ends with its answer or raises")

    def conversations(self, principal: Principal) -> list[ConversationSummary]:
        """The principal's own conversations, newest first. Blocking."""
        return self._conversations.listed(principal)

    def conversation(self, principal: Principal, conversation: str) -> Conversation:
        """One of the principal's own conversations, as it may be shown now. Blocking.

        Raises :class:`~aver.core.errors.NotFound` for another's as for one that does not exist.
        """
        return self._conversations.conversation(principal, conversation)

    def evidence(self, principal: Principal, turn: str) -> tuple[Step, ...]:
        """The steps of one of the principal's own turns, as they may be shown now. Blocking; :class:`NotFound` for any other."""
        return self._conversations.evidence(principal, turn)

    def lineage(self, principal: Principal, turn: str) -> TurnLineage:
        """What the answer of one of the principal's own turns rests on, as far as it may be shown now. Blocking.

        Raises :class:`~aver.core.errors.NotFound` for any other turn, and for one without an answer.
        """
        past = self._conversations.turn(principal, turn)
        if past.answer is None:
            raise NotFound("This turn has no answer", "See what happened: its evidence.")
        return turn_lineage(self._store, self._ledger, past.answer, past.created, past.withheld)


async def _events(turn: Turn) -> AsyncGenerator[TurnEvent]:
    """The picture: from the question to the sealed answer, or to the failure on record."""
    try:
        await turn.require_going()
        await whole(turn.admit)
        await whole(turn.understand)
        await turn.check()
        yield turn.progressed("admitted")
        await turn.reword()
        await whole(turn.search)
        await turn.rerank()
        await whole(turn.retrieved)
        await turn.screen()
        yield turn.progressed("retrieved")
        await turn.require_going()
        if turn.hits:
            yield turn.progressed("generating")
            async with aclosing(turn.generate()) as written:
                async for sentence in written:
                    for verified in await whole(turn.verify, sentence):
                        for shown in await turn.show(verified):
                            yield shown
        await turn.require_going()
        for shown in await turn.conclude():
            yield shown
        yield await whole(turn.respond)
    except BaseException as error:
        await _record_failure(turn, error)
        raise


async def _record_failure(turn: Turn, error: BaseException) -> None:
    try:
        await whole(turn.fail, error)
    except AverError as unrecorded:
        error.add_note(f"The failure itself could not be recorded: {unrecorded}")
