"""How soon the scorecard of a tenant with two years of hours is read, over periods of a day to a year.

``python bench/scorecard.py --json``. Sums are made up, as counting evidence would keep them: three features, another release each week, hundreds of people, latencies in
buckets; what keeps and reads them is what serves.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import numpy as np

from aver.evidence import Ledger
from aver.ops.book import DAY, HOUR, Book, Position
from aver.ops.scorecard.counting import _place
from aver.ops.scorecard.declaration import ScorecardConfig
from aver.ops.scorecard.service import Scorecards
from aver.ops.scorecard.types import Kept, Wanted
from aver.ops.sums import Sums, count_value
from aver.ops.types import ObjectivesConfig
from aver.store import Store
from aver.testing import FixedClock

TARGET_MS = 200.0
FEATURES = ("assistant", "desk", "support")
PERIODS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "1y": 365}


def filled(folder: Path, days: int, people: int, turns: int) -> tuple[Scorecards, int]:
    """A tenant with ``turns`` an hour of each feature, and how many rows its sums take."""
    clock, random = FixedClock(), np.random.default_rng(7)
    store = Store(folder / "data", clock=clock)
    store.create_tenant("acme")
    tenant = store.tenant("acme")
    book, position = Book(), Position()
    known: set[str] = set()
    for day in range(days):
        taken: dict[tuple[int, str], Sums] = {}
        fresh = {}
        release = f"{day // 7:016x}"
        for hour in range(24):
            start = int(clock.now().timestamp())
            for feature in FEATURES:
                name = f"{release}:{feature}"
                taken[start, f"card:{name}"] = _turns(random, turns)
                asked = random.integers(0, people, turns)
                taken[start, f"people:{name}"] = {_place(f"subject_{each}"): 1 for each in asked}
            if hour == 0:
                taken[start, f"tests:{release}:assistant"] = {"runs": 1, "precision.5": 60, "precision.5.n": 100}
                taken[start, "tenant:-:"] = {"documents": 3, "survey~4": 1}
            for _, name in taken:
                if name not in known:
                    known.add(name)
                    fresh[name] = (start, 1)
            clock.advance(HOUR)
        with tenant.begin() as tx:
            position = book.keep(tx, position, position, taken, fresh, int(clock.now().timestamp()))
    with tenant.read() as tx:
        rows = sum(1 for span in ("ch", "cd") for _ in book.rows(tx, span, 0))
    kept = Kept(people=people, documents=1000, features=frozenset(FEATURES))
    cards = Scorecards(tenant, Ledger(tenant, clock), clock, ScorecardConfig, ObjectivesConfig, lambda: kept)
    return cards, rows


def _turns(random: np.random.Generator, n: int) -> Sums:
    done = int(random.binomial(n, 0.93))
    usd, tokens = random.gamma(2, 0.002, n), random.normal(1800, 300, n)
    sums: Sums = {"turns": n, "ended": n, "unsuccessful": n - done, "answers": n, "done": done, "claims": 3.0 * n}
    sums |= {"claiming": n, "grounded": int(random.binomial(n, 0.96)), "looked": n, "leaked": 0, "asked": n}
    sums |= {"usd": usd.sum(), "usd.2": (usd**2).sum(), "usd.done": usd[:done].sum(), "tokens": tokens.sum()}
    sums |= {"tokens.2": (tokens**2).sum(), "tokens.done": tokens[:done].sum(), "asked.done": done}
    for each in random.lognormal(7.0, 0.5, n):
        count_value(sums, "latency_ms", each)
    return {name: float(value) for name, value in sums.items()}


def timed(cards: Scorecards, days: int, times: int, **wanted: str) -> dict[str, float]:
    took, cpu = [], []
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        cards.read(Wanted(period=timedelta(days=days), **wanted))
        took.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    took.sort()
    return {
        "median_ms": round(statistics.median(took), 1),
        "p95_ms": round(took[int(0.95 * (len(took) - 1))], 1),
        "cpu_ms": round(statistics.median(cpu), 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=731)
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--turns", type=int, default=20, help="an hour, of each feature")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cards, rows = filled(Path(folder), given.days, given.people, given.turns)
        found = {name: timed(cards, days, given.times) for name, days in PERIODS.items()}
        found["1y, one feature"] = timed(cards, 365, given.times, feature="desk")
    result = {
        "days": given.days,
        "hours": given.days * DAY // HOUR,
        "turns": given.days * 24 * given.turns * len(FEATURES),
        "rows": rows,
        "target_ms": TARGET_MS,
        "periods": found,
        "within": all(each["p95_ms"] <= TARGET_MS for each in found.values()),
    }
    if given.json:
        print(json.dumps(result, indent=2))
    else:
        for name, each in found.items():
            print(f"{name:>16}  {each['median_ms']:8.1f} ms  p95 {each['p95_ms']:8.1f} ms")
    return 0 if result["within"] else 1


if __name__ == "__main__":
    sys.exit(main())
