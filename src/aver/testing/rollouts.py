"""A rollout without a server: where it is kept, in memory, and traffic that is made up. What decides over it is what decides in production."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from aver.core.errors import Conflict
from aver.releases.rollout.assignment import Who, assign
from aver.releases.rollout.controller import Kept, Measured, RolloutController
from aver.releases.rollout.observed import Reading
from aver.releases.rollout.state import Event, Rollout
from aver.testing.clock import FixedClock

__all__ = ["MemoryDesk", "Profile", "SimulatedTraffic", "run_rollout"]


@dataclass
class MemoryDesk:
    """A desk in memory. ``missing`` are releases that are gone, ``lacks`` what keeps any from being promoted, ``recorded`` the evidence,
    ``served`` the digest that each environment was pointed to."""

    missing: set[str] = field(default_factory=set)
    lacks: tuple[str, ...] = ()
    recorded: list[Event] = field(default_factory=list)
    served: dict[str, str] = field(default_factory=dict)
    past: list[Rollout] = field(default_factory=list)
    _rows: dict[str, Kept] = field(default_factory=dict)
    _figures: dict[str, tuple[Measured, int]] = field(default_factory=dict)

    def start(self, rollout: Rollout) -> Kept:
        """Put a rollout that has begun where the controller finds it."""
        self._rows[rollout.id] = Kept(rollout, 1)
        return self._rows[rollout.id]

    def under_way(self) -> list[Kept]:
        return list(self._rows.values())

    def save(self, kept: Kept, rollout: Rollout) -> Kept:
        if self._rows[rollout.id].revision != kept.revision:
            raise Conflict("The rollout was changed meanwhile", "Look at it again.")
        self._rows[rollout.id] = Kept(rollout, kept.revision + 1)
        return self._rows[rollout.id]

    def measured(self, rollout: Rollout) -> tuple[Measured, int]:
        return self._figures.get(rollout.id) or (Measured.of(rollout), 0)

    def keep(self, rollout: Rollout, measured: Measured, revision: int) -> None:
        if self.measured(rollout)[1] != revision:
            raise Conflict("The figures were counted on meanwhile", "Look again.")
        self._figures[rollout.id] = (measured, revision + 1)

    def gone(self, digests: Iterable[str]) -> set[str]:
        return self.missing.intersection(digests)

    def lacking(self, environment: str, digest: str) -> tuple[str, ...]:
        del environment, digest
        return self.lacks

    def record(self, rollout: Rollout, events: Iterable[Event]) -> None:
        del rollout
        known = {event.number for event in self.recorded}
        self.recorded += [event for event in events if event.number not in known]

    def end(self, kept: Kept) -> None:
        rollout = kept.rollout
        promoted = rollout.status == "promoted"
        self.served[rollout.environment] = rollout.variants[0].digest if promoted else rollout.control
        self.past.append(rollout)
        del self._rows[rollout.id]


@dataclass(frozen=True, slots=True)
class Profile:
    """What turns of one release are like: answers of three sentences in the mean, which stand or fall together by ``alike`` (the correlation of two of
    one answer). Tokens and milliseconds are log-normal around their medians."""

    grounded: float = 0.95
    alike: float = 0.19
    """As with the 235 summaries of CNN/DailyMail articles in QAGS, whose 714 sentences people judged: 0.744 of them are supported, those of one summary
    correlate by 0.19, and the part of a summary that is supported has a standard deviation of 0.298."""
    failed: float = 0.01
    personal: float = 0.03
    """Standard deviation between users of what is expected of their turns: what one of them asks hangs together."""
    tokens: float = 3000.0
    token_spread: float = 0.4
    latency_ms: float = 1800.0
    latency_spread: float = 0.5


@dataclass
class SimulatedTraffic:
    """Turns that come ``per_minute`` from ``users``, some of whom ask far more than others, as the releases answer them at the time: ``profile`` says
    how by digest and seconds since the beginning. Time is the clock's; every call gives the turns since the last."""

    clock: FixedClock
    profile: Callable[[str, float], Profile]
    seed: int
    per_minute: float = 50.0
    users: int = 1000
    tenants: int = 3
    turns: int = 0
    """Given so far."""

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._began = self.clock.now()
        activity = self._random.exponential(1.0, self.users)
        self._activity = activity / activity.sum()
        self._drawn: list[int] = []
        self._personal = self._random.standard_normal(self.users)

    def since(self, rollout: Rollout, cursors: Mapping[str, Any]) -> tuple[list[Reading], dict[str, Any]]:
        now = self.clock.now()
        count = int((now - self._began).total_seconds() * self.per_minute / 60) - self.turns
        found = [self._turn(rollout, now) for _ in range(count)]
        return found, {**cursors, "turns": self.turns}

    def _turn(self, rollout: Rollout, now: datetime) -> Reading:
        self.turns += 1
        user = self._user()
        who = Who(f"tenant_{user % self.tenants}", f"user{user}")
        assigned = assign(rollout, who, now)
        assert assigned is not None, "a rollout that is read is under way"
        profile = self.profile(assigned.digest, (now - self._began).total_seconds())
        random, sentences = self._random, 1 + int(self._random.poisson(2))
        if random.random() < profile.failed:
            values = {"failed": 1.0}
        else:
            tokens = profile.tokens * math.exp(profile.token_spread * random.standard_normal())
            values = {
                "failed": 0.0,
                "groundedness": self._grounded(profile, sentences, profile.personal * float(self._personal[user])),
                "total_tokens": tokens,
                "cost_usd": tokens * 2e-6,
                "latency_ms": profile.latency_ms * math.exp(profile.latency_spread * random.standard_normal()),
            }
        weights = {"groundedness": float(sentences)} if "groundedness" in values else {}
        return Reading(
            f"turn_{self.turns}", assigned.arm, assigned.stage, assigned.group, assigned.compared, values, weights
        )

    def _user(self) -> int:
        if not self._drawn:  # many at once: drawing one by its part of all turns takes as long
            self._drawn = self._random.choice(self.users, size=4096, p=self._activity).tolist()
        return self._drawn.pop()

    def _grounded(self, profile: Profile, sentences: int, personal: float) -> float:
        """The part of so many sentences that is supported, beta-binomial."""
        chance = min(max(profile.grounded + personal, 0.0), 1.0)
        if 0 < chance < 1 and profile.alike > 0:
            size = (1 - profile.alike) / profile.alike
            chance = self._random.beta(chance * size, (1 - chance) * size)
        return float(self._random.binomial(sentences, chance)) / sentences


def run_rollout(
    rollout: Rollout,
    traffic: SimulatedTraffic,
    *,
    every: float = 30.0,
    most: int = 10_000,
    desk: MemoryDesk | None = None,
) -> tuple[Rollout, MemoryDesk]:
    """Let the controller look ``every`` so many seconds until the rollout is over, or ``most`` turns are."""
    desk = desk or MemoryDesk()
    desk.start(rollout)
    controller = RolloutController(desk, traffic, traffic.clock)
    while desk.under_way() and traffic.turns < most:
        traffic.clock.advance(every)
        controller.step()
    left = desk.under_way()
    return (left[0].rollout if left else desk.past[-1]), desk
