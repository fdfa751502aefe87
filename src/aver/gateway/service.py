"""The gateway: one call to a model, answered in spite of everything, accounted for to the last token."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar

from aver.gateway.budgets.types import Budgets
from aver.gateway.cache.types import Cache
from aver.gateway.calling.attempting import Attempting
from aver.gateway.calling.builtin import BuiltinUpstream
from aver.gateway.calling.bulkhead import Bulkhead
from aver.gateway.calling.counts import CallCounts
from aver.gateway.calling.deployment import Deployment
from aver.gateway.calling.desk import Desk, Signers
from aver.gateway.calling.features import Features
from aver.gateway.calling.handling import Handling, Means
from aver.gateway.calling.reply import Alone, Reply
from aver.gateway.calling.sharing import SharedCall, Sharer, sharing_key
from aver.gateway.calls import Call, Halt, Labels
from aver.gateway.config.types import GatewayConfig
from aver.gateway.prices.types import Prices
from aver.gateway.routing.router import ConfiguredRouter
from aver.gateway.routing.types import Router
from aver.gateway.saving.batches import Batches
from aver.gateway.saving.coalesce import Coalescer
from aver.gateway.transport import Transport
from aver.gateway.types import ChatDelta, Completion, Embedder, Provider, Usage
from aver.gateway.wire import anthropic_count, registry
from aver.gateway.wire.types import Embeddings, EmbeddingsRequest, Reranked, RerankRequest

__all__ = ["Gateway"]

T = TypeVar("T")


class Gateway:
    """Answers calls by the configuration of the moment. Used within one event loop at a time.

    ``config`` is asked before every call; another object than before is a reload, after which calls under way finish on what they began
    with and whatever was not declared anew keeps its connections, breakers and latencies. ``last_resort`` answers by its own name, and
    where a route allows it when nobody else can. Of the others, what is ``None`` is off: ``signers`` give the credential of a provider,
    ``budgets`` and ``caches`` are by tenant, ``embedder`` shortens prompts, ``halt`` looks for kill switches, ``labels`` says which models may be given a call. Gateways
    may count what their calls came to in the same ``counts``. ``transport`` carries requests in place of a plain one.
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
        halt: Halt | None = None,
        builtin: Sequence[Provider] = (),
        last_resort: Provider | None = None,
        now: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
        counts: CallCounts | None = None,
        labels: Labels | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._config = config
        self._router = router
        self._signers = signers
        self._prices = prices
        self._transport = transport or Transport()
        self._batches = Batches()
        self._coalescer: Coalescer[SharedCall[Any]] = Coalescer()
        self.counts = counts or CallCounts()
        self._means = Means(budgets, caches, embedder, now, draw, self.counts, halt, labels)
        self.last_resort = last_resort.name if last_resort is not None else None
        """The name of the model that needs no provider."""
        self._providers = (*builtin, *([last_resort] if last_resort is not None else ()))
        self._builtin = {each.name: _within(each) for each in self._providers}
        self._current: Desk | None = None

    async def complete(self, call: Call) -> Completion:
        """A whole reply. Raises an :class:`~aver.core.errors.AverError` that says what failed; its record was then handed over too."""
        desk = self._desk()
        key = sharing_key(desk.config, call, streamed=False)
        if key is None:
            return await _complete(Handling(self._means, desk, call, streamed=False))
        sharer = self._share(desk, call, key, _one, streamed=False)
        try:
            await sharer.admit()
            completion = await sharer.read()
        except BaseException as error:
            await sharer.end(error)
            raise
        await sharer.end()
        assert completion is not None
        return completion

    async def open(self, call: Call) -> Reply:
        """A reply that has begun: somebody answers. Raises as :meth:`complete` does."""
        desk = self._desk()
        key = sharing_key(desk.config, call, streamed=True)
        if key is None:
            return await _open(Handling(self._means, desk, call, streamed=True))
        sharer = self._share(desk, call, key, _batches, streamed=True)
        try:
            await sharer.admit()
            await sharer.begin()
        except BaseException as error:
            await sharer.end(error)
            raise
        return Reply(sharer)

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
        for first in handling.record.candidates[:1]:
            if first.skipped:  # nobody would answer it, and whom it may not be given to does not count it either
                break
            deployment = handling.conduct.deployments[first.model]
            counted = await deployment.upstream.count(call, deployment.provider.timeouts.first_token)
            if counted is not None:
                return counted
        return anthropic_count.estimate(call.chat)

    def names(self) -> tuple[str, ...]:
        """The routes and models that can be called."""
        return self._desk().names()

    def warm(self) -> None:
        """Everything that the first call would wait for, but the providers."""
        self._transport.warm()

    def status(self) -> dict[str, Any]:
        """Every model at this moment: its breaker, calls under way, latencies. For people."""
        return self._desk().status(self._means.now())

    async def close(self) -> None:
        """Closes the connections that this event loop opened, and ends what is shared over them."""
        await self._coalescer.close()
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

    def _share(
        self,
        desk: Desk,
        call: Call,
        key: Hashable,
        tell: Callable[[Handling], AsyncGenerator[T]],
        *,
        streamed: bool,
    ) -> Sharer[T]:
        """A caller of the call under way for ``key``, or of a new one."""
        means = self._means
        make = partial(SharedCall, means, desk, call, tell, streamed=streamed)
        return Sharer(means, desk, call, self._coalescer.join(key, make), streamed=streamed)

    def _desk(self) -> Desk:
        config, current = self._config(), self._current
        if current is None or current.config is not config:
            router = self._router(config)
            current = self._current = Desk(
                config, router, self._prices, self._signers, self._transport, self._builtin, current
            )
            current.last_resort = self._builtin[self.last_resort] if self.last_resort is not None else None
        return current


async def _complete(handling: Handling) -> Completion:
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


async def _open(handling: Handling) -> Reply:
    try:
        await handling.plan()
        await handling.reserve()
        completion = await handling.find()
        return Reply(Alone(handling, completion if completion is not None else await handling.open()))
    except BaseException as error:
        handling.end(error)
        raise


async def _one(handling: Handling) -> AsyncGenerator[Completion]:
    """What is shared of a whole reply."""
    yield await _complete(handling)


async def _batches(handling: Handling) -> AsyncGenerator[list[ChatDelta]]:
    """What is shared of a stream."""
    async with aclosing(await _open(handling)) as reply:
        async for deltas in reply:
            yield deltas


def _within(provider: Provider) -> Deployment:
    return Deployment(BuiltinUpstream(provider), Bulkhead(provider.name, 64, 1024))
