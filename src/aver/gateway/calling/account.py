"""What one call may use, and what it has used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from aver.core.errors import BudgetExceeded
from aver.gateway.budgets.types import Amount, Reservation
from aver.gateway.calls import Attempt, CallRecord
from aver.gateway.config.types import Model
from aver.gateway.prices.types import Price
from aver.gateway.types import Usage

__all__ = ["Account", "Priced"]

_CHARACTERS_PER_TOKEN = 6
"""More than prose has on average: who wrote this many times the tokens they may was not held to the bound that was sent."""


_ENDLESS = 1 << 62


class Priced(NamedTuple):
    """What a model costs. Without a price its calls are ``counted`` at the highest known one, or not at all where nobody keeps prices."""

    price: Price | None
    counted: bool = False

    def worst(self, input_tokens: int, output_tokens: int) -> int:
        return self.price.worst(input_tokens, output_tokens) if self.price is not None else 0


class Account:
    """Invariant: what is settled and what attempts under way can still use never exceed what is reserved, unless a provider uses more
    than it was allowed. Without a reservation it only adds up."""

    __slots__ = ("_committed", "_price", "_priced", "_record", "_used", "_worst", "bounds", "read_most", "reservation")

    def __init__(
        self, record: CallRecord, price: Callable[[Model], Priced], read_most: int, bounds: Mapping[str, int]
    ) -> None:
        """``bounds`` are the most output tokens of each model. Each model is asked for its ``price`` once, so that it does not change
        while the call is under way."""
        self._record = record
        self._price = price
        self._priced: dict[str, Priced] = {}
        self._worst: dict[str, Amount] = {}
        self.read_most = read_most
        self.bounds = bounds
        self.reservation: Reservation | None = None
        self._used = Amount(1)
        self._committed = Amount()

    def priced(self, model: Model) -> Priced:
        priced = self._priced.get(model.name)
        if priced is None:
            priced = self._priced[model.name] = self._price(model)
        return priced

    def worst(self, model: Model) -> Amount:
        """Of one attempt. What has no bound answers within this process, for nothing."""
        worst = self._worst.get(model.name)
        if worst is None:
            output = self.bounds.get(model.name)
            if output is None:
                return _NOTHING
            worst = Amount(0, self.read_most + output, self.priced(model).worst(self.read_most, output))
            self._worst[model.name] = worst
        return worst

    async def commit(self, model: Model) -> Amount:
        """Room for one more attempt. Raises :class:`~aver.core.errors.BudgetExceeded`."""
        if self.reservation is None:
            return _NOTHING
        worst = self.worst(model)
        await self._need(worst)
        self._committed = _sum(self._committed, worst)
        return worst

    async def extend(self, committed: Amount, more: int, model: Model) -> Amount:
        """Room for ``more`` output tokens of an attempt under way. Raises :class:`~aver.core.errors.BudgetExceeded`."""
        worst = Amount(0, more, self.priced(model).worst(0, more))
        await self._need(worst)
        self._committed = _sum(self._committed, worst)
        return _sum(committed, worst)

    def characters(self, model: Model) -> int:
        """Of output, from which on an attempt has used what was reserved for it."""
        bound = self.bounds.get(model.name)
        return bound * _CHARACTERS_PER_TOKEN if bound is not None and self.reservation is not None else _ENDLESS

    def charge(self, attempt: Attempt, model: Model, usage: Usage | None, committed: Amount) -> None:
        """An attempt ended, having used ``usage``."""
        if committed is not _NOTHING:
            self._committed = _minus(self._committed, committed)
        if usage is None:
            return
        priced = self.priced(model)
        if priced.price is not None:
            attempt.nano_usd = priced.price.cost(usage)
            self._record.unpriced = self._record.unpriced or priced.counted
        attempt.usage = usage
        self._used = Amount(
            self._used.requests,
            self._used.tokens + usage.input_tokens + usage.output_tokens,
            self._used.nano_usd + attempt.nano_usd,
        )

    def settle(self, known: bool) -> None:
        """The call is over; the record takes its sums. ``known`` is whether anybody keeps prices."""
        record = self._record
        used = [each.usage for each in record.attempts if each.usage is not None]
        total = used[0] if len(used) == 1 else sum(used, Usage())
        nano_usd = sum(attempt.nano_usd for attempt in record.attempts)
        cost = nano_usd / 1e9 if known and not record.unpriced else None
        record.usage = replace(total, cost_usd=cost)
        record.nano_usd = nano_usd
        if self.reservation is not None:
            self.reservation.settle(Amount(1, total.input_tokens + total.output_tokens, nano_usd))
            record.budgets = self.reservation.state()

    async def _need(self, more: Amount) -> None:
        reservation = self.reservation
        if reservation is None:
            return
        have, due = reservation.amount, _sum(_sum(self._used, self._committed), more)
        short = Amount(0, max(0, due.tokens - have.tokens), max(0, due.nano_usd - have.nano_usd))
        if (short.tokens or short.nano_usd) and not await reservation.extend(short):
            raise BudgetExceeded(
                "The budget has no room for going on with this call", "Ask for less at once, or raise the budget."
            )


_NOTHING = Amount()


def _sum(one: Amount, other: Amount) -> Amount:
    return Amount(one.requests + other.requests, one.tokens + other.tokens, one.nano_usd + other.nano_usd)


def _minus(one: Amount, other: Amount) -> Amount:
    return Amount(one.requests - other.requests, one.tokens - other.tokens, one.nano_usd - other.nano_usd)
