"""One attempt: its place, its deadline, its verdict, its charge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aver.core.errors import (
    ContentFiltered,
    ContextOverflow,
    ProviderError,
    ProviderPaused,
    ProviderTimeout,
    RequestRejected,
    StreamTruncated,
)
from aver.gateway.budgets.types import Amount
from aver.gateway.calling.account import Account
from aver.gateway.calling.continuation import Diverged
from aver.gateway.calling.deployment import Deployment
from aver.gateway.calling.features import Features
from aver.gateway.calling.plausible import estimate
from aver.gateway.calls import Attempt, Call, CallRecord, Halt, Role, outcome_of
from aver.gateway.types import ChatDelta, ChatRequest, Completion, Usage
from aver.gateway.upstream import Asking, UpstreamStream

__all__ = ["Attempting", "Conduct", "Flow", "flow", "whole"]

_NO_FAULT = (RequestRejected, ContextOverflow, ContentFiltered, Diverged)
"""The provider is there, and answers."""


@dataclass(slots=True)
class Conduct:
    """What all attempts of one call share. ``began`` and ``ends`` are in seconds of ``now``; ``forced`` are the bounds on output that are
    sent because nobody else set one, by model."""

    call: Call
    record: CallRecord
    account: Account
    deployments: Mapping[str, Deployment]
    features: Features
    now: Callable[[], float]
    began: float
    ends: float
    forced: Mapping[str, int]
    halt: Halt | None = None
    failed: set[str] = field(default_factory=set)
    """Providers that failed in this call."""
    chat: ChatRequest | None = None
    """Asked in place of the call's own, where its prompt was shortened."""

    def ms(self) -> float:
        return (self.now() - self.began) * 1000

    async def require_going(self, model: str) -> None:
        """Raises :class:`~aver.core.errors.Stopped` where a switch stops the call, or the model."""
        if self.halt is not None:
            await self.halt(self.call, model)

    @property
    def is_over(self) -> bool:
        """Whether there is no time left to ask anybody."""
        return self.now() >= self.ends


