"""A run is left when enough is known, and not before."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

import pytest

from aver.core.errors import InvalidInput
from aver.evals.running.stopping import Stopping, shuffled
from aver.evals.types import Case, Result


class Hoeffding:
    """The plainest interval that holds at all times: Hoeffding's at each, with an error that sums to 5 % over all."""

    def __init__(self) -> None:
        self.n, self.total = 0, 0.0

    def update(self, values: Iterable[float]) -> None:
        for value in values:
            self.n, self.total = self.n + 1, self.total + value

    def excludes(self, value: float) -> bool:
        error = 0.05 / (self.n * (self.n + 1))
        return abs(self.total / self.n - value) > math.sqrt(math.log(2 / error) / (2 * self.n))


def rated(number: int, right: float, below: float = 1.0) -> Result:
    return Result(f"c{number}", 0, {"exact": (right, below)})


def stopped(rate: float, seed: int) -> int | None:
    """After how many of 600 cases of which ``rate`` are right."""
    draw, rule = random.Random(seed), Stopping("exact", 0.8, Hoeffding())
    return next((n for n in range(1, 601) if rule(rated(n, float(draw.random() < rate)))), None)


def test_it_stops_where_the_answer_is_clear_and_rarely_where_there_is_none():
    assert all((stopped(0.4, seed) or 601) < 200 for seed in range(20))
    assert stopped(0.4, 0) >= 20
    assert sum(stopped(0.8, seed) is not None for seed in range(200)) <= 10


def test_what_is_no_share_cannot_be_watched():
    rule = Stopping("exact", 0.8, Hoeffding())
    assert rule(Result("c", 0, {})) == ""
    for above, below in ((2.0, 3.0), (1.5, 1.0)):
        with pytest.raises(InvalidInput, match="no share"):
            rule(rated(1, above, below))


def test_cases_are_taken_in_an_order_of_the_seed():
    cases = [Case(f"c{number}", "?") for number in range(50)]
    assert shuffled(cases, 1) == shuffled(cases, 1)
    assert shuffled(cases, 1) != shuffled(cases, 2)
    assert {each.id for each in shuffled(cases, 1)} == {each.id for each in cases}
    with pytest.raises(InvalidInput, match="depend on each other"):
        shuffled(cases, 1, repeats=2)
    with pytest.raises(InvalidInput, match="depend on each other"):
        shuffled([*cases, Case("x", "?", cluster="d")], 1)
