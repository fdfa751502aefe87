"""How soon what goes wrong is seen, how many alerts honest noise fires, and how fast evidence is counted.

``python bench/objectives.py --json``. Traffic is made up: Poisson arrivals that follow the day, failures, abstentions and catches whose rates drift, logarithms of tokens, cost and latency that
are normal around a drifting mean. What counts it, judges it and alerts is what serves. ``--turns N`` also writes so many turns as evidence and times the pass over it.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aver.core.ids import new_id
from aver.evidence import Draft, Ledger
from aver.ops.alerts.desk import AlertDesk
from aver.ops.anomalies import Watch
from aver.ops.book import SLOT, Book, Position
from aver.ops.burning import departures, standing
from aver.ops.periods import Periods
from aver.ops.reading import EvidenceReader
from aver.ops.sums import add, count_value, level
from aver.ops.types import Anomalies, Objective
from aver.store import Store
from aver.testing import FixedClock

SLOS = (
    Objective("up", "availability", 0.99),
    Objective("quick", "latency", 0.95, within=5.0),
    Objective("grounded", "groundedness", 0.9),
    Objective("frugal", "cost", 0.95, usd=0.02),
)
DAY = 86_400


@dataclass(frozen=True)
class Fault:
    """What is other than usual while it lasts."""

    name: str
    failed: float = 0.0
    abstained: float = 0.0
    hits: float = 0.0
    empty: float = 0.0
    unsupported: float = 0.0
    tools: float = 0.0
    slower: float = 1.0
    tokens: float = 1.0


HEALTHY = Fault("healthy")
FAULTS = (
    Fault("outage", failed=0.9),
    Fault("half the turns fail", failed=0.5),
    Fault("slow provider", slower=4.0),
    Fault("three times the tokens", tokens=3.0),
    Fault("tool fails", tools=0.7),
    Fault("nothing is found", empty=0.6),
    Fault("answers without support", unsupported=0.5),
    Fault("injection campaign", hits=0.5),
)


class Traffic:
    """Sums of what happened, slot by slot, straight into the book."""

    def __init__(self, folder: Path, seed: int, per_second: float) -> None:
        self.random = np.random.default_rng(seed)
        self.clock = FixedClock()
        store = Store(folder / "data", clock=self.clock)
        store.create_tenant("acme")
        self.store = store.tenant("acme")
        self.ledger = Ledger(self.store, self.clock)
        self.book, self.position = Book(), Position()
        self.rate = per_second
        self.drift = np.zeros(8)
        self.fresh = {
            name: (int(self.clock.now().timestamp()), 1) for name in ("feature:assistant", "tool:search", "model:m")
        }

    def go(self, seconds: float, fault: Fault = HEALTHY, every: float = 5.0, hold: float = 0.0) -> None:
        """So many seconds, kept every so many (``hold`` for a history that nobody looks at)."""
        taken, kept = {}, 0.0
        for _ in range(int(seconds / every)):
            self.clock.advance(every)
            start = int(self.clock.now().timestamp()) // SLOT * SLOT
            for name, sums in self._turns(every, fault):
                add(taken.setdefault((start, name), {}), sums)
            kept += every
            if kept >= hold:
                self.keep(taken)
                taken, kept = {}, 0.0
        self.keep(taken)

    def keep(self, taken) -> None:
        clock = int(self.clock.now().timestamp())
        if taken:
            with self.store.begin() as tx:
                self.position = self.book.keep(tx, self.position, self.position, taken, self.fresh, clock)
            self.fresh = {}

    def _turns(self, seconds: float, fault: Fault):
        """Drift is an Ornstein-Uhlenbeck process of a few hours, a tenth up and down."""
        self.drift += -self.drift * seconds / 7200 + 0.1 * math.sqrt(2 * seconds / 7200) * self.random.normal(size=8)
        hour = self.clock.now().timestamp() % DAY / DAY * 2 * math.pi
        burst = 2.0 if self.random.random() < 0.002 else 1.0
        n = int(self.random.poisson(self.rate * seconds * (1 + 0.6 * math.sin(hour)) * burst))
        if not n:
            return []
        drift = np.exp(self.drift)
        chance = lambda usual, more, place: min(usual * drift[place] + more, 1.0)  # noqa: E731 - as short as it is
        sums: dict[str, float] = {"turns": n, "ended": n, "searches": n, "claims": 3.0 * n}
        sums["failed"] = float(self.random.binomial(n, chance(0.004, fault.failed, 0)))
        sums["answers"] = n - sums["failed"]
        sums["abstained"] = float(self.random.binomial(n, chance(0.08, fault.abstained, 1)))
        sums["hits"] = float(self.random.binomial(n, chance(0.02, fault.hits, 2)))
        sums["empty"] = float(self.random.binomial(n, chance(0.03, fault.empty, 3)))
        sums["unsupported"] = float(self.random.binomial(3 * n, chance(0.04, fault.unsupported, 4)))
        spent = 0.0
        for _ in range(n):
            tokens = float(self.random.lognormal(7, 0.7) * drift[5] * fault.tokens)
            level(sums, "tokens", tokens)
            level(sums, "cost", tokens * 2000)
            count_value(sums, "cost_nano", tokens * 2000)
            spent += tokens * 2000
            took = float(self.random.lognormal(6.5, 0.6) * drift[6] * fault.slower)
            count_value(sums, "latency_ms", took)
            level(sums, "latency", took)
        failed = float(self.random.binomial(n, chance(0.01, fault.tools, 7)))
        return [
            ("feature:assistant", sums),
            ("tool:search", {"tools": n, "tools_failed": failed}),
            ("model:m", {"calls": n, "ended": n, "failed": sums["failed"], "spent": spent}),
        ]


class Looker:
    """Looks as the server does."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.periods = Periods(traffic.store, traffic.clock)
        self.watch = Watch(self.periods)
        self.desk = AlertDesk(traffic.store, traffic.ledger, traffic.clock)
        self.seconds: list[float] = []

    def look(self):
        began = time.perf_counter()
        self.periods.refresh()
        found = []
        for each in SLOS:
            found += departures(standing(each, self.periods.feature), self.periods.run, self.periods.now)
        found += self.watch.look(Anomalies())
        fired = self.desk.look(found).fired
        self.seconds.append(time.perf_counter() - began)
        return fired


