"""Shadow traffic: a release that is tried answers questions of the control's too, seen by nobody, with effects on nothing, within a budget.

Each such answer stands beside the one that was given, to the same question: the differences of such pairs tell two releases apart with far fewer
turns than arms of different questions do. They inform people, and decide nothing: a shadow meets no user, who might have asked on.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aver.core.errors import AverError
from aver.evals.statistics.boundary import reach
from aver.evidence import Draft
from aver.releases.rollout.assignment import CONTROL, HOLDOUT, Assigned, bucket
from aver.releases.rollout.measures import MEASURES
from aver.releases.rollout.state import Rollout, Variant

__all__ = ["Difference", "Shadowed", "Shadows", "differences", "shadow_of"]

_log = logging.getLogger("aver.rollout.shadow")


@dataclass(frozen=True, slots=True)
class Shadowed:
    """What a shadow came to: its readings by metric, and the answer, which stands in the evidence under the asking person's key."""

    values: Mapping[str, float]
    text: str = ""

    @property
    def usd(self) -> float:
        return self.values.get("cost_usd", 0.0)


def shadow_of(rollout: Rollout, assigned: Assigned, turn: str) -> Variant | None:
    """Who is to answer this turn as well, if anybody: of turns that the control answers, as many percent as are declared, by a hash of their ids."""
    shadow = rollout.plan.shadow
    if shadow is None or rollout.status != "running" or assigned.arm not in (CONTROL, HOLDOUT):
        return None
    live = [variant for variant in rollout.variants if not variant.stopped]
    place = bucket(f"shadow {rollout.id}", turn) * 100
    if not live or place >= shadow.percent:
        return None
    return live[int(place / shadow.percent * len(live))]


Ask = Callable[[Variant], Awaitable[Shadowed]]
"""Has a release answer the question of a turn: it retrieves as the asking person may read, calls models, and does nothing else. No tool with effects, no
memory, no conversation."""


@dataclass
class Shadows:
    """Shadows of one process, in the background: ``spent`` is what those of a rollout have cost so far by the evidence, over all processes. One that
    there is no room or no money for is not made later: nobody waits for shadows. ``record`` puts a step on record."""

    record: Callable[[Draft], None]
    spent: Callable[[str], float]
    _running: dict[str, set[asyncio.Task[None]]] = field(default_factory=dict)
    _here: dict[str, tuple[float, int]] = field(default_factory=dict)
    """By rollout, what was paid here that the evidence may not have yet, and for how many."""

    def offer(self, rollout: Rollout, assigned: Assigned, turn: str, subject: str, ask: Ask) -> bool:
        """Begin the shadow of a turn; whether there is one."""
        variant, shadow = shadow_of(rollout, assigned, turn), rollout.plan.shadow
        if variant is None or shadow is None:
            return False
        running = self._running.setdefault(rollout.id, set())
        paid, count = self._here.get(rollout.id, (0.0, 0))
        # Those that run are taken to cost what others did in the mean; the first one goes alone, as it is not known what one costs.
        each = paid / count if count else shadow.usd
        if len(running) >= shadow.at_once or max(paid, self.spent(rollout.id)) + each * (len(running) + 1) > shadow.usd:
            return False
        task = asyncio.get_running_loop().create_task(self._make(rollout, assigned, variant, turn, subject, ask))
        running.add(task)
        task.add_done_callback(running.discard)
        return True

    async def settle(self) -> None:
        """Wait for those that run."""
        await asyncio.gather(*(task for running in self._running.values() for task in running))

    async def close(self) -> None:
        """End those that run."""
        for running in self._running.values():
            for task in running:
                task.cancel()
        await asyncio.gather(*(task for running in self._running.values() for task in running), return_exceptions=True)

    async def _make(
        self, rollout: Rollout, assigned: Assigned, variant: Variant, turn: str, subject: str, ask: Ask
    ) -> None:
        try:
            made = await ask(variant)
        except AverError as error:
            made = Shadowed({"failed": 1.0})
            _log.warning("a shadow failed", extra={"rollout": rollout.id, "turn": turn, "error": error.slug})
        paid, count = self._here.get(rollout.id, (0.0, 0))
        self._here[rollout.id] = (paid + made.usd, count + 1)
        facts: dict[str, Any] = {
            "rollout": rollout.id,
            "variant": variant.name,
            "release": variant.digest[:64],
            "group": assigned.group,
            **{name: value for name, value in made.values.items() if name in MEASURES},
        }
        try:
            await asyncio.to_thread(self.record, Draft(turn, "shadowed", subject, facts, {"text": made.text}))
        except AverError as error:
            _log.error("a shadow is not on record", extra={"rollout": rollout.id, "turn": turn, "error": error.slug})


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more a metric is in the shadow than in the answer given, over ``n`` pairs, with an interval that holds at all looks (each end in 97.5 of 100).
    On the measure's own scale: logarithms of money, tokens and time."""

    metric: str
    value: float
    low: float
    high: float
    n: int


def differences(pairs: Iterable[tuple[Mapping[str, float], Mapping[str, float]]]) -> list[Difference]:
    """By metric that both have, of readings of the turn and of its shadow; metrics with fewer than ten pairs are left out."""
    by_metric: dict[str, list[float]] = {}
    for given, shadow in pairs:
        for name in sorted(given.keys() & shadow.keys() & MEASURES.keys()):
            measure = MEASURES[name]
            by_metric.setdefault(name, []).append(measure.scaled(shadow[name]) - measure.scaled(given[name]))
    found = []
    for name, values in by_metric.items():
        n = len(values)
        if n < 10:
            continue
        mean = math.fsum(values) / n
        variance = (math.fsum((value - mean) ** 2 for value in values) + 0.25) / (n - 1)
        error = math.sqrt(variance / n) * reach(n, 0.025)
        found.append(Difference(name, mean, mean - error, mean + error, n))
    return found
