"""Whatever processes do in whatever order, nothing exceeds a limit, and nothing is lost once all have settled and closed."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from datetime import timedelta
from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aver.core.errors import LimitReached, Unavailable
from aver.core.principal import Principal
from aver.gateway.budgets import Amount, Spender, SqlGrantStore, TenantBudgets
from aver.gateway.config.types import Budget, GatewayConfig
from aver.store import Store
from tests.budget_stores import TENANT, HandClock, Lossy

SPENDER = Spender(Principal(TENANT, "ada"))
LIMIT = 200
PROCESSES = 3
_names = count()
_opened: list[SqlGrantStore] = []


def _grants() -> SqlGrantStore:
    """One database for all runs: each uses budgets of names of its own."""
    if not _opened:
        store = Store(Path(tempfile.mkdtemp(prefix="aver-budgets-")) / "data")
        store.create_tenant(TENANT)
        _opened.append(SqlGrantStore(store.tenant(TENANT)))
    return _opened[0]


class Processes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.grants = _grants()
        self.loop = asyncio.new_event_loop()
        self.clock = HandClock()
        self.name = f"budget-{next(_names)}"
        self.config = GatewayConfig(budgets=(Budget(self.name, "tenant", "tokens", LIMIT, "hour"),))
        self.stores: list[Lossy] = []
        self.budgets: list[TenantBudgets] = []
        for _ in range(PROCESSES):
            self._start()
        self.held: list[tuple[int, str, object]] = []
        self.used: Counter[str] = Counter()
        self.outstanding: Counter[str] = Counter()
        self.windows: set[str] = set()
        self.crashed: set[str] = set()

    def _start(self) -> None:
        store = Lossy(self.grants)
        self.stores.append(store)
        self.budgets.append(TenantBudgets(store, lambda: self.config, self.clock, idle=0.01))

    def _window(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H")

    @rule(process=st.integers(0, PROCESSES - 1), worsts=st.lists(st.integers(0, 90), min_size=1, max_size=5))
    def reserve(self, process, worsts):
        self.windows.add(self._window())

        async def all_at_once():
            calls = [self.budgets[process].reserve(SPENDER, Amount(tokens=worst)) for worst in worsts]
            return await asyncio.gather(*calls, return_exceptions=True)

        for worst, outcome in zip(worsts, self.loop.run_until_complete(all_at_once()), strict=True):
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, LimitReached | Unavailable)
                assert worst > 0
                continue
            self.held.append((process, self._window(), outcome))
            self.outstanding[self._window()] += worst

    @rule(which=st.integers(0, 100), share=st.floats(0, 1))
    def settle(self, which, share):
        if not self.held:
            return
        _, window, held = self.held.pop(which % len(self.held))
        used = int(held.amount.tokens * share)
        self.outstanding[window] -= held.amount.tokens
        self.used[window] += used
        held.settle(Amount(tokens=used))

    @rule(which=st.integers(0, 100), more=st.integers(0, 50))
    def extend(self, which, more):
        if not self.held:
            return
        _, window, held = self.held[which % len(self.held)]
        try:
            extended = self.loop.run_until_complete(held.extend(Amount(tokens=more)))
        except Unavailable:
            return
        if extended:
            self.outstanding[window] += more

    @rule(process=st.integers(0, PROCESSES - 1), fault=st.sampled_from(["", "", "before", "after"]))
    def fail(self, process, fault):
        self.stores[process].fail = fault

    @rule(process=st.integers(0, PROCESSES - 1))
    def crash(self, process):
        """Its calls went on at the provider: what they had reserved may all have been used."""
        self.stores[process].fail = "before"
        self.budgets[process]._bank.purses.clear()  # so that its thread ends
        self.crashed |= self.windows
        self.held = [each for each in self.held if each[0] != process]
        store = Lossy(self.grants)
        self.stores[process] = store
        self.budgets[process] = TenantBudgets(store, lambda: self.config, self.clock, idle=0.01)

    @rule()
    def rest(self):
        self.loop.run_until_complete(asyncio.sleep(0.02))

    @rule(hours=st.integers(-1, 1))
    def advance(self, hours):
        self.clock.time += timedelta(hours=hours)

    @invariant()
    def nothing_exceeds_the_limit(self):
        granted: Counter[str] = Counter()
        for grant in self.grants.grants():
            if grant.key.budget == self.name:
                granted[grant.key.period] += grant.granted
                assert 0 <= grant.settled <= grant.granted
        assert all(amount <= LIMIT for amount in granted.values())
        for window in self.outstanding.keys() | self.used.keys():
            assert self.outstanding[window] + self.used[window] <= LIMIT

    def teardown(self):
        while self.held:
            self.settle(0, 0.5)
        for store in self.stores:
            store.fail = ""
        for budgets in self.budgets:
            self.loop.run_until_complete(budgets.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        settled: Counter[str] = Counter()
        unused: Counter[str] = Counter()
        for grant in self.grants.grants():
            if grant.key.budget == self.name:
                settled[grant.key.period] += grant.settled
                unused[grant.key.period] += grant.granted - grant.settled
        for window, used in self.used.items():
            if window in self.crashed:
                assert settled[window] <= used <= settled[window] + unused[window]
            else:
                assert (settled[window], unused[window]) == (used, 0)


TestProcesses = Processes.TestCase
TestProcesses.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
