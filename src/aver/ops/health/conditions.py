"""What is not as it should be around a process, as last seen: in memory, since where it would be written may be what is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aver.core.clock import Clock
from aver.ops.health.checks import SIGNALS, HealthSignal
from aver.ops.types import Departure

__all__ = ["Conditions"]

_LEAST = timedelta(seconds=20)
"""For how long something is told at least: what was mended within a second is on record all the same."""


class Conditions:
    """Of one process and the tenants it serves. Thread-safe. ``tenant`` is an id, empty for what concerns all of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[tuple[str, str], tuple[Departure, ...]] = {}
        self._gone: dict[tuple[str, str], Departure] = {}

    def note(self, signal: HealthSignal, found: Iterable[Departure | None], tenant: str = "") -> Sequence[Departure]:
        """What one look at a signal found, in place of what the one before did; those that are fresh."""
        now, key = self._clock.now(), (tenant, signal)
        with self._lock:
            before = {each.fingerprint: each for each in self._found.pop(key, ())}
            known = before | {name: each for (whose, name), each in self._gone.items() if whose == tenant}
            after = {
                each.fingerprint: replace(each, began=_since(known.get(each.fingerprint), now))
                for each in found
                if each is not None
            }
            if after:
                self._found[key] = tuple(after.values())
            self._gone |= {(tenant, name): each for name, each in before.items() if name not in after}
            for name in after:
                self._gone.pop((tenant, name), None)
            self._gone = {name: each for name, each in self._gone.items() if now - _since(each, now) < _LEAST}
        return [each for name, each in after.items() if name not in known]

    def of(self, tenant: str) -> list[Departure]:
        """What departs for a tenant, or did a moment ago: what is its own, and what concerns all."""
        now = self._clock.now()
        with self._lock:
            found = [each for (whose, _), several in self._found.items() if whose in ("", tenant) for each in several]
            gone = [each for (whose, _), each in self._gone.items() if whose in ("", tenant)]
        return [*found, *(each for each in gone if now - _since(each, now) < _LEAST)]

    def stands(self, signal: HealthSignal, tenant: str = "") -> bool:
        """Whether anything is found of a signal now, for this tenant or for all."""
        with self._lock:
            return bool(self._found.get((tenant, signal)) or self._found.get(("", signal)))

    def standing(self, signal: HealthSignal, tenant: str = "") -> tuple[Departure, ...]:
        """What is found of a signal for this tenant alone."""
        with self._lock:
            return self._found.get((tenant, signal), ())

    def signals(self) -> tuple[HealthSignal, ...]:
        """Those of which anything is found now, for anybody."""
        with self._lock:
            found = {signal for _, signal in self._found}
        return tuple(each for each in SIGNALS if each in found)


def _since(departure: Departure | None, now: datetime) -> datetime:
    return now if departure is None or departure.began is None else departure.began
