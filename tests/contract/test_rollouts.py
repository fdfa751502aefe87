"""Rollouts on either engine: two replicas that look at once, one that dies, people who act over their heads, and who keeps what."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from aver.core.errors import Conflict, NotFound
from aver.evidence import Draft, Ledger
from aver.releases import Registry
from aver.releases.rollout.assignment import Who, assign
from aver.releases.rollout.controller import RolloutController
from aver.releases.rollout.desk import RegistryDesk
from aver.releases.rollout.machine import begin, say
from aver.releases.rollout.reading import EvidenceTraffic
from aver.releases.rollout.state import Rollout
from aver.store import Store
from aver.testing import FixedClock
from tests.releases import FREE, open_registry, write_bundle
from tests.unit.releases.rollout.conftest import plan_of

PLAN = """
stages: [{percent: 25, samples: 10}, {percent: 50, samples: 30}]
metrics: [{metric: groundedness, no_worse_by: 0.5}, {metric: failed, at_most: 0.9}]
"""


@dataclass
class Replica:
    """One process's view of an installation: its own connections, the same database and files."""

    store: Store
    clock: FixedClock
    registry: Registry

    @property
    def books(self):
        entered = (self.store.tenant(each.id) for each in self.store.tenants())
        return {each.tenant.id: (each, Ledger(each, self.clock)) for each in entered}

    @property
    def desk(self) -> RegistryDesk:
        return RegistryDesk(self.registry, self.store, lambda: self.books, self.clock)

    def controller(self) -> RolloutController:
        traffic = EvidenceTraffic(lambda: {name: ledger for name, (_, ledger) in self.books.items()})
        return RolloutController(self.desk, traffic, self.clock)

    def begin(self, control: str, candidate: str, plan: str = PLAN) -> Rollout:
        variants = {"candidate": candidate}
        return self.desk.start(
            begin(plan_of(plan), "development", control, variants, self.clock.now(), by="ann")
        ).rollout

    def turn(self, rollout: Rollout, user: str, supported: int = 3) -> None:
        tenant, (store, ledger) = next(iter(self.books.items()))
        assigned, subject = assign(rollout, Who(tenant, user)), f"user:{user}"
        turn = f"turn_{user}_{ledger.head().seq}"
        with store.begin() as tx:
            drafts = [
                Draft(turn, "admitted", subject, {"characters": 20, **assigned.facts()}, {"question": "?"}),
                Draft(turn, "verified", subject, {"sentences": 3, "supported": supported}, {}),
                Draft(turn, "sealed", subject, {}),
            ]
            ledger.append_all(tx, drafts)


@pytest.fixture
def replica(tmp_path, database_url) -> Iterator:
    """Makes replicas of one installation with a tenant."""
    opened, clock = [], FixedClock()

    def make() -> Replica:
        store = Store(tmp_path / "data", database_url, clock)
        opened.append(store)
        return Replica(store, clock, open_registry(tmp_path, store, clock))

    first = make()
    first.store.create_tenant("acme")
    yield lambda: make() if first.registry.environments() else first
    for store in opened:
        store.close()


@pytest.fixture
def one(tmp_path, replica) -> Replica:
    found = replica()
    found.arms = [
        found.registry.create(write_bundle(tmp_path / "b", FREE, n_dot_md=str(n)), by="ann").digest for n in (0, 1)
    ]
    found.registry.promote("development", found.arms[0], "ann")
    return found


def staged(one: Replica, rollout: Rollout) -> list[str]:
    """What its evidence says that happened, each once, but for stages that were held for a while."""
    ((_, ledger),) = one.books.values()
    steps = ledger.turn(rollout.id)
    assert [step.facts["number"] for step in steps] == list(range(1, len(steps) + 1))
    return [step.facts["event"] for step in steps if step.facts["event"] != "held"]


