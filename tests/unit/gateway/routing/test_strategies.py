from collections import Counter
from dataclasses import replace
from math import sqrt
from random import Random

import pytest

from aver.gateway.config.types import Learned
from aver.gateway.routing.types import ModelState

from .situations import asked, left_out, route, router, situation

FAST, SLOW = ModelState(0.1, nano_usd=900), ModelState(2.0, nano_usd=100)
NEW = ModelState(nano_usd=500)


def shares(plans):
    """How often each model came first."""
    plans = list(plans)
    counted = Counter(plan.models[0] for plan in plans)
    return {model: count / len(plans) for model, count in counted.items()}


def near(share, expected, count):
    """Within five standard deviations of a binomial share."""
    return abs(share - expected) <= 5 * sqrt(expected * (1 - expected) / count) + 1e-9


def drawn(count=20_000, seed=7):
    chance = Random(seed)
    return [chance.random() for _ in range(count)]


def agrees(routes, asked_for, *, scorer=None, draws=None, **states):
    """Propensities are those that the draws bear out."""
    made = router(*routes, scorer=scorer)
    draws = draws or drawn()
    plan = made.plan(asked_for, situation(0.5, **states))
    found = shares(made.plan(asked_for, situation(draw, **states)) for draw in draws)
    stated = {each.model: each.propensity for each in plan.ranked}
    assert sum(stated.values()) == pytest.approx(1)
    assert all(near(found.get(model, 0.0), likely, len(draws)) for model, likely in stated.items()), (found, stated)
    return stated


@pytest.mark.parametrize("strategy", ["priority", "cascade"])
def test_the_order_is_that_of_the_file(strategy):
    plan = router(route("r", "c", "a", "b", strategy=strategy)).plan("r", situation(0.9, a=FAST, c=SLOW))
    assert asked(plan) == [("c", 1), ("a", 0), ("b", 0)]


def test_weights_are_the_shares_of_the_first_place():
    stated = agrees([route("r", ("a", 5), ("b", 3), ("c", 2), strategy="weighted")], "r")
    assert stated == pytest.approx({"a": 0.5, "b": 0.3, "c": 0.2})


def test_the_second_place_is_drawn_from_those_that_are_left():
    made = router(route("r", ("a", 5), ("b", 3), ("c", 2), strategy="weighted"))
    draws = drawn()
    second = Counter(
        plan.models[1] for plan in (made.plan("r", situation(draw)) for draw in draws) if plan.models[0] == "a"
    )
    total = sum(second.values())
    assert near(second["b"] / total, 3 / 5, total)


def test_routes_that_are_drawn_within_routes_multiply_their_weights():
    inner = route("inner", ("b", 30), ("c", 10), strategy="weighted")
    stated = agrees([inner, route("r", ("a", 1), ("inner", 3), strategy="weighted")], "r")
    assert stated == pytest.approx({"a": 0.25, "b": 0.5625, "c": 0.1875})


def test_a_route_below_keeps_its_own_strategy():
    pool = route("pool", ("a", 3), ("b", 1), strategy="weighted")
    stated = agrees([pool, route("r", "pool", "c")], "r")
    assert stated == pytest.approx({"a": 0.75, "b": 0.25, "c": 0})
    ordered = route("ordered", "a", "b")
    stated = agrees([ordered, route("r", ("ordered", 1), ("c", 1), strategy="weighted")], "r")
    assert stated == pytest.approx({"a": 0.5, "b": 0, "c": 0.5})


def test_a_model_at_two_ends_has_the_chances_of_both():
    one, two = route("one", "a", "b"), route("two", "b", "a")
    stated = agrees([one, two, route("r", ("one", 1), ("two", 3), strategy="weighted")], "r")
    assert stated == pytest.approx({"a": 0.25, "b": 0.75})


def test_two_draws_of_one_call_do_not_depend_on_each_other():
    left, right = (route(name, *arms, strategy="weighted") for name, arms in (("left", "ab"), ("right", "cd")))
    # An arm with requirements is kept together, so that one draw decides twice.
    left, right = (replace(each, requires=frozenset({"tools"})) for each in (left, right))
    both = route("r", ("left", 1), ("right", 1), strategy="weighted")
    stated = agrees([left, right, both], "r")
    assert stated == pytest.approx(dict.fromkeys("abcd", 0.25))


def test_the_cheapest_comes_first_and_the_unpriced_last():
    made = router(route("r", "a", "b", "c", "d", strategy="cheapest"), unknown_price="highest")
    plan = made.plan("r", situation(a=ModelState(), b=FAST, c=SLOW, d=SLOW))
    assert asked(plan) == [("c", 1), ("d", 0), ("b", 0), ("a", 0)]
    assert [each.score for each in plan.ranked] == [100, 100, 900, 0]


def test_the_cheapest_is_found_through_routes():
    plan = router(route("inner", "a", "b"), route("r", "inner", "c", strategy="cheapest")).plan(
        "r", situation(a=FAST, b=SLOW, c=NEW)
    )
    assert plan.models == ("b", "c", "a")


def test_the_faster_of_two_drawn_at_random_comes_first():
    stated = agrees([route("r", "a", "b", "c", strategy="fastest")], "r", a=ModelState(1, 0, False, 1), b=SLOW, c=FAST)
    assert stated == pytest.approx({"c": 2 / 3, "a": 1 / 3, "b": 0})


