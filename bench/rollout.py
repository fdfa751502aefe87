"""What a rollout finds, how soon, and how often by mistake, over traffic that is made up: 50 turns a minute of 1,000 users, each of whom keeps one arm.

``python bench/rollout.py --json``. The controller, its analysis and its assignment are those that serve. What an answer's groundedness varies by is measured on
real answers (``aver.testing.rollouts.Profile``); the parts of supported sentences that turns begin with are those stated in each row.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

from aver.core.yaml import parse_yaml
from aver.releases.rollout.declaration import read_plan
from aver.releases.rollout.machine import begin
from aver.releases.rollout.plan import Plan
from aver.testing import FixedClock
from aver.testing.rollouts import Profile, SimulatedTraffic, run_rollout

PLAN = """
unit: user
stages:
  - {percent: 25, least: 2m, samples: 25}
  - {percent: 50, least: 5m, samples: 200, requires: proven}
metrics:
  - {metric: groundedness, no_worse_by: 0.03, weight: 3}
  - {metric: failed, at_most: 0.05}
  - {metric: cost_usd, no_worse_by: 0.2}
  - {metric: latency_ms, no_worse_by: 0.2}
"""
SLOW = PLAN.replace("{percent: 25, least: 2m, samples: 25}", "{percent: 5, least: 2m, samples: 10}")
CONTROL, CANDIDATE = "a" * 64, "b" * 64
MOST = 10_000
"""Turns after which a rollout that is still held is let be."""


@dataclass(frozen=True)
class Scene:
    """``grounded`` of the control; the candidate's is less by ``drop``, and from ``spike_at`` seconds on it takes three times the tokens."""

    name: str
    grounded: float = 0.95
    drop: float = 0.0
    spike_at: float | None = None
    plan: str = PLAN
    every: float = 30.0
    most: int = MOST
    percent: float | None = None
    """One stage of this percent instead of the plan's."""


def simulate(scene: Scene, seed: int) -> tuple[str, int]:
    """How one rollout ended, and after how many turns."""
    clock = FixedClock()
    rollout = begin(
        plan_of(scene), "production", CONTROL, {"candidate": CANDIDATE}, clock.now(), by="bench", id=f"{seed}"
    )

    def profile(digest: str, seconds: float) -> Profile:
        if digest == CONTROL:
            return Profile(grounded=scene.grounded)
        spiking = scene.spike_at is not None and seconds >= scene.spike_at
        return Profile(grounded=scene.grounded - scene.drop, tokens=9000.0 if spiking else 3000.0)

    traffic = SimulatedTraffic(clock, profile, seed)
    ended, _ = run_rollout(rollout, traffic, every=scene.every, most=scene.most)
    return ended.status, traffic.turns


def plan_of(scene: Scene) -> Plan:
    text = scene.plan
    if scene.percent is not None:
        text = f"stages: [{{percent: {scene.percent}, least: 1d}}]\n" + text[text.index("metrics:") :]
    return read_plan(parse_yaml(text, "bench"))


def measure(scene: Scene, runs: int, pool: ProcessPoolExecutor) -> dict[str, object]:
    found = list(pool.map(partial(simulate, scene), range(runs), chunksize=10))
    ended = Counter(status for status, _ in found)
    rolled = sorted(turns for status, turns in found if status == "rolled_back")
    begins = 0 if scene.spike_at is None else int(scene.spike_at * 50 / 60)
    late = [turns - begins for turns in rolled if turns >= begins]
    return {
        **{name: value for name, value in asdict(scene).items() if name not in {"plan", "name"} and value is not None},
        "runs": runs,
        "ended": dict(ended),
        "rolled_back": len(rolled) / runs,
        "within_2000_turns": sum(turns <= 2000 for turns in rolled) / runs,
        "within_60_s": sum(turns <= 50 for turns in late) / runs,
        "median_turns": statistics.median(late) if late else None,
        "p95_turns": late[int(0.95 * (len(late) - 1))] if late else None,
        "median_turns_all": statistics.median(turns for _, turns in found),
    }


def scenes(runs: int) -> list[tuple[Scene, int]]:
    some = max(20, runs // 5)
    return [
        (Scene("healthy"), runs),
        (Scene("healthy, from 5 %", plan=SLOW), some),
        (Scene("5 points worse, of 95 %", drop=0.05), some),
        (Scene("5 points worse, of 90 %", grounded=0.9, drop=0.05), some),
        (Scene("5 points worse, of 74 %", grounded=0.744, drop=0.05), some),
        (Scene("5 points worse, of 95 %, from 5 %", drop=0.05, plan=SLOW), some),
        (Scene("2 points worse, margin 3", drop=0.02), some),
        *(
            (Scene(f"3x tokens at {percent} %", spike_at=600, every=5, most=800, percent=percent), some)
            for percent in (10, 25, 50)
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--runs", type=int, default=1000, help="healthy rollouts; a fifth of that of each of the others"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="scenes whose names begin so")
    given = parser.parse_args()
    results: dict[str, dict[str, object]] = {}
    if not given.json:
        print(f"{'':36}{'runs':>6}{'rolled back':>13}{'<= 2,000':>10}{'<= 60 s':>9}{'median':>8}{'p95':>7}  ended")
    with ProcessPoolExecutor(given.workers) as pool:
        for scene, runs in scenes(given.runs):
            if not scene.name.startswith(given.only):
                continue
            each = results[scene.name] = measure(scene, runs, pool)
            if not given.json:
                print(
                    f"{scene.name:36}{each['runs']:>6}{each['rolled_back']:>13.1%}{each['within_2000_turns']:>10.1%}"
                    f"{each['within_60_s']:>9.1%}{each['median_turns'] or '-':>8}{each['p95_turns'] or '-':>7}  {each['ended']}",
                    flush=True,
                )
    if given.json:
        sys.stdout.write(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
