import pytest

from aver.evals.gates.declaration import parse_condition
from aver.evals.gates.foresight import outlook, tell_outlook
from aver.evals.statistics.intervals import wilson
from aver.evals.types import Case


def cases(count, **fields):
    return [Case(f"c{number}", "?", answers=("a",), **fields) for number in range(count)]


def test_a_set_says_how_narrow_its_figures_will_be_and_what_it_can_see():
    found = outlook(cases(400))
    assert (found.cases, found.clusters, found.short) == (400, 400, ())
    assert found.within == pytest.approx(0.049, abs=0.001)
    assert found.detectable == pytest.approx(2.8 * (0.1 / 400) ** 0.5, rel=0.02)
    assert found.needed == pytest.approx(2.8**2 * 0.1 / 0.05**2, rel=0.02)
    assert list(tell_outlook(found)) == [
        "400 cases tell a share to within 5 points.",
        "Between two releases a difference of 4.4 points shows four times in five, if every tenth case turns.",
    ]


def test_the_cases_that_would_see_more_are_said():
    said = " ".join(tell_outlook(outlook(cases(40))))
    assert "a difference of 14 points" in said
    assert "5 points would take 316 cases" in said
    assert "100 points" in " ".join(tell_outlook(outlook(cases(1))))


def test_cases_of_one_cluster_tell_less():
    every = [Case(f"c{number}", "?", answers=("a",), cluster=f"d{number // 10}") for number in range(400)]
    found = outlook(every)
    assert found.clusters == 40
    assert found.detectable > 1.5 * outlook(cases(400)).detectable
    assert next(tell_outlook(found)).startswith("400 cases in 40 clusters tell a share to within 8 points")


@pytest.mark.parametrize("bound", [0.5, 0.8, 0.95, 0.99])
def test_a_bound_that_so_few_cases_cannot_reach_is_told_with_the_number_that_could(bound):
    condition = parse_condition(f"right_of_answered>={bound}")
    (short,) = outlook(cases(2), [condition]).short
    assert wilson(1.0, short.needed)[0] >= bound > wilson(1.0, short.needed - 1)[0]
    assert not outlook(cases(short.needed), [condition]).short
    assert (
        f"counts 2 cases; if all of them are right, it passes from {short.needed}."
        in list(tell_outlook(outlook(cases(2), [condition]))).pop()
    )


def test_a_margin_that_so_few_cases_can_hardly_show_is_told_by_slice():
    some = [*cases(40, tags=("hr",)), Case("x", "?", answers=("a",), tags=("it",)), Case("n", "?", unanswerable=True)]
    found = outlook(some, [parse_condition("groundedness[*]>=baseline-0.03")])
    assert [(each.slice, each.cases) for each in found.short] == [("hr", 40), ("it", 1)]
    assert all(each.needed > 800 for each in found.short)
    assert not outlook(some, [parse_condition("groundedness>=baseline-0.3")]).short


def test_a_condition_counts_the_cases_that_its_measure_is_about_and_amounts_are_not_foretold():
    some = [*cases(30), Case("n", "?", unanswerable=True), Case("r", "?", refuse=True)]
    conditions = [parse_condition(each) for each in ("held_back>=0.5", "refusal>=0.5", "cost_usd<=1.1x", "exact<=1")]
    assert [(each.condition, each.cases) for each in outlook(some, conditions).short] == [
        ("held_back>=0.5", 1),
        ("refusal>=0.5", 1),
    ]
    (short,) = outlook(some, [parse_condition("attack_success<=0.01")]).short
    assert short.needed == pytest.approx(381, abs=1)
