"""Asking a second model when the first is later than usual."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aver.gateway.calling.latency import Latency
from aver.gateway.config.types import Hedge

__all__ = ["HedgeBudget", "delay", "raced"]

T = TypeVar("T")


class HedgeBudget:
    """What hedges of one route may cost: a share of all that the route costs. Amounts are nano-dollars, or tokens where nothing has a
    price."""

    __slots__ = ("_calls", "_hedged", "_pending", "_spent")

    def __init__(self) -> None:
        self._calls = self._spent = self._hedged = self._pending = 0

    def allows(self, share: float) -> bool:
        """Whether one more may be made, going by what calls cost on average, those under way counted in."""
        return self._calls > 0 and self._hedged + (self._pending + 1) * self._spent / self._calls <= share * self._spent

    def begin(self) -> None:
        self._pending += 1

    def end(self) -> None:
        self._pending -= 1

    def add(self, cost: int, hedged: int) -> None:
        """A call ended that cost ``cost`` in all, ``hedged`` of it for the attempts that lost."""
        self._calls += 1
        self._spent += cost
        self._hedged += hedged


def delay(hedge: Hedge, latency: Latency) -> float | None:
    """Seconds after which a second model is asked; ``None`` before it is known what is usual."""
    usual = latency.quantile(hedge.quantile)
    return None if usual is None else max(usual, hedge.least)


async def raced(
    first: Coroutine[Any, Any, T],
    seconds: float,
    second: Callable[[], Coroutine[Any, Any, T] | None],
    lost: Callable[[T], None],
) -> T:
    """The outcome of ``first``, or of ``second``, which begins when ``first`` takes longer than ``seconds``: whichever succeeds sooner. The
    other is cancelled; should it have succeeded in the same moment, ``lost`` is given what it gave. When both fail, the first's error."""
    tasks = [asyncio.ensure_future(first)]
    try:
        await asyncio.wait(tasks, timeout=seconds)
        if not tasks[0].done() and (other := second()) is not None:
            tasks.append(asyncio.ensure_future(other))
        pending = set(tasks)
        while pending:
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            won = next((task for task in tasks if task.done() and task.exception() is None), None)
            if won is not None:
                tasks.remove(won)
                return won.result()
            pending = {task for task in tasks if not task.done()}
        return tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(outcome, BaseException):
                lost(outcome)