class Attempting:
    """From its place among the provider's calls to its charge. :meth:`start` it, then end it exactly once."""

    __slots__ = ("_asking", "_committed", "_conduct", "_started", "attempt", "deployment", "ended")

    def __init__(self, conduct: Conduct, deployment: Deployment, role: Role) -> None:
        self._conduct = conduct
        self.deployment = deployment
        self.attempt = Attempt(deployment.model.name, deployment.provider.name, conduct.ms(), role=role)
        self._committed = Amount()
        self._started = 0.0
        self._asking: Asking | None = None
        self.ended = False

    async def start(self) -> None:
        """Raises :class:`~aver.core.errors.ProviderPaused`, :class:`~aver.core.errors.BudgetExceeded`,
        :class:`~aver.core.errors.Overloaded` and :class:`~aver.core.errors.Stopped`; nothing is then left to end."""
        conduct, deployment = self._conduct, self.deployment
        await conduct.require_going(deployment.model.name)
        now = conduct.now()
        if not deployment.breaker.allow(now):
            raise _paused(deployment, now)
        try:
            self._committed = await conduct.account.commit(deployment.model)
            try:
                if deployment.bulkhead.free:
                    deployment.bulkhead.enter()
                else:
                    await self._queue()
            except BaseException:
                conduct.account.charge(self.attempt, deployment.model, None, self._committed)
                raise
        except BaseException:
            deployment.breaker.passed()
            raise
        deployment.in_flight += 1
        self._started = conduct.now()
        self.attempt.began_ms = conduct.ms()
        conduct.record.attempts.append(self.attempt)

    async def _queue(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._conduct.ends - self._conduct.now())):
                await self.deployment.bulkhead.wait()
        except TimeoutError as error:
            raise ProviderTimeout(
                f"No place for a call to {self.deployment.provider.name} came free in time",
                "Try again, or raise the provider's max_concurrent.",
            ) from error

    def asking(self, *, shared: bool, chat: ChatRequest | None = None) -> Asking:
        """How the call is put. When the time is ``shared``, half of what is left is kept for whoever is asked next."""
        conduct, provider = self._conduct, self.deployment.provider
        left = conduct.ends - conduct.now()
        total = min(provider.timeouts.total, max(left / 2 if shared else left, 0.001))
        features, forced = conduct.features, conduct.forced.get(self.deployment.model.name)
        self._asking = Asking(
            conduct.call,
            total,
            chat or conduct.chat,
            forced,
            features.read,
            features.read_most,
            conduct.record.dropped,
        )
        return self._asking

    def began(self) -> None:
        """The first token came."""
        self.attempt.first_ms = self._conduct.ms()
        self.deployment.first.add(self._conduct.now() - self._started)

    async def require_going(self) -> None:
        """As :meth:`Conduct.require_going`, of its own model."""
        await self._conduct.require_going(self.deployment.model.name)

    async def extend(self, excess: int) -> int:
        """Room for at least ``excess`` more characters of output; for how many it is. Raises
        :class:`~aver.core.errors.BudgetExceeded`."""
        account, model = self._conduct.account, self.deployment.model
        step = account.characters(model)
        steps = -(-excess // step)
        self._committed = await account.extend(self._committed, steps * account.bounds[model.name], model)
        return steps * step

    def succeed(self, usage: Usage | None, *, streamed: bool) -> None:
        now = self._conduct.now()
        self.deployment.breaker.succeeded(now)
        if not streamed:
            self.attempt.first_ms = self._conduct.ms()
            self.deployment.whole.add(now - self._started)
        self._end("ok", usage)

    def fail(self, error: BaseException, stream: UpstreamStream | None = None) -> None:
        """``stream`` is what was begun, if anything."""
        breaker, now = self.deployment.breaker, self._conduct.now()
        if isinstance(error, ProviderError) and not isinstance(error, _NO_FAULT):
            breaker.failed(now, error.retry_after or 0.0)
            self._conduct.failed.add(self.deployment.provider.name)
        elif isinstance(error, _NO_FAULT):
            breaker.succeeded(now)
        else:
            breaker.passed()
        left = not isinstance(error, Exception)
        usage = None
        if stream is not None:
            usage = stream.so_far()
        elif left or isinstance(error, ProviderTimeout | StreamTruncated):
            usage = estimate(self._conduct.features.read, 0)  # it was asked, and may have begun
        self._end(outcome_of(error), usage)

    def _end(self, outcome: str, usage: Usage | None) -> None:
        self.ended = True
        self.deployment.bulkhead.leave()
        self.deployment.in_flight -= 1
        self.attempt.ended_ms = self._conduct.ms()
        self.attempt.outcome = outcome
        self.attempt.doubt = self._asking.doubt if self._asking is not None else ""
        self._conduct.account.charge(self.attempt, self.deployment.model, usage, self._committed)


async def whole(conduct: Conduct, deployment: Deployment, role: Role, *, shared: bool) -> Completion:
    """One attempt at a whole reply."""
    attempting = Attempting(conduct, deployment, role)
    await attempting.start()
    try:
        completion = await deployment.upstream.complete(attempting.asking(shared=shared))
    except BaseException as error:
        attempting.fail(error)
        raise
    attempting.attempt.finish = completion.finish
    attempting.succeed(completion.usage, streamed=False)
    await conduct.require_going(deployment.model.name)  # what came after it was stopped is paid for, and not given
    return completion


class Flow:
    """One attempt at a stream, begun: :attr:`first` is in hand. Read it to its end, or :meth:`leave` it."""

    __slots__ = ("_attempting", "_limit", "first", "stream")

    def __init__(self, attempting: Attempting, stream: UpstreamStream, first: list[ChatDelta], limit: int) -> None:
        self._attempting = attempting
        self._limit = limit
        self.stream = stream
        self.first: list[ChatDelta] | None = first

    @property
    def deployment(self) -> Deployment:
        return self._attempting.deployment

    @property
    def text(self) -> str:
        return "".join(self.stream.texts)

    async def read(self) -> list[ChatDelta]:
        """The next deltas; nothing at the end. Raises :class:`~aver.core.errors.ProviderError`, and
        :class:`~aver.core.errors.BudgetExceeded` when more is written than there is room for, :class:`~aver.core.errors.Stopped`."""
        if self.first is not None:
            deltas, self.first = self.first, None
            return deltas
        stream = self.stream
        try:
            deltas = await stream.read()
            if not deltas:
                self._attempting.attempt.finish = stream.finish
                self._attempting.succeed(stream.usage, streamed=True)
                return deltas
            await self._attempting.require_going()
            if stream.written > self._limit:
                self._limit += await self._attempting.extend(stream.written - self._limit)
        except BaseException as error:
            self.leave(error)
            raise
        return deltas

    def leave(self, why: BaseException) -> None:
        """Stop the provider; what it wrote is charged."""
        if not self._attempting.ended:
            self._attempting.fail(why, self.stream)
        self.stream.close()


async def flow(
    conduct: Conduct, deployment: Deployment, role: Role, *, shared: bool, chat: ChatRequest | None = None
) -> Flow:
    """One attempt at a stream, up to the first thing that a caller would notice."""
    attempting = Attempting(conduct, deployment, role)
    await attempting.start()
    stream: UpstreamStream | None = None
    try:
        stream = await deployment.upstream.open(attempting.asking(shared=shared, chat=chat))
        first = await stream.read()
        while not stream.begun and (more := await stream.read()):
            first += more
    except BaseException as error:
        attempting.fail(error, stream)
        if stream is not None:
            stream.close()
        raise
    attempting.began()
    return Flow(attempting, stream, first, conduct.account.characters(deployment.model))


def _paused(deployment: Deployment, now: float) -> ProviderPaused:
    wait = deployment.breaker.retry_after(now)
    return ProviderPaused(
        f"{deployment.model.name} failed too often lately and is left alone for now",
        f"Try again in {max(1, round(wait))} s.",
        retry_after=wait,
    )
