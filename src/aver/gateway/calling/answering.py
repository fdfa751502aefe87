"""Who is asked, in which order, and how often, until one of them answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from aver.core.errors import (
    AverError,
    ContentFiltered,
    ContextOverflow,
    Overloaded,
    ProviderDenied,
    ProviderError,
    ProviderExhausted,
    ProviderPaused,
    ProviderThrottled,
    ProviderTimeout,
    RequestRejected,
    Stopped,
    Unavailable,
)
from aver.gateway.calling.attempting import Conduct, Flow, flow, whole
from aver.gateway.calling.checks import failed
from aver.gateway.calling.deployment import Deployment
from aver.gateway.calling.hedging import HedgeBudget, delay, raced
from aver.gateway.calling.retries import RetryBudget, wait_before
from aver.gateway.calls import Role
from aver.gateway.config.types import ErrorClass, Route
from aver.gateway.types import Completion
from aver.gateway.upstream import CannotTell

__all__ = ["Answering"]

T = TypeVar("T")
_FINAL = (ContextOverflow, ContentFiltered, ProviderDenied, ProviderExhausted, ProviderPaused, RequestRejected)
"""Asked again, the same model would say the same."""
_OF_THE_REQUEST = (ContextOverflow, ContentFiltered, CannotTell)
"""Nothing is wrong with the provider."""
_WHY = {
    "price": "nobody knows a price of",
    "region": "another region is that of",
    "capability": "the request needs what is lacking in",
    "context": "the request is too long for",
    "breaker": "too many calls failed at",
    "classification": "what is in the request is too confidential for the providers of",
    "residency": "what is in the request may not go to the region of",
}
"""Why a model is skipped, before the names of those that are."""
_NAMED = 5
"""So many names are enough in a sentence."""
_PRICE = "Write price: {input: ..., output: ...} on the model in the bundle."


class Answering:
    """One call's way through its models. ``fallback`` names those to ask after a class of failure."""

    def __init__(
        self,
        conduct: Conduct,
        route: Route,
        models: tuple[str, ...],
        fallback: Callable[[ErrorClass], tuple[str, ...]],
        retries: RetryBudget,
        hedges: HedgeBudget,
        draw: Callable[[], float],
    ) -> None:
        self.conduct = conduct
        self.route = route
        self.models = models
        self.retries = retries
        self._fallback = fallback
        self._hedges = hedges
        self._draw = draw
        self._asked: list[str] = []

    async def complete(self) -> Completion:
        """A whole reply. Raises the error of whoever failed last in a way that tells most."""
        if self.route.cascade is not None:
            return await self._cascade(self._whole)
        return await self.anyone(self._whole)

    async def anyone(self, ask: Callable[[str, Role, bool], Coroutine[Any, Any, T]]) -> T:
        """What ``ask`` gives for the first model that gives anything. It is told the model, its role, and whether others are left."""
        return await self._anyone(ask, self.models)

    async def open(self) -> Flow | Completion:
        """A stream, begun; or a whole reply, when it had to be looked at before it could be shown."""
        if self.route.cascade is not None:
            return await self._cascade(self._flow)
        return await self.anyone(self._flow)

    def _whole(self, name: str, role: Role, more: bool) -> Coroutine[Any, Any, Completion]:
        return whole(self.conduct, self.conduct.deployments[name], role, shared=more)

    def _flow(self, name: str, role: Role, more: bool) -> Coroutine[Any, Any, Flow]:
        return flow(self.conduct, self.conduct.deployments[name], role, shared=more)

    async def _anyone(
        self, ask: Callable[[str, Role, bool], Coroutine[Any, Any, T]], models: tuple[str, ...], role: Role = "first"
    ) -> T:
        waiting = list(models)
        error: AverError | None = None
        while waiting:
            name = waiting.pop(0)
            if error is not None:
                if self.conduct.is_over:
                    break
                if not self._may_ask(name, error):
                    continue
            self._asked.append(name)
            try:
                return await self._persistently(ask, name, role, waiting)
            except RequestRejected as rejected:
                if not isinstance(rejected, CannotTell):
                    raise
                error = error or rejected
                waiting = [each for each in waiting if each not in self._asked]
            except (ProviderError, Overloaded, Stopped) as failure:
                error = failure if error is None or not isinstance(failure, ProviderPaused) else error
                waiting = [each for each in self._fallback(_class_of(failure)) if each not in self._asked]
            role = "fallback"
        raise error or self._nobody()

    def _nobody(self) -> Unavailable:
        """Why none was asked, by reason."""
        skipped: dict[str, list[str]] = {}
        for each in self.conduct.record.candidates:
            skipped.setdefault(each.skipped, []).append(each.model)
        why = [f"{_WHY[reason]} {', '.join(names[:_NAMED])}" for reason, names in skipped.items() if reason in _WHY]
        step = _PRICE if "price" in skipped else "See their regions and capabilities in the bundle."
        if {"classification", "residency"} & skipped.keys():
            raised = ", ".join(self.conduct.record.label["raised_by"][:_NAMED])
            step = f"Its label was raised by {raised}: leave that out, or declare a provider whose clearance and region allow it."
        return Unavailable(
            f"None of the models of {self.route.name} can be asked: {'; '.join(why) or 'it has none'}", step
        )

    def _may_ask(self, name: str, error: AverError) -> bool:
        """A provider that failed in this call is asked again, under another model's name, only as retries are: else an outage would
        meet every call once a model."""
        provider = self.conduct.deployments[name].provider.name
        if isinstance(error, _OF_THE_REQUEST) or provider not in self.conduct.failed:
            return True
        return self.retries.withdraw()

    async def _persistently(
        self, ask: Callable[[str, Role, bool], Coroutine[Any, Any, T]], name: str, role: Role, others: list[str]
    ) -> T:
        """One model, as often as is fair."""
        retries, conduct = self.route.retries, self.conduct
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._hedged(ask, name, role, others)
            except _FINAL:
                raise
            except ProviderError as error:
                if attempt >= retries.attempts or (others and isinstance(error, ProviderTimeout)):
                    raise
                wait = wait_before(retries, attempt, error, self._draw)
                if wait is None or conduct.now() + wait >= conduct.ends or not self.retries.withdraw():
                    raise
                await asyncio.sleep(wait)
                role = "retry"

    def _hedged(
        self, ask: Callable[[str, Role, bool], Coroutine[Any, Any, T]], name: str, role: Role, others: list[str]
    ) -> Awaitable[T]:
        """``name`` is asked, and somebody else too when it is late and the route hedges."""
        hedge, deployment = self.route.hedge, self.conduct.deployments[name]
        asking = ask(name, role, bool(others))
        if hedge is None or not others:
            return asking
        late = delay(hedge, deployment.first if self.conduct.record.streamed else deployment.whole)
        if late is None:
            return asking
        share = hedge.spend
        return raced(asking, late, lambda: self._hedge(ask, others, share), _left)

    def _hedge(
        self, ask: Callable[[str, Role, bool], Coroutine[Any, Any, T]], others: list[str], share: float
    ) -> Coroutine[Any, Any, T] | None:
        now = self.conduct.now()
        name = next((each for each in others if self._is_ready(self.conduct.deployments[each], now)), None)
        if name is None or not self._hedges.allows(share):
            return None
        self._asked.append(name)

        async def hedging() -> T:
            self._hedges.begin()
            try:
                return await ask(name, "hedge", False)
            finally:
                self._hedges.end()

        return hedging()

    def _is_ready(self, deployment: Deployment, now: float) -> bool:
        return not deployment.breaker.is_open(now) and deployment.bulkhead.free

    async def _cascade(self, ask: Callable[[str, Role, bool], Coroutine[Any, Any, T]]) -> T | Completion:
        """The cheap first; an answer that fails its checks, or does not come, is asked of the next. The last is not checked."""
        cascade = self.route.cascade
        assert cascade is not None
        for index, name in enumerate(self.models[:-1]):
            try:
                completion = await self._whole(name, "escalation" if index else "first", True)
            except RequestRejected as rejected:
                if not isinstance(rejected, CannotTell):
                    raise
            except (ProviderError, Overloaded, Stopped):
                pass
            else:
                check = failed(cascade.checks, completion, lambda: self.conduct.call.chat)
                self.conduct.record.attempts[-1].checked = True
                if not check:
                    return completion
                self.conduct.record.attempts[-1].outcome = f"failed:{check}"
            self._asked.append(name)
        return await self._anyone(ask, self.models[-1:], "escalation" if self._asked else "first")


def _left(outcome: object) -> None:
    if isinstance(outcome, Flow):
        outcome.leave(asyncio.CancelledError())


def _class_of(error: AverError) -> ErrorClass:
    if isinstance(error, ContextOverflow):
        return "context_window"
    if isinstance(error, ContentFiltered):
        return "content_filter"
    if isinstance(error, ProviderThrottled | ProviderExhausted | Overloaded):
        return "rate_limit"
    return "outage"
