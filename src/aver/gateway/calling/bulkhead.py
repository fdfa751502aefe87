"""How many calls one provider gets at once."""

from __future__ import annotations

import asyncio
from collections import deque

from aver.core.errors import Overloaded

__all__ = ["Bulkhead"]


class Bulkhead:
    """At most ``limit`` calls at once, and ``queue`` more that wait in order; beyond that calls are shed, so that one slow provider does
    not take the whole process. Belongs to one event loop."""

    __slots__ = ("_limit", "_name", "_queue", "_waiting", "busy")

    def __init__(self, name: str, limit: int, queue: int) -> None:
        self._name = name
        self._limit = limit
        self._queue = queue
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.busy = 0

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def free(self) -> bool:
        return self.busy < self._limit

    def enter(self) -> None:
        """Take a place that is :attr:`free`."""
        self.busy += 1

    async def wait(self) -> None:
        """Take a place when there is one. Raises :class:`~aver.core.errors.Overloaded`."""
        if len(self._waiting) >= self._queue:
            raise Overloaded(
                f"All {self._limit} places for calls to {self._name} are taken, and {self._queue} calls wait",
                "Try again in a second, or raise the provider's max_concurrent.",
                retry_after=1.0,
            )
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            else:
                self._waiting.remove(place)
            raise

    def leave(self) -> None:
        """Give the place up, to whoever waits longest."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.busy -= 1
