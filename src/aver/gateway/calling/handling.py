"""One call from its plan to its record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from aver.core.errors import AverError, Unavailable
from aver.core.labels import ANYTHING, combined, raisers
from aver.gateway.budgets.types import Amount, Budgets, Spender
from aver.gateway.cache.types import Cache, Found
from aver.gateway.calling.account import Account
from aver.gateway.calling.answering import Answering
from aver.gateway.calling.attempting import Attempting, Conduct, Flow, flow, whole
from aver.gateway.calling.counts import CallCounts
from aver.gateway.calling.deployment import Deployment
from aver.gateway.calling.desk import Desk, Target
from aver.gateway.calling.features import Features, features
from aver.gateway.calling.telling import Telling
from aver.gateway.calls import Attempt, Call, CallRecord, Halt, Labels, Role, outcome_of
from aver.gateway.config.types import ErrorClass
from aver.gateway.routing.needs import needs
from aver.gateway.routing.types import Plan, Situation
from aver.gateway.types import Completion, Embedder, Mode, Usage

__all__ = ["Handling", "Means"]

T = TypeVar("T")
_NOWHERE = Found("off")
_DECLARED = "declared"
"""What raises a label that the tenant declares, of its documents or of everything."""
_MOST_RAISERS = 20
"""So many are on record of what makes a label as it is."""


@dataclass(frozen=True, slots=True)
class Means:
    """Whom all calls share. What is ``None`` is off."""

    budgets: Callable[[str], Budgets | None] | None
    caches: Callable[[str], Cache | None] | None
    embedder: Callable[[], Embedder] | None
    now: Callable[[], float]
    draw: Callable[[], float]
    counts: CallCounts | None = None
    halt: Halt | None = None
    labels: Labels | None = None

    def hand_over(self, call: Call, record: CallRecord) -> None:
        """The record of a call that has ended."""
        if self.counts is not None:
            self.counts.add(call.principal.tenant, record)
        call.sink(call, record)


class Handling:
    """Its methods in order: :meth:`plan`, :meth:`reserve`, :meth:`find`, one of those that answer, :meth:`keep`; and :meth:`end`, whatever
    happened."""

    __slots__ = (
        "_answering", "_cache", "_desk", "_found", "_means", "_plan", "_situation", "_target", "call", "conduct", "record",
    )  # fmt: skip

    _plan: Plan
    _target: Target
    _situation: Situation
    _answering: Answering
    conduct: Conduct

    def __init__(self, means: Means, desk: Desk, call: Call, *, streamed: bool) -> None:
        self._means = means
        self._desk = desk
        self._cache: Cache | None = None
        self._found = _NOWHERE
        self.call = call
        call.config = desk.config.digest
        self.record = call.begin_record(desk.prices, draw=means.draw(), streamed=streamed)

    async def plan(self, given: Features | None = None) -> None:
        """Whom to ask. Raises :class:`~aver.core.errors.NotFound`, and :class:`~aver.core.errors.Unavailable` when it is nobody, or when the
        call is stopped by a switch."""
        means, desk, call, record = self._means, self._desk, self.call, self.record
        if means.halt is not None:
            await means.halt(call, call.model)
        began = means.now()
        target = self._target = desk.target(call.model)
        prompt: Mapping[str, str] = {}
        if desk.router.learns and given is None:
            prompt = await desk.router.prepare(call.model, lambda: _question(call))
        asked = given or features(call)
        bounds = desk.bounds(target, asked)
        account = Account(record, desk.priced, asked.read_most, bounds)
        self._situation = Situation(
            call.principal.tenant,
            call.principal.user,
            record.draw,
            asked.read_most,
            asked.max_tokens or 0,
            needs(call) if getattr(desk.router, "reads_needs", True) else frozenset(),
            desk.states(target, account, began),
            lambda: _question(call),
            await self._barred(target),
        )
        plan = self._plan = desk.plan(call.model, self._situation)
        record.route, record.strategy = plan.route.name, plan.route.strategy
        record.candidates, record.inputs = list(plan.ranked), dict(plan.inputs)
        if prompt:
            record.inputs["prompt"] = prompt
        models = plan.models
        ends = began + max((desk.deployments[name].provider.timeouts.total for name in models), default=0.0)
        self.conduct = Conduct(call, record, account, desk.deployments, asked, means.now, began, ends, {}, means.halt)
        target.retries.deposit()
        # Nothing that a call leaves refers to itself, so that it is freed when it ends and not when garbage is next looked for.
        fallback = partial(_fallback, desk, call.model, plan, self._situation)
        self._answering = Answering(
            self.conduct, plan.route, models, fallback, target.retries, target.hedges, means.draw
        )

    async def _barred(self, target: Target) -> Mapping[str, str]:
        """The models that may not be given what is in the call, and why. What answers within this process may be given anything."""
        own = await self._means.labels(self.call) if self._means.labels is not None else ANYTHING
        given = self.call.labels
        label = combined((own, *given.values())) if given else own
        if label == ANYTHING:
            return {}
        raised = raisers({_DECLARED: own, **given})
        self.record.label = {**label.plain(), "raised_by": raised[:_MOST_RAISERS]}
        models = {each.model.name: each.model for each in target.deployments}
        declared, barred = self._desk.config, dict[str, str]()
        for name in models.keys() & declared.models.keys():
            model = declared.models[name]
            provider = declared.providers[model.provider]
            why = label.refuses(provider.clearance, model.region or provider.region)
            if why:
                barred[name] = why
        return barred

    async def reserve(self) -> None:
        """Room for the worst case in every budget that applies. Raises :class:`~aver.core.errors.LimitReached`."""
        call, means, account = self.call, self._means, self.conduct.account
        budgets = means.budgets(call.principal.tenant) if means.budgets is not None else None
        if budgets is None:
            return
        spender = Spender(
            call.principal, call.key, call.feature, next(iter(self._plan.models), ""), self._plan.route.name
        )
        worst = [account.worst(each.model) for each in self._target.deployments]
        most = Amount(1, max(each.tokens for each in worst), max(each.nano_usd for each in worst))
        reservation = await budgets.reserve(spender, most)
        applying = reservation.budgets
        if not applying:
            return
        account.reservation = reservation
        if any(budget.unit != "requests" for budget in applying):
            self.conduct.forced = self._desk.forced(self._target, self.conduct.features)

    async def find(self) -> Completion | None:
        """An answer that was given before. A cache that fails is as good as an empty one, and so is an answer of a model that is stopped."""
        policy, means, caches = self._plan.route.cache, self._means, self._means.caches
        if caches is None or not (policy.exact or policy.semantic):
            return None
        self._cache = caches(self.call.principal.tenant)
        if self._cache is None:
            return None
        try:
            self._found = await self._cache.find(self.call, self.record.route, policy)
            if self._found.completion is not None and means.halt is not None:
                await means.halt(self.call, self._found.completion.model)
        except AverError:
            self._found = Found("miss")
        self.record.cache = self._found.verdict
        if self._found.verdict == "shadowed":
            return None
        return self._found.completion

    @property
    def keeps(self) -> bool:
        """Whether the answer is wanted whole, to be kept."""
        return self._cache is not None and self.record.cache in ("miss", "shadowed", "refused")

    async def keep(self, completion: Completion) -> None:
        if self._cache is None or not self.keeps:
            return
        policy, found = self._plan.route.cache, self._found
        try:
            if found.verdict == "shadowed":
                await self._cache.compare(self.call, self.record.route, found.entry, completion)
            await self._cache.keep(self.call, self.record.route, policy, completion)
        except AverError:
            return

    async def complete(self) -> Completion:
        """A whole reply."""
        await self._shorten()
        try:
            return await self._answering.complete()
        except Unavailable:
            last = self._last_resort()
            if last is None:
                raise
            return await whole(self.conduct, last, "last_resort", shared=False)

    async def open(self) -> Telling | Completion:
        """A stream, begun."""
        await self._shorten()
        try:
            begun = await self._answering.open()
        except Unavailable:
            last = self._last_resort()
            if last is None:
                raise
            begun = await flow(self.conduct, last, "last_resort", shared=False)
        return Telling(self._answering, begun) if isinstance(begun, Flow) else begun

    async def ask(self, what: Callable[[Attempting], Coroutine[Any, Any, tuple[T, Usage | None]]]) -> T:
        """What ``what`` gets of the first model that gives anything, with what that used."""

        async def one(name: str, role: Role, more: bool) -> T:  # noqa: ARG001 - whole replies leave no time to others
            attempting = Attempting(self.conduct, self.conduct.deployments[name], role)
            await attempting.start()
            try:
                got, usage = await what(attempting)
            except BaseException as error:
                attempting.fail(error)
                raise
            attempting.succeed(usage, streamed=False)
            return got

        return await self._answering.anyone(one)

    def end(self, error: BaseException | None = None) -> None:
        """The call is over: settle what it cost, and hand over its record."""
        record = self.record
        record.error = outcome_of(error)
        conduct = getattr(self, "conduct", None)
        if conduct is not None:
            conduct.account.settle(known=self._is_priced())
            record.ms = conduct.ms()
            attempts = record.attempts
            answered = next((each for each in reversed(attempts) if each.outcome == "ok"), None)
            if answered is not None:
                record.finish = record.finish or answered.finish
            record.first_ms = next((each.first_ms for each in attempts if each.first_ms), 0.0)
            if self._plan.route.hedge is not None:
                self._target.hedges.add(*_hedged(attempts))
        self._means.hand_over(self.call, record)

    @property
    def has_room(self) -> bool:
        """Whether room for it was found in the budgets that apply, if any do."""
        conduct = getattr(self, "conduct", None)
        return conduct is not None and conduct.account.reservation is not None

    @property
    def mode(self) -> Mode:
        """Of whoever answers, or answered last."""
        attempts = self.record.attempts
        return self.conduct.deployments[attempts[-1].model].upstream.mode if attempts else "generated"

    def _is_priced(self) -> bool:
        deployments, account = self.conduct.deployments, self.conduct.account
        return all(
            account.priced(deployments[each.model].model).price is not None
            for each in self.record.attempts
            if each.usage is not None
        )

    def _last_resort(self) -> Deployment | None:
        """The model that needs no provider, when it may answer and there is something that it could answer from."""
        last, call = self._desk.last_resort, self.call
        if last is None or not self._plan.route.last_resort or call.body is not None or not call.chat.passages:
            return None
        return None if any(each.model == last.model.name for each in self.record.attempts) else last

    async def _shorten(self) -> None:
        """Leave out of a long prompt what the route allows."""
        share, embedder = self._plan.route.compress, self._means.embedder
        if share and embedder is not None:
            from aver.gateway.saving.compress import compress

            chat, saved = await asyncio.to_thread(lambda: compress(self.call.chat, share, embedder()))
            if saved.sentences:
                self.conduct.chat = chat
                self.record.inputs["left_out"] = {"sentences": saved.sentences, "share": round(saved.share, 4)}


def _question(call: Call) -> str:
    """What the assistant was asked, without its passages; else the last message of the user."""
    chat = call.chat
    return chat.question or next((message.text for message in reversed(chat.messages) if message.role == "user"), "")


def _hedged(attempts: list[Attempt]) -> tuple[int, int]:
    """What a call cost, and how much of it went to whoever lost a race."""
    costs = [(each.nano_usd or _tokens(each.usage), each.outcome) for each in attempts]
    raced = any(each.role == "hedge" for each in attempts)
    return sum(cost for cost, _ in costs), sum(cost for cost, outcome in costs if raced and outcome != "ok")


def _tokens(usage: Usage | None) -> int:
    return usage.input_tokens + usage.output_tokens if usage is not None else 0


def _fallback(desk: Desk, model: str, plan: Plan, situation: Situation, error: ErrorClass) -> tuple[str, ...]:
    return () if model in desk.builtin else desk.router.fallback(plan, error, situation)
