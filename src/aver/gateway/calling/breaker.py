"""When a model that keeps failing is left alone, and when it is tried again."""

from __future__ import annotations

from typing import Literal

from aver.gateway.config.types import Breaker

__all__ = ["CircuitBreaker", "State"]

State = Literal["closed", "open", "half_open"]
_SLOTS = 10
"""Parts that the window is cut into; a failure counts for between nine and ten of them."""


class CircuitBreaker:
    """Closed while calls go well; open after too many failures; half open when its time is up: one probe decides.

    Pure: ``now`` is in seconds of any clock that does not go back. Every call that was let through by :meth:`allow` reports exactly one of
    :meth:`succeeded`, :meth:`failed` and :meth:`passed`.
    """

    __slots__ = ("_config", "_failures", "_opens", "_probe", "_slot", "_state", "_successes", "_width")

    def __init__(self, config: Breaker) -> None:
        self._config = config
        self._width = config.window / _SLOTS
        self._state: State = "closed"
        self._opens = 0.0
        self._probe: float | None = None
        self._clear(0)

    def _clear(self, slot: int) -> None:
        self._slot = slot
        self._successes = [0] * _SLOTS
        self._failures = [0] * _SLOTS

    def state(self, now: float) -> State:
        return "half_open" if self._state == "open" and now >= self._opens else self._state

    def is_open(self, now: float) -> bool:
        """Whether a call would be refused now."""
        return self._state == "open" and (now < self._opens or self._probing(now))

    def retry_after(self, now: float) -> float:
        """Seconds until a call may be let through."""
        if not self.is_open(now):
            return 0.0
        return max(self._opens - now, 0.0) or self._config.open

    def allow(self, now: float) -> bool:
        """Whether a call may go through. Of a half-open breaker's it is the probe, and no other goes until it reported; one that never
        does is forgotten after as long as the breaker stays open."""
        if self._state == "closed":
            return True
        if now < self._opens or self._probing(now):
            return False
        self._probe = now
        return True

    def _probing(self, now: float) -> bool:
        return self._probe is not None and now < self._probe + self._config.open

    def succeeded(self, now: float) -> None:
        if self._state == "open":
            if self._probe is None:
                return  # began before it opened: no news of now
            self._state, self._probe = "closed", None
            self._clear(int(now / self._width))
        slot = self._turn(now)
        self._successes[slot] += 1

    def failed(self, now: float, hold: float = 0.0) -> None:
        """``hold`` is for how many seconds the provider asked to be left alone."""
        if self._state == "open":
            if self._probe is not None:
                self._open(now, hold)
            return
        slot = self._turn(now)
        self._failures[slot] += 1
        failures = sum(self._failures)
        if failures >= self._config.failures and failures >= self._config.share * (failures + sum(self._successes)) > 0:
            self._open(now, hold)

    def passed(self) -> None:
        """The call ended without telling anything about the model."""
        self._probe = None

    def _open(self, now: float, hold: float) -> None:
        self._state, self._probe = "open", None
        self._opens = now + max(self._config.open, hold)

    def _turn(self, now: float) -> int:
        """The slot of this moment, those since the last emptied."""
        slot = int(now / self._width)
        if slot != self._slot:
            if slot - self._slot >= _SLOTS or slot < self._slot:
                self._clear(slot)
            else:
                for gone in range(self._slot + 1, slot + 1):
                    self._successes[gone % _SLOTS] = self._failures[gone % _SLOTS] = 0
                self._slot = slot
        return slot % _SLOTS
