"""No budget is overrun: not by threads, event loops or processes, not by a crash, a lost answer or a changed configuration."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from aver.core.clock import SystemClock
from aver.core.errors import BudgetExceeded, LimitReached, Unavailable
from aver.core.principal import Principal
from aver.gateway.budgets import Amount, Spender, TenantBudgets, spending
from aver.gateway.config.types import Budget, GatewayConfig
from tests.budget_stores import TENANT, HandClock, Lossy, Meanwhile, StoreAt, redis_server
from tests.processes import PROCESSES

ADA = Spender(Principal(TENANT, "ada"), key="key_1", feature="assistant", model="small", route="fast")


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def place(request, tmp_path):
    if request.param == "redis":
        with redis_server() as url:
            yield StoreAt("redis", tmp_path, url)
    else:
        url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
        yield StoreAt(request.param, tmp_path / "data", url)


@pytest.fixture
def grants(place):
    with place.open() as store:
        yield store


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
async def make(grants, clock):
    """Budgets as a process of its own would have them: ``make(budget, ...)`` or ``make(config=...)``."""
    made = []

    def make_one(*budgets: Budget, config=None, idle: float = 0.05) -> TenantBudgets:
        declared = GatewayConfig(budgets=budgets)
        made.append(TenantBudgets(grants, config or (lambda: declared), clock, idle=idle))
        return made[-1]

    yield make_one
    for each in made:
        await each.close()


def requests(limit: int, **fields) -> Budget:
    return Budget("calls", fields.pop("per", "tenant"), "requests", limit, fields.pop("period", "day"), **fields)


ONE = Amount(requests=1)


async def reserved(budgets: TenantBudgets, times: int, amount: Amount = ONE, spender: Spender = ADA) -> list:
    """What of so many concurrent reservations was granted."""
    outcomes = await asyncio.gather(*(budgets.reserve(spender, amount) for _ in range(times)), return_exceptions=True)
    assert all(not isinstance(each, BaseException) or isinstance(each, LimitReached) for each in outcomes), outcomes
    return [each for each in outcomes if not isinstance(each, BaseException)]


async def test_exactly_as_many_calls_as_the_limit_are_let_through(make):
    assert len(await reserved(make(requests(50)), 80)) == 50


async def test_what_is_given_back_can_be_used_again_and_what_is_used_cannot(make, grants, clock):
    budgets = make(Budget("tokens", "tenant", "tokens", 100, "day"))
    first = await budgets.reserve(ADA, Amount(tokens=100))
    with pytest.raises(BudgetExceeded):
        await budgets.reserve(ADA, Amount(tokens=1))
    first.settle(Amount(tokens=30))
    first.settle(Amount(tokens=0))  # the second time does nothing
    second = await budgets.reserve(ADA, Amount(tokens=70))
    with pytest.raises(BudgetExceeded):
        await budgets.reserve(ADA, Amount(tokens=1))
    second.settle(Amount(tokens=70))
    await budgets.close()
    (entry,) = spending(grants, clock.now())
    assert (entry.used, entry.reserved, entry.abandoned, entry.limit) == (100, 0, 0, 100)
    assert (entry.budget, entry.unit, entry.period, entry.value) == (
        "tokens",
        "tokens",
        "2096-11-24",
        f"tenant:{TENANT}",
    )


async def test_more_than_was_reserved_is_charged_in_full(make, grants, clock):
    budgets, other = (
        make(Budget("t", "tenant", "tokens", 100, "day")),
        make(Budget("t", "tenant", "tokens", 100, "day")),
    )
    (await budgets.reserve(ADA, Amount(tokens=10))).settle(Amount(tokens=250))
    await budgets.close()
    assert [entry.used for entry in spending(grants, clock.now())] == [250]
    with pytest.raises(BudgetExceeded):
        await other.reserve(ADA, Amount(tokens=1))


async def test_a_call_is_reserved_in_every_budget_or_in_none(make):
    budgets = make(requests(10), Budget("money", "user", "usd", 5_000, "month"))
    for _ in range(3):
        with pytest.raises(BudgetExceeded, match="'money'"):
            await budgets.reserve(ADA, Amount(requests=1, nano_usd=5_001))
    assert len(await reserved(budgets, 20, Amount(requests=1, nano_usd=500))) == 10


async def test_a_stream_extends_its_reservation_while_there_is_room(make):
    budgets = make(Budget("t", "tenant", "tokens", 100, "day"))
    held = await budgets.reserve(ADA, Amount(tokens=10))
    assert await held.extend(Amount(tokens=80))
    assert held.amount == Amount(tokens=90)
    assert not await held.extend(Amount(tokens=11))
    assert held.amount == Amount(tokens=90)
    assert await held.extend(Amount(tokens=10))
    held.settle(Amount(tokens=5))
    assert not await held.extend(Amount(tokens=1))
    assert len(await reserved(budgets, 100, Amount(tokens=1))) == 95


async def test_a_reservation_settles_in_the_window_it_was_made_in(make, grants, clock):
    budgets = make(requests(3))
    held = await reserved(budgets, 3)
    clock.time += timedelta(days=1)
    assert len(await reserved(budgets, 9)) == 3
    for each in held:
        each.settle(ONE)
    await budgets.close()
    used = {entry.period: (entry.used, entry.reserved) for entry in spending(grants, clock.now())}
    assert used == {"2096-11-24": (3, 0), "2096-11-25": (0, 3)}


@pytest.mark.parametrize(
    ("period", "seconds"),
    [("minute", 30), ("hour", 3570), ("day", 43170), ("month", 6 * 86400 + 43170)],
)
async def test_a_refusal_says_when_the_window_ends(make, clock, period, seconds):
    budgets = make(requests(1, period=period))
    await budgets.reserve(ADA, ONE)
    with pytest.raises(LimitReached) as refused:
        await budgets.reserve(ADA, ONE)
    assert refused.value.retry_after == seconds
    clock.time += timedelta(seconds=seconds - 0.001)
    with pytest.raises(LimitReached):
        await budgets.reserve(ADA, ONE)
    clock.time += timedelta(milliseconds=1)
    await budgets.reserve(ADA, ONE)


async def test_a_budget_for_ever_never_begins_again(make, clock):
    budgets = make(Budget("once", "tenant", "usd", 10, "ever"))
    (await budgets.reserve(ADA, Amount(nano_usd=10))).settle(Amount(nano_usd=10))
    clock.time += timedelta(days=10_000)
    with pytest.raises(BudgetExceeded) as refused:
        await budgets.reserve(ADA, Amount(nano_usd=1))
    assert refused.value.retry_after is None


async def test_each_value_has_its_own_room_and_hears_only_of_its_own(make):
    budgets = make(requests(2, per="user"), requests(9, per="key", of="key_2"))
    bob = Spender(Principal(TENANT, "bob"), key="key_2")
    assert len(await reserved(budgets, 5)) == 2
    assert len(await reserved(budgets, 5, spender=bob)) == 2
    with pytest.raises(LimitReached) as refused:
        await budgets.reserve(ADA, ONE)
    assert refused.value.cause == (
        "The budget 'calls' allows 2 requests a day for each user and has 0 requests left, and this call may need 1 request"
    )
    for spender, applying in ((ADA, ["user"]), (bob, ["user", "key"])):
        held = await budgets.reserve(spender, Amount())
        assert [budget.per for budget in held.budgets] == applying
        held.settle(Amount())


async def test_a_limit_of_nothing_refuses_all_and_the_largest_counts_exactly(make, grants, clock):
    with pytest.raises(LimitReached):
        await make(requests(0)).reserve(ADA, ONE)
    most = 2**53 - 1
    budgets = make(Budget("huge", "tenant", "usd", 10**30, "day"))
    (await budgets.reserve(ADA, Amount(nano_usd=most - 1))).settle(Amount(nano_usd=most - 1))
    (await budgets.reserve(ADA, Amount(nano_usd=1))).settle(Amount(nano_usd=1))
    with pytest.raises(BudgetExceeded):
        await budgets.reserve(ADA, Amount(nano_usd=1))
    await budgets.close()
    assert [entry.used for entry in spending(grants, clock.now()) if entry.budget == "huge"] == [most]


async def test_a_clock_that_is_set_back_finds_what_was_spent_then(make, clock):
    budgets = make(requests(2))
    for held in await reserved(budgets, 2):
        held.settle(ONE)
    clock.time += timedelta(days=1)
    assert len(await reserved(budgets, 3)) == 2
    clock.time -= timedelta(days=1)
    assert await reserved(budgets, 3) == []


async def test_a_lowered_limit_holds_at_once_and_a_raised_one_too(make):
    current = GatewayConfig(budgets=(requests(100),))
    budgets = make(config=lambda: current)
    held = await reserved(budgets, 40)
    current = GatewayConfig(budgets=(requests(20),))
    assert await reserved(budgets, 5) == []
    for each in held[:30]:
        each.settle(Amount())
    assert len(await reserved(budgets, 50)) == 10
    current = GatewayConfig(budgets=(requests(25),))
    assert len(await reserved(budgets, 50)) == 5


async def test_room_that_lies_idle_goes_to_who_needs_it(make):
    first, second = make(requests(100), idle=0.2), make(requests(100), idle=0.2)
    for held in await reserved(first, 5):
        held.settle(Amount())
    assert len(await reserved(second, 100)) == 100


async def test_room_is_not_kept_from_one_process_while_another_is_slow_to_use_it(make, grants):
    """The first goes on working, slowly, with far more room than it uses."""
    first, second = make(requests(200), idle=0.1), make(requests(200), idle=0.1)
    for held in await reserved(first, 20):
        held.settle(Amount())
    stop = asyncio.Event()

    async def work() -> None:
        while not stop.is_set():
            (await first.reserve(ADA, ONE)).settle(Amount())
            await asyncio.sleep(0.02)

    working = asyncio.create_task(work())
    got = len(await reserved(second, 150))
    stop.set()
    await working
    assert got == 150


async def test_a_caller_who_leaves_while_it_waits_holds_nothing(make, grants, clock):
    budgets = make(requests(10))
    tasks = [asyncio.create_task(budgets.reserve(ADA, ONE)) for _ in range(10)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    kept = [each for each in outcomes if not isinstance(each, BaseException)]
    assert len(await reserved(budgets, 20)) == 10 - len(kept)


async def test_closing_gives_back_what_no_call_needs_and_later_settles_still_count(make, grants, clock):
    budgets = make(requests(100))
    first, second = await reserved(budgets, 2)
    first.settle(ONE)
    await budgets.close()
    (entry,) = spending(grants, clock.now())
    assert (entry.used, entry.reserved) == (1, 1)
    with pytest.raises(Unavailable):
        await budgets.reserve(ADA, ONE)
    second.settle(ONE)
    await budgets.close()
    (entry,) = spending(grants, clock.now())
    assert (entry.used, entry.reserved) == (2, 0)


async def test_what_was_reserved_is_on_record(make):
    budgets = make(Budget("money", "user", "usd", 5_000, "month"))
    held = await budgets.reserve(ADA, Amount(nano_usd=3_000))
    (entry,) = held.state()
    assert entry == {
        "budget": "money", "per": "user", "unit": "usd", "period": "month",
        "limit": 5_000, "left": 5_000, "reserved": 3_000, "settled": None,
    }  # fmt: skip
    held.settle(Amount(nano_usd=1_234))
    assert held.state()[0]["settled"] == 1_234


async def test_threads_with_loops_of_their_own_share_one_budget(make, grants, clock):
    budgets = make(Budget("t", "tenant", "tokens", 3_000, "day"))
    used: list[int] = []

    def work(seed: int) -> None:
        used.append(asyncio.run(_spend(budgets, random.Random(seed), 150)))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    await asyncio.to_thread(lambda: [thread.join() for thread in threads])
    assert 0 < sum(used) <= 3_000
    await budgets.close()
    assert [(entry.used, entry.reserved) for entry in spending(grants, clock.now())] == [(sum(used), 0)]


async def _spend(budgets: TenantBudgets, chance: random.Random, calls: int) -> int:
    """So many concurrent calls, each settling less than it reserved; the tokens they used."""

    async def call(worst: int, used: int) -> int:
        try:
            held = await budgets.reserve(ADA, Amount(1, worst))
        except LimitReached:
            return 0
        await asyncio.sleep(chance.random() / 100)
        held.settle(Amount(1, used))
        return used

    worsts = [chance.randint(1, 40) for _ in range(calls)]
    return sum(await asyncio.gather(*(call(worst, chance.randint(0, worst)) for worst in worsts)))


_LIMIT = 4_000


def _process(place: StoreAt, seed: int, results) -> None:
    async def main() -> int:
        with place.open() as grants:
            config = GatewayConfig(budgets=(Budget("t", "tenant", "tokens", _LIMIT, "ever"),))
            budgets = TenantBudgets(grants, lambda: config, SystemClock(), idle=0.1)
            used = await _spend(budgets, random.Random(seed), 250)
            await budgets.close()
            return used

    results.put(asyncio.run(main()))


async def test_processes_that_race_never_hold_or_spend_more_than_the_limit(place, grants):
    results = PROCESSES.Queue()
    processes = [PROCESSES.Process(target=_process, args=(place, seed, results)) for seed in range(4)]
    for process in processes:
        process.start()
    most = 0
    while any(process.is_alive() for process in processes):
        most = max(most, sum(grant.granted for grant in grants.grants()))
        await asyncio.sleep(0.005)
    used = [results.get(timeout=60) for _ in processes]
    assert most <= _LIMIT
    (entry,) = spending(grants, datetime.now(UTC))
    assert (entry.used, entry.reserved, entry.abandoned) == (sum(used), 0, 0)
    assert entry.used > _LIMIT / 2, "the race was too small to reach the limit"


def _crash(place: StoreAt, results) -> None:
    async def main() -> None:
        with place.open() as grants:
            config = GatewayConfig(budgets=(requests(100),))
            budgets = TenantBudgets(grants, lambda: config, HandClock())
            await reserved(budgets, 10)
            results.put("reserved")
            results.close()
            results.join_thread()
            os._exit(1)

    asyncio.run(main())


async def test_what_a_process_held_when_it_died_counts_as_spent_until_the_window_ends(place, grants, make, clock):
    results = PROCESSES.Queue()
    process = PROCESSES.Process(target=_crash, args=(place, results))
    process.start()
    assert results.get(timeout=60) == "reserved"
    process.join()
    (entry,) = spending(grants, clock.now())
    assert (entry.used, entry.abandoned) == (0, 0)
    assert 10 <= entry.reserved < 100
    clock.time += timedelta(minutes=3)
    (entry,) = spending(grants, clock.now())
    held = entry.abandoned
    assert (entry.used, entry.reserved) == (0, 0)
    survivor = make(requests(100))
    assert len(await reserved(survivor, 120)) == 100 - held
    clock.time += timedelta(days=1)
    assert len(await reserved(survivor, 120)) == 100


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_fault_of_the_store_refuses_the_call_and_loses_nothing(grants, clock, moment):
    lossy = Lossy(grants)
    config = GatewayConfig(budgets=(requests(100),))
    budgets = TenantBudgets(lossy, lambda: config, clock, idle=0.05)
    kept = await reserved(budgets, 3)
    lossy.fail = moment
    outcomes = await asyncio.gather(*(budgets.reserve(ADA, ONE) for _ in range(60)), return_exceptions=True)
    assert any(isinstance(each, Unavailable) for each in outcomes)
    kept += [each for each in outcomes if not isinstance(each, BaseException)]
    assert len(kept) < 100
    lossy.fail = ""
    assert len(await reserved(budgets, 200)) == 100 - len(kept)
    for each in kept:
        each.settle(ONE)
    await budgets.close()
    (entry,) = spending(grants, clock.now())
    assert (entry.used, entry.reserved) == (len(kept), 100 - len(kept))


async def test_a_call_is_not_refused_because_others_of_its_process_took_what_was_fetched_for_it(grants, clock):
    """Twice, while room is fetched for it, a fresh call takes all that is free: from the thread that fetches, so it must not wait."""
    config = GatewayConfig(budgets=(Budget("words", "tenant", "tokens", 100, "day"),))
    taken = []

    def take() -> None:
        if amounts:
            mine = budgets.reserve(ADA, Amount(tokens=amounts.pop(0)))
            taken.append(asyncio.run(asyncio.wait_for(mine, 60)))

    amounts: list[int] = []
    budgets = TenantBudgets(Meanwhile(grants, take), lambda: config, clock, idle=1.0)
    (await budgets.reserve(ADA, Amount(tokens=16))).settle(Amount())
    amounts += [16, 10]
    held = await budgets.reserve(ADA, Amount(tokens=18))
    assert [each.amount.tokens for each in (*taken, held)] == [16, 10, 18]
    for each in (*taken, held):
        each.settle(each.amount)
    await budgets.close()
    (entry,) = spending(grants, clock.now())
    assert (entry.used, entry.reserved) == (44, 0)


async def test_what_is_closed_during_an_exchange_is_given_back_too(grants, clock):
    """The second exchange keeps room for calls to come; then none come any more."""
    config = GatewayConfig(budgets=(Budget("words", "tenant", "tokens", 10_000, "day"),))
    closing = threading.Thread(target=lambda: asyncio.run(budgets.close()))
    exchanges: list[int] = []

    def close() -> None:
        if len(exchanges) == 1:
            closing.start()
            while not budgets._bank.closed:
                time.sleep(0.001)
        exchanges.append(len(exchanges))

    budgets = TenantBudgets(Meanwhile(grants, close), lambda: config, clock, idle=1.0)
    (await budgets.reserve(ADA, Amount(tokens=10))).settle(Amount(tokens=10))
    async with asyncio.timeout(60):
        while len(exchanges) < 2:  # noqa: ASYNC110 - another thread makes them
            await asyncio.sleep(0.01)
    await asyncio.to_thread(closing.join)
    assert [(grant.granted, grant.settled) for grant in grants.grants()] == [(10, 10)]


async def test_records_are_deleted_some_time_after_their_window(make, grants, clock, place):
    budgets = make(requests(5, period="minute"))
    for held in await reserved(budgets, 5):
        held.settle(ONE)
    await budgets.close()
    if place.kind == "redis":  # which counts by its own clock, and that is past the window of the test
        assert spending(grants, clock.now()) == [] or clock.now() > datetime.now(UTC) - timedelta(days=1)
        return
    assert [entry.used for entry in spending(grants, clock.now())] == [5]
    clock.time += timedelta(days=2)
    await make(requests(5, period="minute")).reserve(ADA, ONE)
    assert [entry.period for entry in spending(grants, clock.now())] == ["2096-11-26T12:00"]


async def test_a_forgotten_user_leaves_no_record(make, grants, clock):
    budgets = make(requests(5, per="user"), idle=0.05)
    held = await budgets.reserve(ADA, ONE)
    grants.forget("user:ada")
    held.settle(ONE)
    await budgets.close()
    assert spending(grants, clock.now()) == []


async def test_a_forked_process_does_not_spend_what_its_parent_holds(make, grants):
    budgets = make(requests(100))
    await reserved(budgets, 20)
    held = {grant.holder for grant in grants.grants()}
    parents = budgets._keeper
    budgets._process = 0  # as if this were another
    child = await budgets.reserve(ADA, ONE)
    assert len({grant.holder for grant in grants.grants()} - held) == 1
    child.settle(ONE)
    parents.close()


async def test_a_purse_is_not_given_up_between_a_call_that_finds_it_short_and_its_keeper(make, grants, clock):
    """Many short calls of ever new users, with a keeper that tidies all the time: every use must be on record in the end."""
    budgets = make(requests(3, per="user"), idle=0.001)

    async def call(user: int) -> int:
        try:
            held = await budgets.reserve(Spender(Principal(TENANT, f"user{user}")), ONE)
        except LimitReached:
            return 0
        await asyncio.sleep(0.002)
        held.settle(ONE)
        return 1

    admitted = sum([sum(await asyncio.gather(*(call(n % 40) for n in range(80)))) for _ in range(3)])
    await budgets.close()
    found = spending(grants, clock.now())
    assert all(entry.used <= 3 and entry.reserved == 0 for entry in found)
    assert sum(entry.used for entry in found) == admitted
