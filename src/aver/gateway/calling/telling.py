"""A reply as the caller gets it: of one model, or begun by one and carried on by others."""

from __future__ import annotations

from collections.abc import Iterator

from aver.core.errors import InvalidInput, Overloaded, ProviderError, RequestRejected, StreamTruncated
from aver.gateway.calling.answering import Answering
from aver.gateway.calling.attempting import Flow, flow
from aver.gateway.calling.continuation import Diverged, Seam, Way, asked_to_go_on, ways
from aver.gateway.calling.deployment import Deployment
from aver.gateway.types import ChatDelta, ChatRequest, Usage

__all__ = ["Telling"]


class Telling:
    """:meth:`read` it to its end, or :meth:`leave` it. A reply that cannot be carried on ends with an error, never as if it were whole."""

    __slots__ = ("_answering", "_flow", "_plain", "_rounds", "_seam", "_shown", "_usage", "_ways")

    def __init__(self, answering: Answering, begun: Flow) -> None:
        self._answering = answering
        self._flow = begun
        self._shown = ""
        self._seam: Seam | None = None
        self._ways: Iterator[tuple[str, Way]] | None = None
        self._plain: ChatRequest | None = None
        self._rounds = 0
        self._usage: Usage | None = None

    async def read(self) -> list[ChatDelta]:
        """The next deltas; nothing at the end. Raises :class:`~aver.core.errors.StreamTruncated` when the reply broke off and nobody could
        carry it on, and :class:`~aver.core.errors.BudgetExceeded`."""
        while True:
            try:
                deltas = await self._flow.read()
                if self._seam is None:
                    return deltas
                if not deltas:
                    return []
                if deltas := self._join(deltas):
                    return deltas
            except ProviderError as error:
                self._flow.leave(error)
                await self._go_on(error)

    def leave(self, why: BaseException) -> None:
        """Stop whoever writes."""
        self._flow.leave(why)

    def _join(self, deltas: list[ChatDelta]) -> list[ChatDelta]:
        seam = self._seam
        assert seam is not None
        deltas = seam.feed(deltas)
        if seam.closed and any(delta.text for delta in deltas):
            self._ways = None  # there is progress: should this break off too, everybody may be asked again
        for delta in deltas:
            if delta.usage is not None and self._usage is not None:
                delta.usage = self._usage + delta.usage
        return deltas

    async def _go_on(self, error: ProviderError) -> None:
        """Somebody else's stream in place of the one that broke. Raises :class:`~aver.core.errors.StreamTruncated`."""
        self._take_over(error)
        if self._ways is None:
            self._ways = self._everybody()
        refused: Deployment | None = None
        for name, way in self._ways:
            deployment = self._answering.conduct.deployments[name]
            assert self._plain is not None
            chat = asked_to_go_on(self._plain, self._shown, way)
            try:
                self._flow = await flow(self._answering.conduct, deployment, "continuation", shared=True, chat=chat)
            except RequestRejected:
                refused = deployment
                continue
            except (ProviderError, Overloaded):
                continue
            if refused is deployment:
                deployment.prefills = False  # it takes the same request, put in another way
            self._seam = Seam(self._shown, way)
            return
        raise StreamTruncated(
            f"The answer broke off after {len(self._shown)} characters, and nobody could go on with it: {error.cause}",
            "Ask again; what was written so far is not whole.",
        ) from error

    def _take_over(self, error: ProviderError) -> None:
        """Note what the caller has by now. Raises the end of the reply when it is nothing that another could carry on."""
        stream, seam = self._flow.stream, self._seam
        if seam is None:
            self._shown = self._flow.text
        elif seam.closed:
            self._shown += self._flow.text[seam.cut :]
        self._usage = stream.so_far() if self._usage is None else self._usage + stream.so_far()
        if self._plain is None:
            self._plain = self._can_be_told(error)
        if stream.called:
            raise self._cut(error, "in the middle of a tool call")

    def _can_be_told(self, error: ProviderError) -> ChatRequest:
        conduct = self._answering.conduct
        if conduct.features.copies > 1:
            raise self._cut(error, "one of several replies")
        try:
            chat = conduct.chat or conduct.call.chat
        except InvalidInput:
            raise self._cut(error, "and the request has parts that only its own provider understands") from error
        if chat.output is not None:
            raise self._cut(error, "in the middle of structured output")
        return chat

    def _cut(self, error: ProviderError, where: str) -> StreamTruncated:
        cut = StreamTruncated(
            f"The answer broke off {where}: {error.cause}", "Ask again; what was written so far is not whole."
        )
        cut.__cause__ = error
        return cut

    def _everybody(self) -> Iterator[tuple[str, Way]]:
        """Whom to ask to go on, and how: the next models first, the one that broke off last, for it may break off again."""
        answering = self._answering
        self._rounds += 1
        if self._rounds > len(answering.models) + 1:
            return
        models = answering.models
        current = self._flow.deployment.model.name
        place = models.index(current) + 1 if current in models else 0
        conduct = answering.conduct
        for name in (*models[place:], *models[:place], *(() if current in models else (current,))):
            deployment = conduct.deployments[name]
            if conduct.is_over:
                return
            if deployment.provider.name in conduct.failed and not answering.retries.withdraw():
                continue
            before = len(conduct.record.attempts)
            for way in ways(deployment, self._shown):
                yield name, way
                attempts = conduct.record.attempts[before:]
                if not attempts or attempts[-1].outcome not in (RequestRejected.slug, Diverged.slug):
                    break
