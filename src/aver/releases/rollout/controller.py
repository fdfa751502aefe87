"""Looks at rollouts again and again: reads what has happened, says what follows, and makes it so.

Any number of replicas may look at once. Figures and state are each saved with the revision that was read, so that of two that looked at the same only one
is heard, and nothing is counted twice; what happens is put on record from the state that was saved, so that it is told once, by whoever comes next, even when
the first was killed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from aver.core.clock import Clock
from aver.core.errors import AverError, Conflict
from aver.releases.rollout.analysis import SPIKE_SHARE, Analysis, analyse
from aver.releases.rollout.assignment import CONTROL, HOLDOUT
from aver.releases.rollout.machine import Surroundings, advance
from aver.releases.rollout.observed import Observed, Reading
from aver.releases.rollout.spikes import Spike, Tokens
from aver.releases.rollout.state import Event, Rollout

__all__ = ["Desk", "Kept", "Measured", "RolloutController", "Traffic"]

_log = logging.getLogger("aver.rollout")


@dataclass(slots=True)
class Measured:
    """All figures of a rollout, and how far the evidence was read: ``cursors`` are the reader's own."""

    observed: Observed
    tokens: Tokens
    """Of the control."""
    spikes: dict[str, Spike]
    """By variant."""
    cursors: dict[str, Any]

    @classmethod
    def of(cls, rollout: Rollout) -> Measured:
        """Of one that has just begun."""
        metrics = tuple(dict.fromkeys(each.metric for each in rollout.plan.metrics))
        observed = Observed(rollout.arms, metrics, len(rollout.plan.stages))
        return cls(observed, Tokens(), {each.name: Spike() for each in rollout.variants}, {})

    def take(self, rollout: Rollout, readings: Iterable[Reading]) -> int:
        """Count what was read; how many readings there were."""
        fresh = list(readings)
        self.observed.add(fresh)
        spent = [
            (CONTROL if each.arm == HOLDOUT else each.arm, each.turn, each.values["total_tokens"])
            for each in fresh
            if not each.late and "total_tokens" in each.values
        ]
        spikes, before = rollout.plan.spikes, deepcopy(self.tokens)
        for arm, _, tokens in spent:
            if arm == CONTROL:
                self.tokens.add(tokens)
        if spikes is not None:
            general = self.tokens.risen(spikes.times)
            for arm, spike in self.spikes.items():
                mine = [(turn, tokens) for whose, turn, tokens in spent if whose == arm]
                spike.look(before, mine, spikes.times, general=general)
        return len(fresh)

    def to_json(self) -> dict[str, Any]:
        return {
            "observed": self.observed.to_json(),
            "tokens": {str(place): count for place, count in self.tokens.bins.items()},
            "recent": self.tokens.recent,
            "spikes": {name: spike.to_json() for name, spike in self.spikes.items()},
            "cursors": self.cursors,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Measured:
        return cls(
            Observed.from_json(value["observed"]),
            Tokens({int(place): count for place, count in value["tokens"].items()}, list(value["recent"])),
            {name: Spike.from_json(each) for name, each in value["spikes"].items()},
            dict(value["cursors"]),
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """A rollout as it was read, with the revision that a change of it has to name."""

    rollout: Rollout
    revision: int


class Traffic(Protocol):
    """Where readings come from: the evidence of all tenants, or a simulation."""

    def since(self, rollout: Rollout, cursors: Mapping[str, Any]) -> tuple[list[Reading], dict[str, Any]]:
        """What was read of the rollout's turns behind ``cursors``, and where it ends now; ``{}`` stands for the rollout's beginning."""
        ...


class Desk(Protocol):
    """Where rollouts are kept, and what is done with their releases. Whatever changes a row raises :class:`~aver.core.errors.Conflict` where
    somebody has changed it since."""

    def under_way(self) -> list[Kept]:
        """Those that are not over, or whose end is not done with."""
        ...

    def save(self, kept: Kept, rollout: Rollout) -> Kept: ...

    def measured(self, rollout: Rollout) -> tuple[Measured, int]:
        """The figures, empty for one that has just begun, and their revision."""
        ...

    def keep(self, rollout: Rollout, measured: Measured, revision: int) -> None: ...

    def gone(self, digests: Iterable[str]) -> set[str]:
        """Which of these releases do not exist any more."""
        ...

    def lacking(self, environment: str, digest: str) -> tuple[str, ...]:
        """What keeps a release from being promoted to an environment."""
        ...

    def record(self, rollout: Rollout, events: Iterable[Event]) -> None:
        """Put on record, in every tenant's evidence, those of these events that are not there yet."""
        ...

    def end(self, kept: Kept) -> None:
        """Carry out the end of a rollout: point the environment to what was promoted, and put the row away. Again, it changes nothing."""
        ...


class RolloutController:
    """``step`` once every few seconds, in as many replicas as there are. Blocking, thread-safe."""

    def __init__(self, desk: Desk, traffic: Traffic, clock: Clock) -> None:
        self._desk = desk
        self._traffic = traffic
        self._clock = clock

    def step(self, now: datetime | None = None) -> list[Rollout]:
        """Look at everything that is under way; those rollouts to which something happened. What fails of one keeps the others from nothing: it is
        logged, and tried again at the next step."""
        changed = []
        for kept in self._desk.under_way():
            try:
                after = self._look(kept, now or self._clock.now())
            except Conflict:
                continue  # another replica, or a person, was faster
            except AverError as error:
                said = {"rollout": kept.rollout.id, "error": error.slug, "cause": error.cause}
                _log.error("a rollout could not be looked at", extra=said)
                continue
            if after.events != kept.rollout.events:
                changed.append(after)
        return changed

    def analysis(self, rollout: Rollout) -> Analysis:
        """What is known now, without reading on; of one whose variants were all stopped, what is known of them."""
        if all(each.stopped for each in rollout.variants):
            rollout = replace(rollout, variants=tuple(replace(each, stopped=False) for each in rollout.variants))
        return analyse(rollout, self._desk.measured(rollout)[0].observed)

    def _look(self, kept: Kept, now: datetime) -> Rollout:
        rollout = kept.rollout
        if rollout.status == "running":
            measured = self._read(rollout)
            after = advance(rollout, analyse(rollout, measured.observed), now, self._around(rollout, measured))
            if after != rollout:
                kept = self._desk.save(kept, after)
        if kept.rollout.pending:
            self._desk.record(kept.rollout, kept.rollout.pending)
            kept = self._desk.save(kept, replace(kept.rollout, pending=()))
        if kept.rollout.ended:
            self._desk.end(kept)
        return kept.rollout

    def _read(self, rollout: Rollout) -> Measured:
        measured, revision = self._desk.measured(rollout)
        readings, cursors = self._traffic.since(rollout, measured.cursors)
        if readings or cursors != measured.cursors:
            measured.take(rollout, readings)
            measured.cursors = cursors
            self._desk.keep(rollout, measured, revision)
        return measured

    def _around(self, rollout: Rollout, measured: Measured) -> Surroundings:
        live = [variant for variant in rollout.variants if not variant.stopped]
        error = rollout.plan.alpha * SPIKE_SHARE / len(rollout.variants)
        rising = {
            variant.name: {"times": round(spike.times, 1), "evidence": round(spike.evidence, 1), "turns": spike.turns}
            for variant in live
            if (spike := measured.spikes[variant.name]).beyond(error)
        }
        last = rollout.stage + 1 == len(rollout.plan.stages) and rollout.kind == "rollout"
        lacking = self._desk.lacking(rollout.environment, live[0].digest) if last and live else ()
        gone = self._desk.gone([rollout.control, *(variant.digest for variant in live)])
        return Surroundings(gone, lacking, rising)
