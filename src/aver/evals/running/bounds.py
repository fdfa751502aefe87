"""What bounds a run: how many at once, how fast, how long each may take, and what all of it may cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aver.evals.types import Response

__all__ = ["Bounds", "Pace", "Purse"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one run. ``None`` bounds nothing."""

    concurrency: int = 16
    """Cases at once."""
    repeats: int = 1
    """Times that each case is asked, each with a seed of its own."""
    seed: int = 0
    usd: float | None = None
    tokens: int | None = None
    """Read and written."""
    rate: float | None = None
    """Cases a second that are asked; what is known from before does not count."""
    seconds: float = 120.0
    """That a response may take."""
    scorer_seconds: float = 120.0
    """That one scorer may take for one case."""
    retries: int = 2
    """Times that a case is asked again after an error that may pass."""
    failures: int = 50
    """Cases that fail one after another until it is no use to go on."""


class Pace:
    """Lets pass so many a second, evenly."""

    def __init__(self, rate: float | None, now: Callable[[], float]) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._now = now
        self._next = 0.0

    async def wait(self) -> None:
        if not self._gap:
            return
        now = self._now()
        at = max(self._next, now)
        self._next = at + self._gap
        if at > now:
            await asyncio.sleep(at - now)


class Purse:
    """What a run has spent, and whether there is room for one case more.

    A case may be asked while what was spent, and for each case that is under way the most that one has cost so far, leaves room for
    as much again. Until one has said what it cost, one is asked at a time. So a run goes over its budget at most by what cases under way cost above all
    before them.
    """

    def __init__(self, usd: float | None, tokens: int | None) -> None:
        self._limits = (usd, None if tokens is None else float(tokens))
        self.spent = [0.0, 0.0]
        self._most: list[float | None] = [None, None]
        self._under_way = 0
        self._changed = asyncio.Condition()
        self.unknown = False
        """A response did not say what it cost, so that the budget cannot be held."""

    @property
    def bounds(self) -> bool:
        return self._limits != (None, None)

    async def take(self) -> bool:
        """Wait for room for one case; whether there is any."""
        if not self.bounds:
            return True
        async with self._changed:
            await self._changed.wait_for(lambda: self._room() or not self._under_way or self.unknown)
            if self.unknown or not self._room():
                return False
            self._under_way += 1
            return True

    async def settle(self, response: Response | None) -> None:
        """A case for which there was room is done; ``None`` where nothing came of it."""
        if response is not None:
            self.count(response)
        if self.bounds:
            async with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def count(self, response: Response) -> None:
        """What a response cost; nothing is reserved for it. A refusal that does not say counts as the most that one has cost."""
        for place, used in enumerate((response.cost_usd, _tokens(response))):
            self.add(place, (self._most[place] or 0.0) if used is None and response.refused else used)

    def add(self, place: int, used: float | None) -> None:
        """``place`` 0 for US dollars, 1 for tokens."""
        if used is None:
            self.unknown = self.unknown or self._limits[place] is not None
            return
        self.spent[place] += used
        self._most[place] = max(self._most[place] or 0.0, used)

    def _room(self) -> bool:
        for limit, spent, most in zip(self._limits, self.spent, self._most, strict=True):
            if limit is None:
                continue
            if most is None and self._under_way:
                return False
            if spent >= limit or spent + (most or 0.0) * (self._under_way + 1) > limit:
                return False
        return True


def _tokens(response: Response) -> float | None:
    counts = (response.input_tokens, response.output_tokens)
    return None if counts == (None, None) else float(sum(each or 0 for each in counts))
