"""A healthy soak that does not take its time: traffic that is made up, written as evidence and read, judged and alerted on by what serves, under a clock that is moved on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aver.core.ids import new_id
from aver.evidence import Draft
from aver.evidence.clear import ClearStep
from aver.ops.drills.types import Told
from aver.server.application import Application
from aver.server.drills.stage import Stage
from aver.testing import FixedClock, HashEmbedder

__all__ = ["simulate"]

_LOOKS = 5.0
_PAST = 80 * 60.0
"""Seconds of the same traffic before anybody looks."""
_WROTE = 50
"""Looks between two lines of progress."""
_RELAXES = 7200.0
"""Seconds in which what drifts comes back: an Ornstein-Uhlenbeck process, a tenth up and down."""


@dataclass
class _Noise:
    """What is not as in the turns that are repeated: rates and levels that drift, bursts, and a few turns that end otherwise."""

    chance: random.Random = field(default_factory=lambda: random.Random(5))  # noqa: S311 - noise
    drift: list[float] = field(default_factory=lambda: [0.0] * 5)

    def pass_time(self, seconds: float) -> None:
        step = 0.1 * math.sqrt(2 * seconds / _RELAXES)
        self.drift = [each - each * seconds / _RELAXES + step * self.chance.gauss(0, 1) for each in self.drift]

    def arrivals(self, rate: float, seconds: float, at: datetime) -> int:
        """Poisson, following the hour, twice as many now and then."""
        wave = 1 + 0.3 * math.sin(at.timestamp() / 3600 * 2 * math.pi)
        burst = 2.0 if self.chance.random() < 0.01 else 1.0
        left, count = rate * seconds * wave * burst * math.exp(self.drift[0]), 0
        while (left := left - self.chance.expovariate(1)) > 0:
            count += 1
        return count

    def turn(self, some: Sequence[ClearStep]) -> list[Draft]:
        """One turn, written anew."""
        turn = new_id(some[0].turn.partition("_")[0])
        slower = math.exp(self.chance.gauss(self.drift[1], 0.35))
        dearer = math.exp(self.chance.gauss(self.drift[2], 0.25))
        fate = self.chance.random()
        drafts: list[Draft] = []
        for step in some:
            facts = self._spoilt(step.kind, dict(step.facts), slower, dearer)
            if fate < 0.004 and step.kind in ("verified", "responded", "sealed"):
                if step.kind == "sealed":
                    drafts.append(Draft(turn, "failed", None, {"error": "provider-error", "ms": facts.get("ms", 0.0)}))
                continue
            if step.kind == "responded" and fate > 0.95:
                facts["abstained"] = True
            drafts.append(Draft(turn, step.kind, None, facts))  # type: ignore[arg-type]  # as it was read
        return drafts

    def _spoilt(self, kind: str, facts: dict[str, Any], slower: float, dearer: float) -> dict[str, Any]:
        if "ms" in facts:
            facts["ms"] = round(float(facts["ms"]) * slower, 1)
        if kind == "called":
            for name in ("input_tokens", "output_tokens", "nano_usd"):
                facts[name] = int((facts.get(name) or 0) * dearer)
            if self.chance.random() < 0.004:
                facts["error"] = "provider-error"
        if kind == "checked" and self.chance.random() < 0.02 * math.exp(self.drift[3]):
            facts["outcome"] = "flag"
        if kind == "retrieved" and self.chance.random() < 0.03 * math.exp(self.drift[4]):
            facts["passages"] = 0
        return facts


def simulate(
    stage: Stage, turns: Sequence[Sequence[ClearStep]], seconds: float, rate: float, say: Callable[[str], None]
) -> tuple[list[Told], int]:
    """So many seconds of healthy traffic at so many turns a second: the alerts that fired, and how many turns there were. ``turns`` is what is repeated."""
    clock, noise = FixedClock(datetime.now(UTC)), _Noise()
    application = Application(stage.settings(), embedder=HashEmbedder(), clock=clock)
    told, count = list[Told](), 0
    try:
        services = application.tenant(stage.tenant)
        operations = services.operations

        def go(lasting: float) -> int:
            noise.pass_time(lasting)
            arrived = noise.arrivals(rate, lasting, clock.now())
            clock.advance(lasting)
            drafts = [draft for _ in range(arrived) for draft in noise.turn(noise.chance.choice(turns))]
            if drafts:
                with services.store.begin() as tx:
                    services.ledger.append_all(tx, drafts)
            return arrived

        for _ in range(int(_PAST / (4 * _LOOKS))):
            go(4 * _LOOKS)
        operations.read()
        began = clock.now()
        for look in range(int(seconds / _LOOKS)):
            count += go(_LOOKS)
            at = (clock.now() - began).total_seconds()
            told += [Told(at, each.rule, each.severity, each.said) for each in operations.look().fired]
            if look % _WROTE == 0:
                say(
                    f"soak: {timedelta(seconds=int(at))} of {timedelta(seconds=int(seconds))} simulated, {count:,} turns"
                )
    finally:
        application.close()
    return told, count
