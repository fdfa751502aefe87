"""A run is left when its verdict is certain, and not before."""

import random

import pytest

from aver.core.errors import InvalidInput
from aver.evals.gates.declaration import parse_condition
from aver.evals.running.stopping import Stopping, shuffled, watchable
from aver.evals.types import Case, Result

CASES = [Case(f"c{number}", "?") for number in range(600)]


def rated(number, right, below=1.0):
    return Result(f"c{number}", 0, {"exact": (right, below)})


def rule(*conditions):
    return Stopping([parse_condition(each) for each in conditions], CASES)


def stopped(rate, seed):
    """After how many of 600 cases of which ``rate`` are right."""
    draw, watched = random.Random(seed), rule("exact>=0.8")
    return next((n + 1 for n in range(600) if watched(rated(n, float(draw.random() < rate)))), None)


def test_it_stops_where_the_answer_is_clear_and_rarely_where_there_is_none():
    assert all((stopped(0.4, seed) or 601) < 100 for seed in range(6))
    assert stopped(0.0, 0) == 20
    assert sum(stopped(0.8, seed) is not None for seed in range(12)) <= 3


def test_all_has_to_hold_and_one_may_fail():
    watched = rule("exact>=0.5", "exact>=0.999")
    assert not any(watched(rated(n, 1.0)) for n in range(600)), "one of the two stays open"
    assert "exact>=0.5 does not hold, 0.000" in stops(rule("exact>=0.5", "exact>=0.0001"), [0.0] * 60)
    assert "exact>=0.5 holds, 1.000" in stops(rule("exact>=0.5"), [1.0] * 60)


def stops(watched, values):
    return next(why for place, value in enumerate(values) if (why := watched(rated(place, value))))


def test_who_is_slow_is_heard_in_their_turn():
    """Right answers come fast and wrong ones slowly: taken as they finish, all would be right."""
    watched = rule("exact>=0.5")
    assert not any(watched(rated(place, 1.0)) for place in range(1, 600) if place % 2)
    assert not any(watched(rated(place, 0.0)) for place in range(0, 600, 2))


def test_what_is_no_share_cannot_be_watched():
    watched = rule("exact>=0.8")
    assert watched(Result("c0", 0, {})) == ""
    for place, (above, below) in enumerate(((2.0, 3.0), (1.5, 1.0)), 1):
        with pytest.raises(InvalidInput, match="no share"):
            rule("exact>=0.8")(rated(0, above, below))
        assert watched(rated(place, 1.0)) == ""


def test_what_cannot_be_certain_early_is_refused_before_anything_is_asked():
    some = [parse_condition(each) for each in ("handbook:exact>=0.8", "other:exact>=0.5")]
    assert watchable(some, "handbook") == (some[0],)
    with pytest.raises(InvalidInput, match="Nothing is required"):
        watchable(some, "third")
    for text in ("exact>=baseline-0.1", "exact[hr]>=0.5", "cost_usd<=0.1"):
        with pytest.raises(InvalidInput, match="before the run is whole"):
            watchable([parse_condition(text)], "handbook")


def test_cases_are_taken_in_an_order_of_the_seed():
    cases = CASES[:50]
    assert shuffled(cases, 1) == shuffled(cases, 1)
    assert shuffled(cases, 1) != shuffled(cases, 2)
    assert {each.id for each in shuffled(cases, 1)} == {each.id for each in cases}
    with pytest.raises(InvalidInput, match="depend on each other"):
        shuffled(cases, 1, repeats=2)
    with pytest.raises(InvalidInput, match="depend on each other"):
        shuffled([*cases, Case("x", "?", cluster="d")], 1)
