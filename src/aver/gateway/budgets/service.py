"""The budgets of one tenant: room is reserved before a call, from what this process was granted, and settled after it.

What holds, and what does not:

- In each window, what is settled and what is set aside never exceeds the limit together, over all threads and processes that share the
  store. Two exceptions, both stated by the caller: a call that settles more than it reserved is charged in full, and a limit may be
  lowered below what is spent; nothing more is given out then.
- A call that the limit has room for is refused only when other processes hold that room. Room that a process does not use for
  ``idle`` seconds (one, as set) goes back, and a call that lacks room which others hold without need waits a little longer than
  that and asks once more; a refusal is repeated without asking for at most ``idle`` seconds.
- A process that dies keeps what it held until the window ends: nobody can know what its calls cost. Status reports it as abandoned. It
  is what its calls had reserved and at most a second's use beyond, or a few calls' where it had only begun.
- Windows follow the clock. Set back, it leads into an earlier window again, whose spending is on record.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future
from math import inf
from operator import attrgetter

from aver.core.clock import Clock
from aver.core.errors import Unavailable
from aver.gateway.budgets.bank import Held
from aver.gateway.budgets.grants import MOST, GrantKey, GrantStore
from aver.gateway.budgets.keeper import Keeper
from aver.gateway.budgets.purse import Part, Purse
from aver.gateway.budgets.refusals import refusal
from aver.gateway.budgets.types import Amount, Reservation, Spender
from aver.gateway.budgets.windows import Window, window
from aver.gateway.config.types import Budget, GatewayConfig

__all__ = ["TenantBudgets"]

_VALUES = {
    "tenant": "principal.tenant",
    "key": "key",
    "user": "principal.user",
    "feature": "feature",
    "model": "model",
    "route": "route",
}


class _Slot:
    """A declared budget, ready to be looked up in: its current window and that window's purses by value."""

    __slots__ = ("budget", "limit", "of", "purses", "value", "window")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.limit = max(0, min(budget.limit, MOST))
        self.of = budget.of
        self.value: Callable[[Spender], str] = attrgetter(_VALUES[budget.per])
        self.purses: dict[str, Purse] = {}
        self.window = Window("", inf, -inf, "")


class TenantBudgets:
    """Implements :class:`~aver.gateway.budgets.types.Budgets` for one tenant. ``config`` gives the configuration of the moment."""

    def __init__(
        self, store: GrantStore, config: Callable[[], GatewayConfig], clock: Clock, *, idle: float = 1.0
    ) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._idle = idle
        self._start()

    async def reserve(self, spender: Spender, worst: Amount) -> Reservation:
        if os.getpid() != self._process:
            self._start()
        bank = self._bank
        now = self._clock.now().timestamp()
        with bank.lock:
            if bank.closed:
                raise Unavailable("The budgets of this process are closed", "Send the request again.")
            parts: list[Part] = []
            lacking = False
            for slot in self._current():
                value = slot.value(spender)
                if not value or (slot.of and slot.of != value):
                    continue
                if not slot.window.start <= now < slot.window.end:
                    slot.window, slot.purses = window(slot.budget.period, now), {}
                purse = slot.purses.get(value) or self._purse(slot, value)
                amount = purse.of(worst)
                parts.append((purse, amount))
                lacking = lacking or 0 < amount > purse.free
            held = Held(bank, worst, parts)
            if not lacking:
                held.take(worst, parts)
                return held
            self._refuse_again(parts, now)
            future = self._keeper.fetch(held, worst, parts)
        try:
            await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.add_done_callback(lambda done: _give_back(done, held))
            raise
        return held

    async def close(self) -> None:
        await asyncio.to_thread(self._keeper.close)

    def _start(self) -> None:
        """Begin with nothing: at first, and in a process that was forked, which must not spend what its parent holds."""
        self._process = os.getpid()
        self._keeper = Keeper(self._store, self._clock, self._idle)
        self._bank = self._keeper.bank
        self._compiled: GatewayConfig | None = None
        self._slots: tuple[_Slot, ...] = ()

    def _current(self) -> tuple[_Slot, ...]:
        config = self._config()
        if config is not self._compiled:
            self._slots = tuple(_Slot(budget) for budget in config.budgets)
            self._compiled = config
            of_name = {slot.budget.name: slot for slot in self._slots}
            for purse in self._bank.purses.values():
                slot = of_name.get(purse.key.budget)
                if slot is not None and (slot.budget.unit, slot.budget.period) == (purse.key.unit, purse.budget.period):
                    purse.limit_to(slot.budget, slot.limit)
        return self._slots

    def _purse(self, slot: _Slot, value: str) -> Purse:
        key = GrantKey(slot.budget.name, slot.budget.unit, slot.window.name, f"{slot.budget.per}:{value}")
        purse = self._bank.purses.get(key)
        if purse is None:
            purse = self._bank.purses[key] = Purse(slot.budget, key, slot.window, slot.limit)
        slot.purses[value] = purse
        purse.home = slot.purses
        return purse

    def _refuse_again(self, parts: list[Part], now: float) -> None:
        """Raises what can be said without asking: more than the limit, or as much as was refused a moment ago."""
        at = self._clock.monotonic()
        for purse, amount in parts:
            known = amount > purse.limit or (purse.refused <= amount and at < purse.refused_until)
            if 0 < amount > purse.free and known:
                raise refusal(purse.budget, purse.window, asked=amount, left=purse.left, now=now)


def _give_back(done: Future[bool], held: Held) -> None:
    """The caller left while its room was fetched."""
    if not done.cancelled() and done.exception() is None:
        held.settle(Amount())