def test_replicas_that_look_at_the_same_time_count_each_turn_once_and_promote_once(one, replica):
    rollout, replicas = one.begin(*one.arms), [one, replica(), replica()]
    one.controller().step()

    def look(which: Replica) -> None:
        with suppress(Conflict):
            which.controller().step()

    for part in range(12):
        current = one.desk.find("development")
        if current is None:
            break
        for number in range(25):
            one.turn(current.rollout, f"user{25 * part + number}")
        one.clock.advance(5)
        threads = [threading.Thread(target=look, args=(each,)) for each in replicas]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    one.controller().step()
    assert one.registry.environment("development").digest == one.arms[1]
    assert staged(one, rollout) == ["began", "advanced", "promoted"]
    ((_, ledger),) = one.books.values()
    measured, _ = one.desk.measured(rollout)
    assert measured.observed.turns.sum() <= len(list(ledger.of_kind("sealed")))
    assert measured.observed.turns.sum() % 25 == 0
    assert [move.kind for move in one.registry.moves("development")] == ["promoted", "promoted"]


def test_everybody_keeps_their_arm_over_replicas_restarts_and_stages(one, replica):
    rollout = one.begin(*one.arms)
    people = [Who("t", f"user{number}") for number in range(200)]
    before = [assign(rollout, who).arm for who in people]
    one.controller().step()
    for number in range(100):
        one.turn(rollout, f"user{number}")
    one.controller().step()
    found = replica().desk.one("development").rollout  # as another process reads it, later
    assert found.stage == 1
    after = [assign(found, who).arm for who in people]
    assert all(now == "candidate" for was, now in zip(before, after, strict=True) if was == "candidate")
    assert after.count("candidate") > before.count("candidate")


@pytest.mark.parametrize("act", ["promote", "rollback"])
def test_who_moves_the_environment_ends_its_rollout_and_it_is_told(one, act, tmp_path):
    events = []
    one.registry._record = events.append
    rollout = one.begin(*one.arms)
    one.controller().step()
    if act == "promote":
        third = one.registry.create(write_bundle(tmp_path / "b", FREE, n_dot_md="2"), by="ann").digest
        one.registry.promote("development", third, "ann")
    else:
        one.registry.rollback("development", "ann", "it is rude")
    assert events[-1].rollout == rollout.id
    assert one.controller().step() == []
    (past,) = one.desk.past("development")
    assert (past.id, past.status) == (rollout.id, "aborted")
    assert one.desk.latest("development").id == rollout.id
    with pytest.raises(NotFound):
        one.desk.latest("development", "experiment")
    again = one.begin(one.registry.environment("development").digest, one.arms[1])
    one.desk.change("development", lambda each: say(each, "abort", one.clock.now(), by="ann", reason="enough"))
    one.controller().step()
    assert [each.id for each in one.desk.past("development")] == [rollout.id, again.id]


def test_a_replica_that_dies_between_two_writes_is_gone_on_for(one, replica, monkeypatch):
    rollout = one.begin(*one.arms, plan=PLAN.replace("percent: 25, samples: 10}, {", ""))
    one.controller().step()
    for number in range(120):
        one.turn(rollout, f"user{number}")
    dying = replica()

    class Killed(Exception):
        pass

    def die(*_, **__):
        raise Killed

    for moment in ("keep", "record", "end"):  # as kill -9 would, before each of them
        monkeypatch.setattr(RegistryDesk, moment, die)
        one.clock.advance(5)
        with pytest.raises(Killed):
            dying.controller().step()
        monkeypatch.undo()
        if moment == "end":
            assert one.registry.environment("development").digest == one.arms[0]
    one.controller().step()
    assert one.registry.environment("development").digest == one.arms[1]
    assert staged(one, rollout) == ["began", "promoted"]
    assert one.desk.measured(rollout)[0].observed.turns.sum() == 120


def test_what_a_rollout_that_was_rolled_back_came_to_can_still_be_seen(one):
    rollout = one.begin(*one.arms)
    one.controller().step()
    tenant = next(iter(one.books))
    for number in range(150):
        tried = assign(rollout, Who(tenant, f"user{number}")).arm == "candidate"
        one.turn(rollout, f"user{number}", supported=0 if tried else 3)
    one.controller().step()
    past = one.desk.latest("development")
    assert past.status == "rolled_back"
    analysis = one.controller().analysis(past)
    assert (analysis.verdict, analysis.findings[0].outcome) == ("fail", "fail")