def soak(seed: int, hours: float, every: float = 5.0) -> tuple[Counter, list[float]]:
    """The rules of the alerts that fire in healthy hours, and how long looks take."""
    with tempfile.TemporaryDirectory() as folder:
        traffic = Traffic(Path(folder), seed, 1.0)
        traffic.go(3 * 3600, every=10, hold=600)
        looker, rules = Looker(traffic), Counter()
        for _ in range(int(hours * 3600 / every)):
            traffic.go(every, every=every)
            rules.update(each.rule for each in looker.look())
        return rules, looker.seconds


def detection(fault: Fault, seed: int) -> float | None:
    """Seconds from when a fault begins to the first alert; ``None`` for none in ten minutes."""
    with tempfile.TemporaryDirectory() as folder:
        traffic = Traffic(Path(folder), seed, 1.0)
        traffic.go(3 * 3600 + seed * 7, every=10, hold=600)
        looker = Looker(traffic)
        looker.look()
        for tick in range(120):
            traffic.go(5, fault, every=5)
            if looker.look():
                return (tick + 1) * 5.0
    return None


def counting(turns: int) -> dict[str, float]:
    """How fast the pass over evidence is, and a look over what it counted."""
    with tempfile.TemporaryDirectory() as folder:
        clock = FixedClock()
        store = Store(Path(folder) / "data", clock=clock)
        store.create_tenant("acme")
        tenant = store.tenant("acme")
        ledger = Ledger(tenant, clock)
        for _ in range(0, turns, 500):
            drafts = []
            for _ in range(500):
                turn = new_id("turn")
                for kind, facts in (
                    ("admitted", {"feature": "assistant", "release": "r1"}),
                    ("retrieved", {"passages": 5}),
                    (
                        "called",
                        {"model": "m", "provider": "p", "nano_usd": 2_000_000, "input_tokens": 900, "config": "c"},
                    ),
                    ("verified", {"claims": 3, "supported": 3}),
                    ("responded", {"abstained": False, "ms": 800.0}),
                    ("sealed", {"ms": 800.0}),
                ):
                    drafts.append(Draft(turn, kind, "user:ann", facts, None))
            with tenant.begin() as tx:
                ledger.append_all(tx, drafts)
            clock.advance(1300)
        began, used = time.perf_counter(), time.process_time()
        EvidenceReader(tenant, clock).catch_up()
        took, cpu = time.perf_counter() - began, time.process_time() - used
        periods = Periods(tenant, clock)
        began = time.perf_counter()
        periods.refresh()
        for each in SLOS:
            standing(each, periods.feature)
        first = time.perf_counter() - began
        began = time.perf_counter()
        periods.refresh()
        for each in SLOS:
            standing(each, periods.feature)
        again = time.perf_counter() - began
    return {
        "turns": turns,
        "turns_per_second": round(turns / took),
        "cpu_us_per_turn": round(cpu / turns * 1e6, 1),
        "first_look_ms": round(first * 1000, 1),
        "look_ms": round(again * 1000, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each scene")
    parser.add_argument("--hours", type=float, default=2.0, help="of each healthy soak")
    parser.add_argument("--turns", type=int, default=20_000, help="turns that are counted from evidence")
    given = parser.parse_args()
    false, looks = Counter(), list[float]()
    for seed in range(given.seeds):
        rules, seconds = soak(seed, given.hours)
        false += rules
        looks += seconds
    found = []
    for fault in FAULTS:
        delays = [detection(fault, seed) for seed in range(given.seeds)]
        seen = [each for each in delays if each is not None]
        median = statistics.median(seen) if seen else None
        found.append(
            {"fault": fault.name, "median_s": median, "worst_s": max(seen, default=None), "missed": delays.count(None)}
        )
    result = {
        "healthy_hours": given.seeds * given.hours,
        "false_alarms": sum(false.values()),
        "false_by_rule": dict(false),
        "look_p95_ms": round(statistics.quantiles(looks, n=20)[-1] * 1000, 1),
        "detection": found,
        "counting": counting(given.turns),
    }
    if given.json:
        sys.stdout.write(json.dumps(result) + "\n")
        return 0
    print(
        f"{result['false_alarms']} false alarms in {result['healthy_hours']:g} healthy hours {result['false_by_rule'] or ''}"
    )
    for each in found:
        print(
            f"{each['fault']:26} seen after {each['median_s']} s, at worst {each['worst_s']} s, missed {each['missed']}"
        )
    print(result["counting"], f"a look takes {result['look_p95_ms']} ms at p95")
    return 0


if __name__ == "__main__":
    sys.exit(main())
