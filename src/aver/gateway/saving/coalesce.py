"""One call for equal requests that are under way at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from aver.core.errors import Unavailable

__all__ = ["Coalescer", "Shared"]

T = TypeVar("T")
S = TypeVar("S", bound="Shared[Any]")


class Shared(Generic[T]):
    """One call in a task of its own, so that a caller who leaves disturbs no other, and all that it has given so far. A whole reply is
    given at once, a stream piece by piece. It reads ahead of its slowest caller, and keeps the whole for as long as it lasts.
    """

    def __init__(self, source: AsyncGenerator[T]) -> None:
        self.waiting = 0
        """Callers who have not left."""
        self._had: list[T] = []
        self._more = asyncio.Event()
        self.task = asyncio.ensure_future(self._run(source))
        self.task.add_done_callback(self._ended)

    @property
    def is_open(self) -> bool:
        """Whether one more caller can share it: it has not ended, and is not about to."""
        return self.waiting > 0 and not self.task.done()

    async def read(self, place: int) -> T | None:
        """What it gave as its ``place``-th, from 0, as soon as that is there; ``None`` at the end. Raises what the call raised, after
        all that came before."""
        while place >= len(self._had):
            if self.task.cancelled():
                raise Unavailable("The gateway was closed before the answer was whole", "Send the request again.")
            if self.task.done():
                self.task.result()
                return None
            await self._more.wait()
        return self._had[place]

    async def leave(self) -> None:
        """One caller less. With the last the call is stopped, and has ended when this returns."""
        self.waiting -= 1
        if not self.waiting and not self.task.done():
            self.task.cancel()
            await asyncio.wait({self.task})

    async def _run(self, source: AsyncGenerator[T]) -> None:
        async with aclosing(source):  # a provider's connection is not left to the garbage collector
            async for each in source:
                self._had.append(each)
                self._wake()

    def _wake(self) -> None:
        # Those who wait hold the old event; whoever comes later waits for a new one.
        more, self._more = self._more, asyncio.Event()
        more.set()

    def _ended(self, task: asyncio.Future[None]) -> None:
        if not task.cancelled():
            task.exception()  # every caller may have left: an exception nobody awaits is no news
        self._wake()


class Coalescer(Generic[S]):
    """The calls under way within one event loop, by key. Who may share is in the key: the same request, the same user, nothing left to
    chance unless that is allowed. A key is free again as soon as its call ends: this is no cache."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, S] = {}

    def join(self, key: Hashable, make: Callable[[], S]) -> S:
        """The call under way for ``key``, or else ``make``'s, with one more caller, who has to :meth:`Shared.leave` it."""
        shared = self._under_way.get(key)
        if shared is None or not shared.is_open:
            made = shared = self._under_way[key] = make()
            made.task.add_done_callback(lambda _task: self._free(key, made))
        shared.waiting += 1
        return shared

    async def close(self) -> None:
        """Stop all calls."""
        tasks = [shared.task for shared in self._under_way.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _free(self, key: Hashable, shared: S) -> None:
        if self._under_way.get(key) is shared:
            del self._under_way[key]
