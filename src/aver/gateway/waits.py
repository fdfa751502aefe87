"""How long the parts of one reply may still take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aver.core.errors import ProviderTimeout, StreamTruncated
from aver.core.settings import ModelTimeouts

__all__ = ["Waits", "truncated"]

_GRACE = 1.0
"""Seconds that a finished reply waits for its usage and its end marker."""


class Waits:
    """Watches a reply with one timer, pushed forward when it fires rather than with every chunk: a chunk costs one look at the clock.

    ``total`` bounds the whole, in seconds from the beginning. ``silent`` is for replies that come in one piece: nothing is heard of them
    before their end, so that only ``total`` counts, and ``whole`` of ``timeouts``.
    """

    __slots__ = ("_end", "_fire", "_handle", "_heard", "_loop", "_start", "_timeouts", "_total", "finished", "silent")

    def __init__(self, timeouts: ModelTimeouts, total: float, *, silent: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._timeouts = timeouts
        self._total = total = min(total, timeouts.whole) if silent and timeouts.whole is not None else total
        self._end = self._start + total
        self._heard = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._fire: Callable[[ProviderTimeout], object] | None = None
        self.silent = silent
        self.finished = False
        """The reply said how it finished: what is still due is waited for only a moment, and missing it is no error."""

    @property
    def first(self) -> float:
        """By when, in the loop's time, the provider has to have answered at all."""
        return self._end if self.silent else min(self._end, self._start + self._timeouts.first_token)

    def watch(self, fire: Callable[[ProviderTimeout], object]) -> None:
        """Call ``fire`` once when something takes too long."""
        self._fire = fire
        self._handle = self._loop.call_at(self._due(), self._check)

    def heard(self) -> None:
        """The model wrote, or is at work."""
        began = not self._heard
        self._heard = self._loop.time()
        if began and self._handle is not None and self._due() < self._handle.when():
            self._rearm()

    def finish(self) -> None:
        """The reply is whole; only its usage may still come."""
        self.finished = True
        self._end = min(self._end, self._loop.time() + _GRACE)
        if self._handle is not None:
            self._rearm()

    def stop(self) -> None:
        self._fire = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def error(self) -> ProviderTimeout:
        """What took too long."""
        if self._loop.time() >= self._end:
            what = f"did not finish within {self._total:g} s"
        elif not self._heard:
            what = f"wrote nothing within {self._timeouts.first_token:g} s"
        else:
            what = f"stopped writing for {self._timeouts.stall:g} s"
        return ProviderTimeout(f"The model provider {what}", "Try again, or raise the timeout.")

    def _due(self) -> float:
        if self.silent or self.finished:
            return self._end
        return min(self._end, self._heard + self._timeouts.stall if self._heard else self.first)

    def _rearm(self) -> None:
        """What was waited for last may come later than what is waited for now."""
        assert self._handle is not None
        self._handle.cancel()
        self._handle = self._loop.call_at(self._due(), self._check)

    def _check(self) -> None:
        due = self._due()
        if self._loop.time() < due:
            self._handle = self._loop.call_at(due, self._check)
            return
        self._handle, fire, self._fire = None, self._fire, None
        assert fire is not None
        fire(self.error())


def truncated() -> StreamTruncated:
    """The error of an answer that broke off."""
    return StreamTruncated("The model provider's answer broke off", "Ask again; what was written so far is not whole.")