def test_calls_under_way_count_against_a_model():
    made = router(route("r", "a", "b", strategy="fastest"))
    plan = made.plan("r", situation(a=ModelState(0.1, 9, False, 1), b=ModelState(0.5, 0, False, 1)))
    assert plan.models == ("b", "a")
    assert plan.ranked[0].score == 0.5
    assert plan.ranked[1].score == pytest.approx(1.0)


def test_models_that_nothing_is_known_of_are_tried_first_by_one_call_each():
    stated = agrees([route("r", "a", "b", "c", strategy="fastest")], "r", a=FAST, b=NEW, c=NEW)
    assert stated == pytest.approx({"a": 0, "b": 0.5, "c": 0.5})
    busy = ModelState(None, 1, False, 500)
    plan = router(route("r", "a", "b", strategy="fastest")).plan("r", situation(a=FAST, b=busy))
    assert plan.models == ("a", "b")


def test_a_route_that_learns_asks_the_cheapest_that_is_good_enough():
    def scorer(_route, text):
        assert text == "hard?"
        return {"a": 0.9, "b": 0.88, "c": 0.5}

    learning = route("r", "a", "b", "c", strategy="learned", learned=Learned("r.json", explore=0.06, target=0.97))
    made = router(learning, scorer=scorer)
    plan = made.plan("r", situation(0.9, text="hard?", a=FAST, b=SLOW, c=NEW))
    assert asked(plan) == [("b", 0.96), ("a", 0.02), ("c", 0.02)]
    assert [each.score for each in plan.ranked] == [0.88, 0.9, 0.5]
    found = shares(made.plan("r", situation(draw, text="hard?", a=FAST, b=SLOW, c=NEW)) for draw in drawn())
    assert all(near(found[model], likely, 20_000) for model, likely in asked(plan))


def test_a_route_that_learns_begins_with_its_first_model():
    learning = route("r", "c", "a", strategy="learned", learned=Learned("r.json", explore=0.5))
    assert asked(router(learning).plan("r", situation(0.9))) == [("c", 0.75), ("a", 0.25)]


def test_two_people_may_get_different_arms_and_each_always_the_same():
    first = router(route("r", "a", "b", strategy="experiment"))
    again = router(route("r", "a", "b", strategy="experiment"))
    arms = {}
    for n in range(200):
        arms[n] = first.plan("r", situation(0.1, user=f"u{n}")).models
        assert again.plan("r", situation(0.9, user=f"u{n}", b=SLOW)).models == arms[n]
    assert {order[0] for order in arms.values()} == {"a", "b"}


def test_assignments_are_the_same_in_every_version():
    """Changing the hash would move people between the arms of running experiments."""
    made = router(route("r", ("a", 1), ("b", 2), strategy="experiment"))
    firsts = "".join(made.plan("r", situation(user=f"u{n}")).models[0] for n in range(24))
    assert firsts == "ababbbaabaabbbbbabbbaaba"


@pytest.mark.parametrize("weights", [(1, 1), (9, 1), (5, 3, 2)])
def test_arms_get_their_shares_of_the_people(weights):
    arms = list(zip("abcd", weights, strict=False))
    made = router(route("r", *arms, strategy="experiment"))
    count = 10_000
    found = shares(made.plan("r", situation(user=f"user-{n}")) for n in range(count))
    stated = dict(asked(made.plan("r", situation())))
    assert all(near(found[arm], weight / sum(weights), count) for arm, weight in arms)
    assert stated == pytest.approx({arm: weight / sum(weights) for arm, weight in arms})


def test_an_arm_that_is_added_moves_its_share_and_nobody_else():
    before = router(route("r", ("a", 2), ("b", 1), strategy="experiment"))
    after = router(route("r", ("a", 2), ("b", 1), ("c", 1), strategy="experiment"))
    count = 10_000
    moved = 0
    for n in range(count):
        where = situation(user=f"user-{n}")
        one, other = before.plan("r", where).models[0], after.plan("r", where).models[0]
        if one != other:
            assert other == "c"
            moved += 1
    assert near(moved / count, 1 / 4, count)


def test_sticky_by_tenant_keeps_a_tenant_together():
    made = router(route("r", "a", "b", strategy="experiment", sticky=("tenant",)))
    for tenant in "tuvwxyz":
        assert len({made.plan("r", situation(tenant=tenant, user=f"u{n}")).models for n in range(20)}) == 1
    assert len({made.plan("r", situation(tenant=f"t{n}")).models for n in range(20)}) == 2


def test_two_experiments_are_independent():
    made = router(*(route(name, "a", "b", strategy="experiment") for name in ("one", "two")))
    pairs = Counter(
        (made.plan("one", situation(user=f"u{n}")).models[0], made.plan("two", situation(user=f"u{n}")).models[0])
        for n in range(8000)
    )
    assert all(near(count / 8000, 1 / 4, 8000) for count in pairs.values())


def test_when_an_arm_is_down_its_people_go_to_the_next_and_the_others_stay():
    made = router(route("r", "a", "b", "c", strategy="experiment"))
    down = ModelState(open=True, nano_usd=1)
    for n in range(200):
        usual = made.plan("r", situation(user=f"u{n}")).models
        now = made.plan("r", situation(user=f"u{n}", a=down))
        assert now.models == tuple(model for model in usual if model != "a")
        assert left_out(now) == {"a": "breaker"}
