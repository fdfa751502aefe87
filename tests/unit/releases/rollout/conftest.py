"""A rollout of two stages, and figures for it that are made as the reader makes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from aver.core.yaml import parse_yaml
from aver.releases.rollout.declaration import read_plan
from aver.releases.rollout.machine import begin
from aver.releases.rollout.observed import Observed, Reading
from aver.releases.rollout.plan import Plan
from aver.releases.rollout.state import Rollout

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAN = """
unit: user
stages:
  - {percent: 20, least: 2m, samples: 20}
  - {percent: 50, least: 5m, samples: 100, requires: proven}
metrics:
  - {metric: groundedness, no_worse_by: 0.05}
  - {metric: failed, at_most: 0.2}
"""


def plan_of(text: str = PLAN) -> Plan:
    return read_plan(parse_yaml(text, "aver.yaml"))


def rollout_of(text: str = PLAN, **given) -> Rollout:
    return begin(plan_of(text), "production", "a" * 64, {"candidate": "b" * 64}, NOW, by="ann", **given)


def observed_of(rollout: Rollout) -> Observed:
    metrics = tuple(dict.fromkeys(each.metric for each in rollout.plan.metrics))
    return Observed(rollout.arms, metrics, len(rollout.plan.stages))


def readings(
    count: int,
    arm: str,
    values: Callable[[np.random.Generator], dict[str, float]],
    *,
    seed: int = 0,
    stage: int = 0,
    **given,
) -> list[Reading]:
    """So many turns of as many users."""
    random = np.random.default_rng(seed + sum(map(ord, arm)))
    given = {"compared": True, **given}
    return [
        Reading(f"turn_{arm}_{number}", arm, stage, int(random.integers(128)), values=values(random), **given)
        for number in range(count)
    ]


def grounded(mean: float, failed: float = 0.01) -> Callable[[np.random.Generator], dict[str, float]]:
    return lambda random: {
        "groundedness": float(random.binomial(3, mean)) / 3,
        "failed": float(random.random() < failed),
    }


@pytest.fixture
def rollout() -> Rollout:
    return rollout_of()
