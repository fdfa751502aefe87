"""The one thread of a process that talks to the store: it fetches room for calls that wait, and gives back what is not needed.

Calls that find no room in memory are collected while an exchange is under way, and the next one fetches room for all of them. The
thread ends when nothing is held.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count

from aver.core.clock import Clock
from aver.core.errors import AverError, Unavailable
from aver.core.ids import new_id
from aver.gateway.budgets.bank import Bank, Held, short
from aver.gateway.budgets.grants import GrantStore, Line
from aver.gateway.budgets.purse import Part, Purse
from aver.gateway.budgets.refusals import refusal
from aver.gateway.budgets.types import Amount

__all__ = ["HEARTBEAT", "Keeper"]

HEARTBEAT = 30.0
"""Seconds after which the store hears of a holder that holds something, even if nothing changed."""
_LOOKS = 4
"""How often within ``idle`` it looks for what to give back."""
_PATIENCE = 1.75
"""How many times ``idle`` a call waits for others to give back: they notice use, and its end, up to a look late."""
_LINES = 64
"""At most so many purses are tidied in one exchange, so that calls do not wait for it long."""


@dataclass(slots=True, eq=False)
class _Ask:
    """A call, or an extension of one, that waits for room."""

    held: Held
    amount: Amount
    parts: list[Part]
    extends: bool
    future: Future[bool] = field(default_factory=Future)
    due: float = 0.0
    """When to try once more after waiting for others; 0 before that."""


class Keeper:
    """Keeps a bank's purses filled. ``idle`` is how many seconds room may lie unused before it is given back."""

    def __init__(self, store: GrantStore, clock: Clock, idle: float) -> None:
        self.bank = Bank(self._extend, self._wake)
        self.idle = idle
        self._store = store
        self._clock = clock
        self._holder = new_id("holder")
        self._seq = count(1)
        self._asks: list[_Ask] = []
        self._again: list[_Ask] = []
        self._leaving: list[Line] = []
        """Said again, word for word and before anything else of their keys, until the store has answered."""
        self._looked = 0.0
        self._hurry = False
        self._thread: threading.Thread | None = None

    def fetch(self, held: Held, amount: Amount, parts: list[Part]) -> Future[bool]:
        """Room for a new reservation. Raises, in the future, what :func:`refusal` says or the store's fault.

        Called under the lock under which the purses were found, so that none of them is given up in between.
        """
        return self._ask(_Ask(held, amount, parts, extends=False))

    def close(self) -> None:
        """Give back all that no call under way needs; what those settle later is still told to the store."""
        with self.bank.lock:
            self.bank.closed = True
            if self.bank.purses or self._leaving:
                self._wake()
            thread = self._thread
        if thread is not None:
            thread.join()
        with self.bank.lock:
            told = self._all_told()
        if not told:
            raise Unavailable(
                "What this process held of the budgets could not be given back",
                "It counts as spent until its period ends.",
            )

    def _extend(self, held: Held, amount: Amount, parts: list[Part]) -> Future[bool]:
        return self._ask(_Ask(held, amount, parts, extends=True))

    def _ask(self, ask: _Ask) -> Future[bool]:
        self._asks.append(ask)
        self._wake()
        return ask.future

    def _wake(self) -> None:
        self._hurry = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="aver-budgets", daemon=True)
            self._thread.start()
        self.bank.changed.notify()

    def _work(self) -> None:
        bank = self.bank
        while True:
            with bank.lock:
                if not self._hurry:
                    bank.changed.wait(self._pause())
                self._hurry = False
                at = self._clock.monotonic()
                asks = [ask for ask in self._asks if ask.future.set_running_or_notify_cancel()]
                self._asks = []
                asks += [ask for ask in self._again if ask.due <= at]
                self._again = [ask for ask in self._again if ask.due > at]
            failed = False
            try:
                self._round(asks, at)
            except BaseException as error:  # noqa: BLE001 - it is the waiting calls' to handle, and the thread must go on
                failed = True
                for ask in asks:
                    if not ask.future.done():
                        ask.future.set_exception(error)
            with bank.lock:
                if not (self._hurry or self._asks or self._again) and (
                    not (bank.purses or self._leaving) or (bank.closed and (failed or self._all_told()))
                ):
                    self._thread = None
                    return

    def _all_told(self) -> bool:
        return not self._leaving and not any(purse.dirty for purse in self.bank.purses.values())

    def _pause(self) -> float:
        at = self._clock.monotonic()
        return max(0.001, min([self.idle / _LOOKS, *(ask.due - at for ask in self._again)]))

    def _round(self, asks: list[_Ask], at: float) -> None:
        """One exchange for all that is to be said."""
        now = self._clock.now()
        done: list[tuple[_Ask, AverError | bool]] = []
        with self.bank.lock:
            asks = self._serve(asks, done)
            purses, lines = self._short_lines(asks)
            if self.bank.closed or at - self._looked >= self.idle / _LOOKS:
                self._looked = at
                self._tidy_lines(now.timestamp(), at, purses, lines)
            leaving = self._leaving[:]
        _tell(done)
        if not (leaving or lines):
            return
        try:
            answers = self._store.exchange(self._holder, leaving + lines, now)
        except BaseException:
            with self.bank.lock:
                for purse in purses:  # the store may have heard or not: all is to be said again, as it is then
                    purse.dirty = True
            raise
        del answers[: len(leaving)]
        done = []
        with self.bank.lock:
            self._leaving = []
            for purse, answer in zip(purses, answers, strict=True):
                purse.heard(answer, at)
            for ask in self._serve(asks, done):
                self._refuse(ask, now.timestamp(), at, done)
        _tell(done)

    def _serve(self, asks: list[_Ask], done: list[tuple[_Ask, AverError | bool]]) -> list[_Ask]:
        """Gives room to those it suffices for, in their order; the others are returned."""
        waiting = []
        for ask in asks:
            if ask.extends and ask.held.settled:
                done.append((ask, False))
            elif short(ask.parts) is None:
                ask.held.take(ask.amount, ask.parts)
                done.append((ask, True))
            else:
                waiting.append(ask)
        return waiting

    def _refuse(self, ask: _Ask, now: float, at: float, done: list[tuple[_Ask, AverError | bool]]) -> None:
        """Another try where nobody holds the room, or others hold it without need; else the refusal."""
        parts = [(purse, amount) for purse, amount in ask.parts if 0 < amount > purse.free]
        if not self.bank.closed and all(p.left >= amount for p, amount in parts):
            self._again.append(ask)  # calls of this process took what it counted on while room was fetched
            self._hurry = True
            return
        if not ask.due and not self.bank.closed and all(p.left + p.idle >= amount for p, amount in parts):
            ask.due = at + _PATIENCE * self.idle
            self._again.append(ask)
            return
        purse, amount = parts[0]
        purse.refused, purse.refused_until = amount, at + self.idle
        error = refusal(purse.budget, purse.window, asked=amount, left=purse.left, now=now)
        done.append((ask, False if ask.extends else error))

    def _short_lines(self, asks: list[_Ask]) -> tuple[list[Purse], list[Line]]:
        """What the waiting calls lack, purse by purse."""
        needs: dict[Purse, list[int]] = {}
        for ask in asks:
            for purse, amount in ask.parts:
                needs.setdefault(purse, []).append(amount)
        purses, lines = [], []
        for purse, amounts in needs.items():
            lacking = [amount - purse.free for amount in amounts if amount > purse.free]
            need = sum(amounts) - purse.free
            if lacking and need > 0:
                purses.append(purse)
                lines.append(purse.line(next(self._seq), need=need, least=max(1, min(lacking))))
        return purses, lines

    def _tidy_lines(self, now: float, at: float, purses: list[Purse], lines: list[Line]) -> None:
        """Returns of room that is not needed, and what the store has not heard."""
        busy = set(purses)
        busy.update(purse for ask in (*self._asks, *self._again) for purse, _ in ask.parts)
        for purse in list(self.bank.purses.values()):
            keep = self._keep(purse, now, at)
            purse.paced, purse.asked = purse.asked, 0
            if purse in busy or (len(lines) >= _LINES and not self.bank.closed):
                continue
            silent = at - purse.told_at
            if keep == 0 and not purse.calls:
                del self.bank.purses[purse.key]
                purse.give_up()
                if purse.opened or purse.dirty:
                    self._leaving.append(purse.line(next(self._seq), keep=0, leave=True))
            elif (
                (keep is not None and purse.spare > keep)
                or (purse.dirty and (self.bank.closed or silent >= 2 * self.idle or purse.spare < 0))
                or (purse.opened and silent >= HEARTBEAT)
            ):
                purses.append(purse)
                lines.append(purse.line(next(self._seq), keep=keep))

    def _keep(self, purse: Purse, now: float, at: float) -> int | None:
        """How much free room a purse needs: twice what it used lately, nothing when it is idle, any while that is not sure."""
        if self.bank.closed or not purse.window.start <= now < purse.window.end:
            return 0
        if purse.asked:
            purse.used_at = at
            return 2 * (purse.asked + purse.paced)
        return 0 if at - purse.used_at >= self.idle else None


def _tell(done: list[tuple[_Ask, AverError | bool]]) -> None:
    """Outside the lock: a result may run a callback that wants it."""
    for ask, outcome in done:
        if isinstance(outcome, AverError):
            ask.future.set_exception(outcome)
        else:
            ask.future.set_result(outcome)
