"""What one environment points to at one moment, and which of it is whose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from aver.agents.pin import Pin
from aver.core.errors import AverError
from aver.core.principal import Principal
from aver.releases.rollout.assignment import Who, assign
from aver.releases.rollout.state import Rollout, from_json
from aver.releases.types import Environment

__all__ = ["Arms"]

_MOST = 10_000
"""People whose arms are remembered."""


class Arms:
    """``kept`` are the digests of all releases that somebody may get, or go back to. A rollout whose row cannot be read has none but the
    release in force, and ``problem`` says why."""

    def __init__(self, environment: Environment, name_of: Callable[[str], str], now: Callable[[], datetime]) -> None:
        """``name_of`` gives the name of the tenant with an id."""
        self.environment = environment
        self._name_of = name_of
        self._now = now
        self.rollout: Rollout | None = None
        self.problem: AverError | None = None
        try:
            self.rollout = from_json(environment.rollout) if environment.rollout else None
        except AverError as error:
            self.problem = error
        self._calls: dict[tuple[str, str, frozenset[str]], Pin] = {}
        """Of calls that are part of no conversation, which may be thousands a second."""
        self._everybody = Pin(environment.digest, environment.name)
        self.kept = frozenset({environment.digest, environment.previous, *self._tried()} - {""})

    def pin(self, principal: Principal, conversation: str = "") -> Pin:
        """The release for a turn of ``principal``, the same on every replica. Some 20 microseconds; for a call one."""
        rollout = self.rollout
        if rollout is None:
            return self._everybody
        if conversation or rollout.ended:
            return self._assigned(rollout, principal, conversation)
        who = (principal.tenant, principal.user, principal.groups)
        pin = self._calls.get(who)
        if pin is None:
            if len(self._calls) >= _MOST:
                self._calls.clear()
            pin = self._calls[who] = self._assigned(rollout, principal, "")
        return pin

    def _assigned(self, rollout: Rollout, principal: Principal, conversation: str) -> Pin:
        who = Who.of(principal, conversation, self._name_of(principal.tenant))
        assigned = assign(rollout, who, self._now())
        if assigned is None:
            return self._everybody
        return Pin(assigned.digest, self.environment.name, assigned.facts())

    def _tried(self) -> set[str]:
        rollout = self.rollout
        if rollout is None or (rollout.ended and rollout.status != "promoted"):
            return set()
        return {rollout.control, *(variant.digest for variant in rollout.variants)}
