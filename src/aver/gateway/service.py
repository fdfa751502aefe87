"""The gateway: one call to a model, answered in spite of everything, accounted for to the last token."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Self, TypeVar

from aver.gateway.budgets.types import Budgets
from aver.gateway.cache.types import Cache
from aver.gateway.calling.attempting import Attempting
from aver.gateway.calling.builtin import BuiltinUpstream
from aver.gateway.calling.bulkhead import Bulkhead
from aver.gateway.calling.deployment import Deployment
from aver.gateway.calling.desk import Desk, Signers
from aver.gateway.calling.features import Features
from aver.gateway.calling.gathering import gather, scatter
from aver.gateway.calling.handling import Handling, Means
from aver.gateway.calling.telling import Telling
from aver.gateway.calls import Call, CallRecord
from aver.gateway.config.types import GatewayConfig
from aver.gateway.prices.types import Prices
from aver.gateway.routing.router import ConfiguredRouter
from aver.gateway.routing.types import Router
from aver.gateway.saving.batches import Batches
from aver.gateway.transport import Transport
from aver.gateway.types import ChatDelta, Completion, Embedder, Mode, Provider, Usage
from aver.gateway.wire import anthropic_count, registry
from aver.gateway.wire.types import Embeddings, EmbeddingsRequest, Reranked, RerankRequest

__all__ = ["Gateway", "Reply"]

T = TypeVar("T")


class Gateway:
    """Answers calls by the configuration of the moment. Used within one event loop at a time.

    ``config`` is asked before every call; another object than before is a reload, after which calls under way finish on what they began
    with and whatever was not declared anew keeps its connections, breakers and latencies. ``last_resort`` answers by its own name, and
    where a route allows it when nobody else can. Of the others, what is ``None`` is off: ``signers`` give the credential of a provider,
    ``budgets`` and ``caches`` are by tenant, ``embedder`` shortens prompts.
    """

    def __init__(
        self,
        config: Callable[[], GatewayConfig],
        *,
        router: Callable[[GatewayConfig], Router] = ConfiguredRouter,
        signers: Signers | None = None,
        prices: Prices | None = None,
        budgets: Callable[[str], Budgets | None] | None = None,
        caches: Callable[[str], Cache | None] | None = None,
        embedder: Callable[[], Embedder] | None = None,
        builtin: Sequence[Provider] = (),
        last_resort: Provider | None = None,
        now: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._router = router
        self._signers = signers
        self._prices = prices
        self._transport = Transport()
        self._batches = Batches()
        self._means = Means(budgets, caches, embedder, now, draw)
        self.last_resort = last_resort.name if last_resort is not None else None
        """The name of the model that needs no provider."""
        self._providers = (*builtin, *([last_resort] if last_resort is not None else ()))
        self._builtin = {each.name: _within(each) for each in self._providers}
        self._current: Desk | None = None

    async def complete(self, call: Call) -> Completion:
        """A whole reply. Raises an :class:`~aver.core.errors.AverError` that says what failed; its record was then handed over too."""
        handling = Handling(self._means, self._desk(), call, streamed=False)
        try:
            await handling.plan()
            await handling.reserve()
            completion = await handling.find()
            if completion is None:
                completion = await handling.complete()
                await handling.keep(completion)
        except BaseException as error:
            handling.end(error)
            raise
        handling.record.finish = completion.finish
        handling.end()
        return completion

    async def open(self, call: Call) -> Reply:
        """A reply that has begun: somebody answers. Raises as :meth:`complete` does."""
        handling = Handling(self._means, self._desk(), call, streamed=True)
        try:
            await handling.plan()
            await handling.reserve()
            completion = await handling.find()
            return Reply(handling, completion if completion is not None else await handling.open())
        except BaseException as error:
            handling.end(error)
            raise

    async def embed(self, call: Call, request: EmbeddingsRequest) -> Embeddings:
        """A vector for each text. Raises as :meth:`complete` does."""

        async def ask(attempting: Attempting) -> tuple[Embeddings, Usage | None]:
            upstream, total = attempting.deployment.upstream, attempting.asking(shared=False).total
            most = registry.embed_dialect(upstream.provider.kind).most
            # Texts of two tenants never share a request.
            among = f"{call.principal.tenant}/{upstream.model.name}"
            embeddings = await self._batches.embed(among, request, most, lambda part: upstream.embed(part, total))
            return embeddings, embeddings.usage

        return await self._ask(call, sum(len(text.encode("utf-8", "replace")) for text in request.texts), ask)

    async def rerank(self, call: Call, request: RerankRequest) -> Reranked:
        """The documents by relevance. Raises as :meth:`complete` does."""

        async def ask(attempting: Attempting) -> tuple[Reranked, Usage | None]:
            total = attempting.asking(shared=False).total
            reranked = await attempting.deployment.upstream.rerank(request, total)
            return reranked, reranked.usage

        read = sum(len(text.encode("utf-8", "replace")) for text in (*request.documents, request.query))
        return await self._ask(call, read, ask)

    async def count_tokens(self, call: Call) -> int:
        """The input tokens of a request, by the provider that would answer it where it counts, else estimated. It is no call: nothing
        is recorded or reserved."""
        handling = Handling(self._means, self._desk(), call, streamed=False)
        await handling.plan()
        for name in handling.record.candidates[:1]:
            deployment = handling.conduct.deployments[name.model]
            counted = await deployment.upstream.count(call, deployment.provider.timeouts.first_token)
            if counted is not None:
                return counted
        return anthropic_count.estimate(call.chat)

    def names(self) -> tuple[str, ...]:
        """The routes and models that can be called."""
        return self._desk().names()

    def status(self) -> dict[str, Any]:
        """Every model at this moment: its breaker, calls under way, latencies. For people."""
        return self._desk().status(self._means.now())

    async def close(self) -> None:
        """Closes the connections that this event loop opened."""
        await self._transport.close()
        for provider in self._providers:
            await provider.close()

    async def _ask(
        self, call: Call, read: int, ask: Callable[[Attempting], Coroutine[Any, Any, tuple[T, Usage | None]]]
    ) -> T:
        handling = Handling(self._means, self._desk(), call, streamed=False)
        try:
            await handling.plan(Features(read, read, 1, 1))
            await handling.reserve()
            got = await handling.ask(ask)
        except BaseException as error:
            handling.end(error)
            raise
        handling.end()
        return got

    def _desk(self) -> Desk:
        config, current = self._config(), self._current
        if current is None or current.config is not config:
            router = self._router(config)
            current = self._current = Desk(
                config, router, self._prices, self._signers, self._transport, self._builtin, current
            )
            current.last_resort = self._builtin[self.last_resort] if self.last_resort is not None else None
        return current


def _within(provider: Provider) -> Deployment:
    return Deployment(BuiltinUpstream(provider), Bulkhead(provider.name, 64, 1024))


class Reply:
    """A reply under way. Iterate it once, batch by batch; :meth:`aclose` it when leaving early, and the provider stops writing.

    ``record`` is filled in as it goes, and handed to the call's sink before the iteration ends.
    """

    __slots__ = ("_deltas", "_ended", "_handling", "_kept", "_telling")

    def __init__(self, handling: Handling, source: Telling | Completion) -> None:
        self._handling = handling
        self._telling = source if isinstance(source, Telling) else None
        self._deltas = scatter(source) if isinstance(source, Completion) else None
        self._kept: list[ChatDelta] | None = [] if handling.keeps else None
        self._ended = False

    @property
    def record(self) -> CallRecord:
        return self._handling.record

    @property
    def model(self) -> str:
        """Who answers, or answered last."""
        return self.record.attempts[-1].model if self.record.attempts else self.record.asked

    @property
    def mode(self) -> Mode:
        return self._handling.mode

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[ChatDelta]:
        """The deltas of one network read. Raises :class:`~aver.core.errors.StreamTruncated` when the reply broke off and nobody could go
        on with it, :class:`~aver.core.errors.BudgetExceeded` when there is no room for more of it."""
        if self._ended:
            raise StopAsyncIteration
        try:
            deltas = await self._telling.read() if self._telling is not None else self._whole()
            if deltas:
                if self._kept is not None:
                    self._kept += deltas
                return deltas
            if self._kept:
                await self._handling.keep(gather(self._kept))
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Nothing more is read. After the end it does nothing."""
        self._end(asyncio.CancelledError())

    def _whole(self) -> list[ChatDelta]:
        """A reply that is there already, once."""
        deltas, self._deltas = self._deltas or [], None
        if deltas:
            self.record.finish = deltas[-1].finish
        return deltas

    def _end(self, error: BaseException | None) -> None:
        if self._ended:
            return
        self._ended = True
        if error is not None and self._telling is not None:
            self._telling.leave(error)
        self._handling.end(error)
