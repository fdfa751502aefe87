"""One upstream call for equal requests that are under way at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from typing import Any

from aver.gateway.types import ChatDelta, Completion

__all__ = ["Coalescer"]

_LARGEST = 20_000
"""Batches of deltas of one stream that are kept for those who come later; a caller after that makes a call of its own."""


class Coalescer:
    """Shares calls by key within one event loop.

    Who may share is in the key: the same request, the same user, nothing left to chance unless that is allowed. The call lives in a
    task of its own, so that a caller who leaves disturbs no other; when the last one leaves it is cancelled. All get the same
    outcome, and the same exception when it fails. A key is free again as soon as its call ends: this is no cache.
    """

    def __init__(self) -> None:
        self._whole: dict[Hashable, _Whole] = {}
        self._streams: dict[Hashable, _Stream] = {}

    def under_way(self, key: Hashable) -> bool:
        """Whether a call would be shared now."""
        return key in self._whole or key in self._streams

    async def complete(self, key: Hashable, make: Callable[[], Awaitable[Completion]]) -> Completion:
        """The outcome of the call under way for ``key``, or of ``make``, which then becomes it."""
        shared = self._whole.get(key)
        if shared is None:
            shared = self._whole[key] = _Whole(make)
            shared.task.add_done_callback(lambda _task: self._ended(self._whole, key, shared))
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.task.done():
                self._ended(self._whole, key, shared)
                shared.task.cancel()

    async def stream(
        self, key: Hashable, make: Callable[[], AsyncIterator[list[ChatDelta]]]
    ) -> AsyncIterator[list[ChatDelta]]:
        """What the stream under way for ``key`` has had so far, and then as it comes; or that of ``make``, which then becomes it."""
        shared = self._streams.get(key)
        if shared is None or len(shared.had) > _LARGEST:
            shared = self._streams[key] = _Stream(make)
            shared.task.add_done_callback(lambda _task: self._ended(self._streams, key, shared))
        shared.waiting += 1
        try:
            async for deltas in shared.follow():
                yield deltas
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.task.done():
                self._ended(self._streams, key, shared)
                shared.task.cancel()

    @staticmethod
    def _ended(among: dict[Hashable, Any], key: Hashable, shared: object) -> None:
        if among.get(key) is shared:
            del among[key]


class _Whole:
    def __init__(self, make: Callable[[], Awaitable[Completion]]) -> None:
        self.waiting = 0
        self.task = asyncio.ensure_future(self._run(make))
        self.task.add_done_callback(_seen)

    @staticmethod
    async def _run(make: Callable[[], Awaitable[Completion]]) -> Completion:
        return await make()


class _Stream:
    def __init__(self, make: Callable[[], AsyncIterator[list[ChatDelta]]]) -> None:
        self.waiting = 0
        self.had: list[list[ChatDelta]] = []
        self._more = asyncio.Event()
        self.task = asyncio.ensure_future(self._run(make))
        self.task.add_done_callback(self._end)

    async def _run(self, make: Callable[[], AsyncIterator[list[ChatDelta]]]) -> None:
        source = make()
        try:
            async for deltas in source:
                self.had.append(deltas)
                self._wake()
        finally:
            if isinstance(source, AsyncGenerator):  # a provider's connection is not left to the garbage collector
                await source.aclose()

    def _wake(self) -> None:
        # Those who wait hold the old event; whoever comes later waits for a new one.
        more, self._more = self._more, asyncio.Event()
        more.set()

    def _end(self, task: asyncio.Future[None]) -> None:
        _seen(task)
        self._wake()

    async def follow(self) -> AsyncIterator[list[ChatDelta]]:
        place = 0
        while True:
            while place < len(self.had):
                place += 1
                yield self.had[place - 1]
            if self.task.done():
                self.task.result()
                return
            await self._more.wait()


def _seen(task: asyncio.Future[Any]) -> None:
    """Every caller may have left: an exception nobody awaits is no news."""
    if not task.cancelled():
        task.exception()
