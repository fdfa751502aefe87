"""Rollouts in the control database and the evidence of every tenant, over a registry of releases that is a dictionary."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from aver.core.errors import Conflict, NotFound
from aver.evidence import Draft, Ledger
from aver.releases.rollout.assignment import Who, assign
from aver.releases.rollout.controller import RolloutController
from aver.releases.rollout.declaration import plan_digest
from aver.releases.rollout.desk import RegistryDesk
from aver.releases.rollout.machine import begin, promote, say
from aver.releases.rollout.reading import EvidenceTraffic
from aver.releases.rollout.state import Rollout
from aver.store import Store
from aver.testing import FixedClock
from tests.unit.releases.rollout.conftest import plan_of

CONTROL, CANDIDATE = "a" * 64, "b" * 64
PLAN = """
stages: [{percent: 50, samples: 10}]
metrics:
- {metric: groundedness, no_worse_by: 0.5}
- {metric: failed, at_most: 0.9}
- {metric: feedback, no_worse_by: 0.5, optional: true}
"""


@dataclass(frozen=True)
class Row:
    name: str
    digest: str
    rollout: dict | None = None
    revision: int = 1


@dataclass
class Registry:
    """What the registry of releases does, as far as rollouts go."""

    rows: dict[str, Row]
    known: set[str] = field(default_factory=lambda: {CONTROL, CANDIDATE})
    lacks: tuple[str, ...] = ()
    ended: list[dict] = field(default_factory=list)

    def environment(self, name):
        return self.rows[name]

    def pins(self):
        return dict(self.rows)

    def get(self, reference):
        if reference not in self.known:
            raise NotFound("There is no such release", "See aver release list.")
        return reference

    def lacking(self, environment, reference):
        return self.lacks

    def promote(self, environment, reference, by, reason="", *, revision=None):
        return self._set(environment, revision, digest=reference, rollout=None)

    def save_rollout(self, environment, rollout, *, revision):
        return self._set(environment, revision, rollout=rollout)

    def past_rollouts(self, environment):
        return self.ended

    def _set(self, name, revision, **values):
        was = self.rows[name]
        if was.revision != revision:
            raise Conflict("It was changed meanwhile", "Look again.")
        if was.rollout and not values.get("rollout"):
            self.ended.append(was.rollout)
        self.rows[name] = replace(was, revision=was.revision + 1, **values)
        return self.rows[name]


class Control:
    def __init__(self, store: Store) -> None:
        self._database = store._database

    @contextmanager
    def begin(self):
        with self._database.write() as tx:
            yield tx

    @contextmanager
    def read(self):
        with self._database.read() as tx:
            yield tx


@dataclass
class House:
    """Two tenants, a registry, and a desk over them."""

    clock: FixedClock
    registry: Registry
    books: dict
    desk: RegistryDesk

    def controller(self) -> RolloutController:
        traffic = EvidenceTraffic(lambda: {name: ledger for name, (_, ledger) in self.books.items()})
        return RolloutController(self.desk, traffic, self.clock)

    def begin(self, plan=PLAN, **given) -> Rollout:
        rollout = begin(
            plan_of(plan), "production", CONTROL, {"candidate": CANDIDATE}, self.clock.now(), by="ann", **given
        )
        return self.desk.start(rollout).rollout

    def turn(
        self, tenant: str, rollout: Rollout, user: str, *, supported: int = 3, error: str = "", name: str = ""
    ) -> str:
        """One turn as the assistant puts it on record."""
        store, ledger = self.books[tenant]
        turn = name or f"turn_{user}_{ledger.head().seq}"
        subject = f"user:{user}"
        assigned = assign(rollout, Who(tenant, user), self.clock.now())
        facts = {"characters": 20, "release": assigned.digest, **assigned.facts()}
        with store.begin() as tx:
            drafts = [
                Draft(turn, "admitted", subject, facts, {"question": "?"}),
                Draft(
                    turn,
                    "called",
                    subject,
                    {"nano_usd": 2_000_000, "input_tokens": 900, "output_tokens": 100},
                    {"user": user},
                ),
            ]
            if error:
                drafts.append(Draft(turn, "failed", subject, {"error": error, "ms": 5}))
            else:
                drafts += [
                    Draft(turn, "verified", subject, {"sentences": 3, "supported": supported}, {}),
                    Draft(turn, "responded", subject, {"abstained": False, "ms": 700.0}, {}),
                    Draft(turn, "sealed", subject, {}),
                ]
            ledger.append_all(tx, drafts)
        return turn

    def call(self, tenant: str, rollout: Rollout, user: str, **facts) -> str:
        """One call at a door of models, part of no turn, as its record is chained."""
        store, ledger = self.books[tenant]
        call, subject = f"call_{user}_{ledger.head().seq}", f"user:{user}"
        assigned = assign(rollout, Who(tenant, user), self.clock.now())
        known = {
            "nano_usd": 3_000_000,
            "input_tokens": 70,
            "output_tokens": 30,
            "ms": 40.0,
            "first_ms": 9.0,
            "error": None,
        }
        with store.begin() as tx:
            given = {"bytes": 300, **assigned.facts(), **known, **facts}
            ledger.append_all(tx, [Draft(call, "called", subject, given, {"user": user})])
        return call

    def judge(self, tenant: str, turn: str, user: str, score: float) -> None:
        store, ledger = self.books[tenant]
        with store.begin() as tx:
            ledger.append_all(tx, [Draft(turn, "judged", f"user:{user}", {}, {"score": score})])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock = FixedClock()
    store = Store(tmp_path, clock=clock)
    books = {}
    for name in ("acme", "globex"):
        tenant = store.create_tenant(name)
        entered = store.tenant(tenant.id)
        books[tenant.id] = (entered, Ledger(entered, clock))
    registry = Registry({"production": Row("production", CONTROL)})
    yield House(clock, registry, books, RegistryDesk(registry, Control(store), lambda: books, clock))
    store.close()


def _step(house: House) -> list[Rollout]:
    house.clock.advance(10)
    return house.controller().step()


def test_turns_of_all_tenants_count_once_and_the_candidate_is_promoted(house):
    rollout = house.begin()
    _step(house)
    for number in range(40):
        for tenant in house.books:
            house.turn(tenant, rollout, f"user{number}")
    _step(house)
    assert house.registry.rows["production"].digest == CANDIDATE
    assert house.registry.rows["production"].rollout is None
    measured, _ = house.desk.measured(rollout)
    assert measured.observed.turns.sum() == 80
    assert house.desk.past("production")[-1].status == "promoted"
    for _, ledger in house.books.values():
        staged = ledger.turn(rollout.id)
        assert [step.facts["event"] for step in staged][-1] == "promoted"
        assert len({step.facts["number"] for step in staged}) == len(staged)
        assert staged[-1].body["found"]["findings"]
    assert _step(house) == []


def test_a_bad_candidate_is_rolled_back_and_everybody_is_told_why(house):
    rollout = house.begin()
    _step(house)
    tenant = next(iter(house.books))
    for number in range(150):
        tried = assign(rollout, Who(tenant, f"user{number}")).arm == "candidate"
        house.turn(tenant, rollout, f"user{number}", supported=0 if tried else 3)
    assert [each.status for each in _step(house)] == ["rolled_back"]
    assert house.registry.rows["production"] == replace(house.registry.rows["production"], digest=CONTROL, rollout=None)
    body = house.books[tenant][1].turn(rollout.id)[-1].body
    assert "groundedness of candidate is certainly worse" in body["reason"]
    assert body["found"]["findings"][0]["turns"][0].startswith("turn_user")


def test_what_a_turn_says_is_read_and_what_it_does_not_is_not(house):
    rollout = house.begin()
    tenant, other = house.books
    _step(house)
    house.turn(tenant, rollout, "ann", supported=1)
    house.turn(tenant, rollout, "ben", error="provider-error")
    house.turn(tenant, rollout, "cem", error="cancelled")
    house.turn(other, replace(rollout, id="another"), "dan")
    traffic = EvidenceTraffic(lambda: {name: ledger for name, (_, ledger) in house.books.items()})
    cursors = house.desk.measured(rollout)[0].cursors
    found, after = traffic.since(rollout, cursors)
    values = {each.turn.split("_")[1]: each.values for each in found}
    assert values["ann"] == pytest.approx(
        {
            "groundedness": 1 / 3,
            "failed": 0,
            "answered": 1,
            "blocked": 0,
            "latency_ms": 700,
            "cost_usd": 0.002,
            "total_tokens": 1000,
        }
    )
    assert values["ben"]["failed"] == 1
    assert "failed" not in values["cem"]
    assert "dan" not in values
    assert found[0].weights == {"groundedness": 3}
    assert traffic.since(rollout, after)[0] == []


def test_calls_that_are_part_of_no_turn_are_measured_by_their_records(house):
    rollout = house.begin()
    tenant = next(iter(house.books))
    traffic = EvidenceTraffic(lambda: {name: ledger for name, (_, ledger) in house.books.items()})
    _, cursors = traffic.since(rollout, {})
    house.turn(tenant, rollout, "ann")  # whose own call is counted with it, not beside it
    house.call(tenant, rollout, "ben")
    house.call(tenant, rollout, "cem", error="provider-error", nano_usd=0, ms=5.0)
    house.call(tenant, rollout, "dan", error="cancelled")
    house.call(tenant, replace(rollout, id="another"), "eva")
    house.judge(tenant, house.call(tenant, rollout, "fay"), "fay", 0.5)
    found, after = traffic.since(rollout, cursors)
    values = {(each.turn.split("_")[1], each.late): each.values for each in found}
    assert values.keys() == {
        ("ann", False),
        ("ben", False),
        ("cem", False),
        ("dan", False),
        ("fay", False),
        ("fay", True),
    }
    measured = {"failed": 0, "latency_ms": 40, "first_ms": 9, "cost_usd": 0.003, "total_tokens": 100}
    assert values["ben", False] == pytest.approx(measured)
    assert (values["cem", False]["failed"], "failed" in values["dan", False]) == (1, False)
    assert values["fay", True] == {"feedback": 0.5}
    assert {each.covariate for each in found if each.turn.startswith("call")} == {math.log1p(300)}
    assert traffic.since(rollout, after)[0] == []


def test_a_candidate_that_makes_calls_dear_is_rolled_back_by_them(house):
    rollout = house.begin(PLAN + "- {metric: cost_usd, no_worse_by: 0.1}\n")
    _step(house)
    tenant = next(iter(house.books))
    for number in range(150):
        tried = assign(rollout, Who(tenant, f"user{number}")).arm == "candidate"
        house.call(tenant, rollout, f"user{number}", nano_usd=9_000_000 if tried else 3_000_000)
    assert [(each.status, each.reason[:31]) for each in _step(house)] == [
        ("rolled_back", "cost_usd of candidate is certai")
    ]


def test_figures_of_a_version_that_read_no_calls_are_counted_on(house):
    rollout = house.begin()
    tenant = next(iter(house.books))
    traffic = EvidenceTraffic(lambda: {name: ledger for name, (_, ledger) in house.books.items()})
    _, cursors = traffic.since(rollout, {})
    old = {each: {kind: seq for kind, seq in read.items() if kind != "called"} for each, read in cursors.items()}
    house.turn(tenant, rollout, "ann")
    assert [each.turn.split("_")[1] for each in traffic.since(rollout, old)[0]] == ["ann"]


def test_feedback_counts_with_its_turn_and_the_first_of_several(house):
    rollout = house.begin()
    _step(house)
    tenant = next(iter(house.books))
    turn = house.turn(tenant, rollout, "ann")
    _step(house)
    house.judge(tenant, turn, "ann", 0.25)
    house.judge(tenant, turn, "ann", 1.0)
    _step(house)
    measured, _ = house.desk.measured(rollout)
    place = measured.observed.metrics.index("feedback")
    assert measured.observed.sums[..., place, 0].sum() == 1
    assert measured.observed.sums[..., place, 2].sum() == 0.25
    assert measured.observed.turns.sum() == 1


def test_an_erased_person_counts_on(house):
    rollout = house.begin()
    _step(house)
    tenant = next(iter(house.books))
    house.turn(tenant, rollout, "ann")
    house.books[tenant][1].erase("user:ann")
    _step(house)
    assert house.desk.measured(rollout)[0].observed.turns.sum() == 1


def test_a_tenant_that_comes_during_the_rollout_counts(house):
    rollout = house.begin()
    tenant, book = house.books.popitem()
    _step(house)
    house.books[tenant] = book
    house.turn(tenant, rollout, "ann")
    _step(house)
    assert house.desk.measured(rollout)[0].observed.turns.sum() == 1


def test_one_rollout_at_a_time_of_releases_that_exist(house):
    house.begin()
    with pytest.raises(Conflict):
        house.begin()
    house.desk.change("production", lambda each: say(each, "abort", house.clock.now(), by="ann", reason="enough"))
    _step(house)
    assert house.registry.rows["production"].rollout is None
    house.registry.known = {CONTROL}
    with pytest.raises(NotFound):
        house.begin()


def test_a_release_that_is_deleted_meanwhile_is_rolled_back(house):
    house.begin()
    house.registry.known = {CONTROL}
    assert [each.reason for each in _step(house)] == ["the release of candidate is gone"]


def test_a_persons_word_wins_over_a_controller_that_looked_before(house):
    rollout = house.begin()
    stale = house.desk.one("production")
    promoted = house.desk.change(
        "production", lambda each: promote(each, house.clock.now(), by="ann", reason="an outage")
    )
    assert promoted.status == "promoted"
    with pytest.raises(Conflict):
        house.desk.save(stale, rollout)
    _step(house)
    assert house.registry.rows["production"].digest == CANDIDATE


def test_who_is_held_out_keeps_the_old_release_beyond_the_promotion(house):
    house.begin(PLAN + "holdout: {percent: 20, lasting: 1h}")
    house.desk.change("production", lambda each: promote(each, house.clock.now(), by="ann", reason="an outage"))
    _step(house)
    kept = house.desk.one("production").rollout
    served = [assign(kept, Who("t", f"user{number}"), house.clock.now()).digest for number in range(200)]
    assert {CONTROL, CANDIDATE} == set(served)
    assert 10 < served.count(CONTROL) < 80
    assert house.desk.under_way() == []
    house.clock.advance(timedelta(hours=2).total_seconds())
    _step(house)
    assert house.registry.rows["production"].rollout is None


def test_a_row_that_cannot_be_read_is_left_alone(house):
    house.begin()
    row = house.registry.rows["production"]
    house.registry.rows["production"] = replace(row, rollout={"format": "of tomorrow"})
    assert _step(house) == []
    assert house.registry.rows["production"].rollout == {"format": "of tomorrow"}


def test_a_rollout_goes_by_the_plan_it_began_with_whatever_the_bundle_says_by_now(house):
    text = PLAN.replace("at_most: 0.9", "at_most: 0.5")
    begun, edited = house.begin(text), plan_of(PLAN.replace("at_most: 0.9", "at_most: 0.1"))
    kept = house.desk.one("production").rollout
    assert kept.plan == begun.plan == plan_of(text) != edited
    _step(house)
    found = house.books[next(iter(house.books))][1].turn(begun.id)[0].body["found"]
    assert found["plan"] == plan_digest(begun.plan) != plan_digest(edited)
