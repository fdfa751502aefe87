"""Budgets under a race, and what they cost when there is room.

``race``: 4 processes with 64 calls under way in each make 10,000 calls whose use is random and below what they reserve, against a
budget for half of it. Overspend is what was settled, or granted at any moment, beyond the limit. Admitted is what was used of the
limit: all that could have been. ``happy``: one call after the other with room to spare, reserved and settled in two budgets; CPU time,
beside a transaction for each reservation and each settlement on the same store, in turns within the run.

    python bench/budget_race.py --json [--calls 10000] [--stores sqlite postgres redis]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aver.core.clock import SystemClock
from aver.core.errors import LimitReached
from aver.core.principal import Principal
from aver.gateway.budgets import Amount, GrantStore, Spender, TenantBudgets
from aver.gateway.budgets.grants import GrantKey, Line
from aver.gateway.config.types import Budget, GatewayConfig
from tests.budget_stores import TENANT, StoreAt, redis_server
from tests.postgres import postgres_server

PROCESSES, AT_ONCE, WORST = 4, 64, 2_000
SPENDER = Spender(Principal(TENANT, "ada"))
SPAWN = multiprocessing.get_context("spawn")
FAR = "9999-12-31T23:59:59.999999Z"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--stores", nargs="+", default=["sqlite", "postgres", "redis"])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    report = {}
    for kind in options.stores:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aver-race-")))
            place = StoreAt(kind, folder / "data", _url(kind, stack))
            with place.open() as grants:
                report[kind] = race(place, grants, options.calls) | happy(grants)
    if options.json:
        print(json.dumps(report))
        return
    for kind, figures in report.items():
        print(kind, "  ".join(f"{name} {value:,}" for name, value in figures.items()))


def _url(kind: str, stack: ExitStack) -> str:
    if kind == "redis":
        return stack.enter_context(redis_server())
    if kind == "postgres":
        return stack.enter_context(stack.enter_context(postgres_server()).database())
    return ""


def race(place: StoreAt, grants: GrantStore, calls: int) -> dict[str, float]:
    limit = calls * WORST // 8  # uses are a quarter of the worst in the mean
    results = SPAWN.Queue()
    processes = [
        SPAWN.Process(target=_racer, args=(place, seed, calls // PROCESSES, limit, results))
        for seed in range(PROCESSES)
    ]
    began = time.perf_counter()
    for process in processes:
        process.start()
    most = 0
    while any(process.is_alive() for process in processes):
        most = max(most, sum(grant.granted for grant in grants.grants()))
        time.sleep(0.01)
    used, admitted = (sum(each) for each in zip(*(results.get() for _ in processes), strict=True))
    settled = sum(grant.settled for grant in grants.grants())
    assert settled == used, "what was used is not what is on record"
    return {
        "overspend": max(0, used - limit, most - limit),
        "admitted_share": round(used / limit, 4),
        "admitted_calls": admitted,
        "race_s": round(time.perf_counter() - began, 2),
    }


def _racer(place: StoreAt, seed: int, calls: int, limit: int, results: multiprocessing.Queue) -> None:
    chance = random.Random(seed)
    config = GatewayConfig(budgets=(Budget("race", "tenant", "tokens", limit, "ever"),))
    used = admitted = 0

    async def caller(budgets: TenantBudgets, times: int) -> None:
        nonlocal used, admitted
        for _ in range(times):
            worst = chance.randint(1, WORST)
            try:
                held = await budgets.reserve(SPENDER, Amount(1, worst))
            except LimitReached:
                await asyncio.sleep(0.001)
                continue
            await asyncio.sleep(chance.random() / 200)
            tokens = chance.randint(0, worst)
            held.settle(Amount(1, tokens))
            used += tokens
            admitted += 1

    async def run() -> None:
        with place.open() as grants:
            budgets = TenantBudgets(grants, lambda: config, SystemClock())
            await asyncio.gather(*(caller(budgets, calls // AT_ONCE) for _ in range(AT_ONCE)))
            await budgets.close()

    asyncio.run(run())
    results.put((used, admitted))


def happy(grants: GrantStore, rounds: int = 5, calls: int = 10_000, naive_calls: int = 100) -> dict[str, float]:
    budgets = (Budget("a", "tenant", "usd", 10**15, "day"), Budget("b", "user", "requests", 10**12, "month"))
    ours = theirs = waited = 0.0

    async def spend() -> float:
        held = TenantBudgets(grants, lambda: config, SystemClock())
        amount = Amount(1, 1_000, 100_000)
        began = time.process_time()
        for _ in range(calls):
            (await held.reserve(SPENDER, amount)).settle(amount)
        took = time.process_time() - began
        await held.close()
        return took

    config = GatewayConfig(budgets=budgets)
    for number in range(rounds):
        ours += asyncio.run(spend())
        began, wall = time.process_time(), time.perf_counter()
        for call in range(naive_calls):
            for settled in (0, 1):  # one transaction to reserve, one to settle
                lines = [_line(budget, 2 * (number * naive_calls + call) + settled + 1, settled) for budget in budgets]
                grants.exchange("naive", lines, datetime.now(UTC))
        theirs += time.process_time() - began
        waited += time.perf_counter() - wall
    per_call, naive = ours / (rounds * calls), theirs / (rounds * naive_calls)
    return {
        "us_per_call": round(per_call * 1e6, 2),
        "naive_us_per_call": round(naive * 1e6, 1),
        "naive_wall_us_per_call": round(waited / (rounds * naive_calls) * 1e6, 1),
        "cpu_ratio": round(naive / per_call, 1),
    }


def _line(budget: Budget, seq: int, settled: int) -> Line:
    key = GrantKey(budget.name, budget.unit, "naive", "tenant:naive")
    return Line(key, budget.limit, seq, granted=1, settled=settled, reserved=1 - settled, expires=FAR, need=1, least=1)


if __name__ == "__main__":
    main()
