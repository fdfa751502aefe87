"""All purses of a process, and the reservations made from them: the part of a budget that waits for nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from aver.gateway.budgets.grants import GrantKey
from aver.gateway.budgets.purse import Part, Purse
from aver.gateway.budgets.types import Amount
from aver.gateway.config.types import Budget

__all__ = ["Bank", "Held"]


class Bank:
    """Purses under one lock. ``changed`` wakes their keeper, who also answers ``seek``, which is called under the lock."""

    def __init__(self, seek: Callable[[Held, Amount, list[Part]], Future[bool]], wake: Callable[[], None]) -> None:
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.purses: dict[GrantKey, Purse] = {}
        self.closed = False
        self.seek = seek
        self.wake = wake
        """Makes the keeper look at once, and work again if it had ended. Called under the lock."""


def short(parts: list[Part]) -> Part | None:
    """The first part that its purse has no room for. A part of nothing always has room."""
    for part in parts:
        if 0 < part[1] > part[0].free:
            return part
    return None


class Held:
    """A reservation. It exists before it holds anything: :meth:`take` is called when there is room for all of it."""

    __slots__ = ("_bank", "_left", "_parts", "_used", "amount")

    def __init__(self, bank: Bank, amount: Amount, parts: list[Part]) -> None:
        self.amount = amount
        self._bank = bank
        self._parts = parts
        self._left: list[int] | None = None
        self._used: Amount | None = None

    @property
    def settled(self) -> bool:
        return self._used is not None

    @property
    def budgets(self) -> list[Budget]:
        return [purse.budget for purse, _ in self._parts]

    def take(self, amount: Amount, parts: list[Part]) -> None:
        """Under the lock, and only when no part is short."""
        first = self._left is None
        if first:
            self._left = [purse.left for purse, _ in parts]
        else:
            self.amount = _sum(self.amount, amount)
            self._parts = [(purse, had + more) for (purse, had), (_, more) in zip(self._parts, parts, strict=True)]
        for purse, more in parts:
            purse.reserved += more
            purse.asked += more
            purse.calls += first
            purse.dirty = True

    async def extend(self, more: Amount) -> bool:
        bank = self._bank
        with bank.lock:
            if self._used is not None:
                return False
            parts = [(purse, purse.of(more)) for purse, _ in self._parts]
            if short(parts) is None:
                self.take(more, parts)
                return True
            future = bank.seek(self, more, parts)
        return await asyncio.wrap_future(future)

    def settle(self, used: Amount) -> None:
        bank = self._bank
        with bank.lock:
            if self._used is not None:
                return
            self._used = used
            overdrawn = False
            for purse, amount in self._parts:
                purse.reserved -= amount
                purse.settled += purse.of(used)
                purse.calls -= 1
                purse.dirty = True
                overdrawn = overdrawn or purse.settled + purse.reserved > purse.granted
            if overdrawn or bank.closed:
                bank.wake()

    def state(self) -> list[dict[str, Any]]:
        left = self._left or [0] * len(self._parts)
        return [
            {
                "budget": purse.budget.name,
                "per": purse.budget.per,
                "unit": purse.budget.unit,
                "period": purse.budget.period,
                "limit": purse.limit,
                "left": before,
                "reserved": amount,
                "settled": None if self._used is None else purse.of(self._used),
            }
            for (purse, amount), before in zip(self._parts, left, strict=True)
        ]


def _sum(one: Amount, other: Amount) -> Amount:
    return Amount(one.requests + other.requests, one.tokens + other.tokens, one.nano_usd + other.nano_usd)
