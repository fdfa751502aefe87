"""One call for several callers who ask the same at the same time: who may share it, and what each of them has on record."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Hashable
from dataclasses import replace
from typing import Generic, TypeVar

import orjson

from aver.core.ids import new_id
from aver.gateway.budgets.types import Amount, Reservation, Spender
from aver.gateway.calling.desk import Desk
from aver.gateway.calling.handling import Handling, Means
from aver.gateway.calls import Call, CallRecord, outcome_of
from aver.gateway.config.types import GatewayConfig
from aver.gateway.saving.coalesce import Shared
from aver.gateway.types import Usage

__all__ = ["SharedCall", "Sharer", "sharing_key"]

T = TypeVar("T")


def sharing_key(config: GatewayConfig, call: Call, *, streamed: bool) -> Hashable | None:
    """What has to be equal before two calls under way may be one; ``None`` where the route, the caller or the request want a call of
    its own. Whatever a budget or a permission is looked up by is part of it."""
    route = config.routes.get(call.model)
    if route is None or call.no_store or not _may_share(route.cache.coalesce, call):
        return None
    try:
        # Keys stay in their order: in a schema it can matter to a model.
        letters = orjson.dumps(call.chat if call.body is None else call.body)
    except TypeError:  # a lone surrogate, a number out of range
        return None
    digest = hashlib.sha256(letters).digest()
    who = (call.principal, call.key, call.feature, call.release, call.documents, frozenset(call.labels.items()))
    return (*who, config.digest, call.model, call.family, streamed, digest)


def _may_share(policy: str, call: Call) -> bool:
    if policy != "deterministic":
        return policy == "always"
    if call.body is None:
        return call.chat.temperature == 0 or call.chat.seed is not None
    return call.body.get("temperature") == 0 or call.body.get("seed") is not None


class SharedCall(Shared[T]):
    """The call that is made for all: planned, reserved, asked and settled once, whoever leaves. When it has ended its record waits for
    the first of its callers who is done too, whose own it becomes; the last to leave waits for its end, so that there is always one."""

    def __init__(
        self,
        means: Means,
        desk: Desk,
        call: Call,
        tell: Callable[[Handling], AsyncGenerator[T]],
        *,
        streamed: bool,
    ) -> None:
        self.id = new_id("share")
        self.callers = 0
        """All there ever were."""
        # It is counted with the caller whose record it becomes.
        self.handling = Handling(replace(means, counts=None), desk, replace(call, sink=self._take), streamed=streamed)
        self._record: CallRecord | None = None
        super().__init__(tell(self.handling))

    def give(self) -> CallRecord | None:
        """The record, to the first who asks once there is one."""
        record, self._record = self._record, None
        return record

    def _take(self, _call: Call, record: CallRecord) -> None:
        self._record = record


class Sharer(Generic[T]):
    """One caller of a shared call: :meth:`admit`, :meth:`read`, and :meth:`end`, whatever happened."""

    __slots__ = ("_began", "_call", "_has_joined", "_means", "_place", "_reservation", "_shared", "record")

    def __init__(self, means: Means, desk: Desk, call: Call, shared: SharedCall[T], *, streamed: bool) -> None:
        call.config = desk.config.digest
        self._means = means
        self._call = call
        self._shared = shared
        self._began = means.now()
        self._place = 0
        self._reservation: Reservation | None = None
        self._has_joined = not shared.callers
        shared.callers += 1
        self.record = call.begin_record(desk.prices, draw=0.0, streamed=streamed)
        self.record.route = call.model

    @property
    def handling(self) -> Handling:
        return self._shared.handling

    async def admit(self) -> None:
        """One more request in every budget that counts them; the first caller's is the call's own. Raises
        :class:`~aver.core.errors.LimitReached`, and :class:`~aver.core.errors.Stopped`."""
        if self._has_joined:
            return
        call, means = self._call, self._means
        if means.halt is not None:
            await means.halt(call, call.model)
        budgets = means.budgets(call.principal.tenant) if means.budgets is not None else None
        spender = Spender(call.principal, call.key, call.feature, route=call.model)  # no model is asked for it
        if budgets is not None:
            reservation = await budgets.reserve(spender, Amount(1))
            self._reservation = reservation if reservation.budgets else None
        self._has_joined = True

    async def begin(self) -> None:
        """Until there is something to read. Raises as :meth:`read` does."""
        await self._shared.read(0)

    async def read(self) -> T | None:
        """What comes next; ``None`` at the end. Raises what the call raised."""
        got = await self._shared.read(self._place)
        self._place += 1
        if self._place == 1:
            self.record.first_ms = self._ms()
        return got

    async def end(self, error: BaseException | None = None) -> None:
        """Leave the call, and hand over the record."""
        try:
            await self._shared.leave()
        finally:
            self._hand_over(error)

    def _hand_over(self, error: BaseException | None) -> None:
        shared, own = self._shared, self.record
        if self._reservation is not None:
            # A call that was refused before anybody was asked has used nothing, for none of its callers.
            self._reservation.settle(Amount(1 if shared.handling.has_room else 0))
            own.budgets = self._reservation.state()
        made = shared.give()
        if made is not None:
            made.id, made.traceparent = own.id, own.traceparent
            self.record = made
        else:
            own.ms, own.usage = self._ms(), Usage()
            own.finish = shared.handling.record.finish if error is None else None
        if shared.callers > 1 and (made is not None or self._has_joined):
            self.record.shared = shared.id
            if made is None:
                own.cache = "coalesced"
        self.record.error = outcome_of(error)
        self._means.hand_over(self._call, self.record)

    def _ms(self) -> float:
        return (self._means.now() - self._began) * 1000
