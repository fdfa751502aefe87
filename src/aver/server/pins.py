"""What an environment points to, in a reading that is never older than a second and never waited for by the event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, TypeVar

from aver.core.errors import AverError, Unavailable

__all__ = ["Pins"]

T = TypeVar("T")

_FRESH = 0.25
"""Seconds for which a reading is not made again. The promise is one second, for the slowest of replicas."""
_OLDEST = 0.75
"""Seconds after which whoever asks waits for the next reading."""
_PATIENCE = 1.0
"""Seconds that somebody waits for a reading that does not end, where another is known."""
_log = logging.getLogger("aver.releases")


class Pins(Generic[T]):
    """``read`` blocks for one query. Unlike kill switches, what is known stays while it cannot be read: a release that was served is served
    on while the database is away. Thread-safe, and for any event loop."""

    def __init__(self, read: Callable[[], T], now: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._now = now
        self._lock = threading.Lock()
        self._known: T | None = None
        self._asked = float("-inf")
        self._reading: Future[None] | None = None
        self._problem: AverError | None = None

    @property
    def fresh(self) -> T | None:
        """What is known, where it need not be read again yet: for whoever asks for every call."""
        return self._known if self._now() - self._asked < _FRESH else None

    async def current(self) -> T:
        """What holds, as it was at most a second ago. Raises what kept it from being read where nothing is known yet."""
        age = self._now() - self._asked
        if age >= _FRESH:
            reading = self._begin()
            if age >= _OLDEST or self._known is None:
                await asyncio.wait({asyncio.wrap_future(reading)}, timeout=_PATIENCE)
        return self._told()

    def look(self) -> T:
        """As :meth:`current`, blocking."""
        if self._now() - self._asked >= _FRESH:
            reading = self._begin()
            with suppress(TimeoutError):
                reading.result(_PATIENCE)
        return self._told()

    def _told(self) -> T:
        if self._known is None:
            raise self._problem or Unavailable("What is released cannot be read in time", "Try again in a moment.")
        return self._known

    def _begin(self) -> Future[None]:
        """The reading that is under way, or a new one."""
        with self._lock:
            if self._reading is None or self._reading.done():
                self._reading = reading = Future[None]()
                reading.set_running_or_notify_cancel()  # it is others' too: nobody cancels it
                threading.Thread(target=self._run, args=(reading,), name="aver-pins", daemon=True).start()
            return self._reading

    def _run(self, reading: Future[None]) -> None:
        asked = self._now()  # before the query: what changes during it is seen next time
        try:
            self._known = self._read()
        except AverError as error:
            if self._problem is None:
                _log.error("what is released cannot be read; what is known stays", extra={"error": error.slug})
            self._problem = error
        else:
            self._problem = None
        finally:
            self._asked = asked
            reading.set_result(None)
