"""Work that may take long, or for ever, in threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")

_MOST = 32
"""Threads at once, those that nobody listens to any more among them."""
_PAUSE = 0.005
"""Seconds between two looks for a free one."""
_free = threading.BoundedSemaphore(_MOST)


async def in_thread(work: Callable[[], T]) -> T:
    """The result of ``work``, done in a thread of its own.

    A thread cannot be stopped: where the caller has left, it goes on unheard. Those of the event loop's own pool are few and serve
    everyone, and a process waits for them when it ends; a check that hangs must take neither away.

    Raises what ``work`` raises. While 32 threads are busy, hung ones among them, it waits, and the caller's deadline decides.
    """
    while not _free.acquire(blocking=False):  # noqa: ASYNC110 - an event belongs to one loop, and threads to all
        await asyncio.sleep(_PAUSE)
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        set_result: Callable[[Any], None]
        result: object
        try:
            set_result, result = done.set_result, work()
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            set_result, result = done.set_exception, error
        finally:
            _free.release()
        # The loop may be gone by now.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, done, set_result, result)

    threading.Thread(target=run, name="aver-guard", daemon=True).start()
    return await done


def _settle(done: asyncio.Future[T], set_result: Callable[[Any], None], result: object) -> None:
    if not done.done():
        set_result(result)
