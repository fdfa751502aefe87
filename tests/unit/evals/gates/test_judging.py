"""Gates: by intervals, against baselines, over slices; and what keeps a run from passing."""

from dataclasses import replace

import numpy as np
import pytest

from aver.core.errors import InvalidInput
from aver.evals.gates.admitting import incomparable, objections
from aver.evals.gates.declaration import parse_condition
from aver.evals.gates.judging import Trial, judge
from aver.evals.gates.sheet import sheet_of
from aver.evals.types import Case, Result
from tests.runs import made, results, write_run


@pytest.fixture
def sheet(tmp_path):
    """Makes the sheet of a run with these results."""
    numbers = iter(range(100))

    def make(found, **header):
        return sheet_of(write_run(tmp_path / f"{next(numbers)}.run.jsonl", found, responses=False, **header))

    return make


def verdict(run, *conditions, baseline=None, **more):
    trial = Trial("handbook", run, baseline, incomparable=incomparable(run, baseline) if baseline else (), **more)
    return judge([parse_condition(each) for each in conditions], [trial])


def outcome(run, condition, baseline=None, **more):
    (judged,) = verdict(run, condition, baseline=baseline, **more).judged
    return judged


# Bounds


@pytest.mark.parametrize(
    ("share", "condition", "expected"),
    [
        (0.9, "right_of_answered>=0.8", "pass"),
        (0.83, "right_of_answered>=0.8", "inconclusive"),
        (0.5, "right_of_answered>=0.8", "fail"),
        (0.1, "right_of_answered<=0.2", "pass"),
        (0.18, "right_of_answered<=0.2", "inconclusive"),
        (0.5, "right_of_answered<=0.2", "fail"),
        (1.0, "right_of_answered>=0.97", "pass"),
        (1.0, "right_of_answered>=1", "inconclusive"),
    ],
)
def test_a_bound_is_judged_by_the_interval(sheet, share, condition, expected):
    judged = outcome(sheet(results(made(share, 200))), condition)
    assert judged.outcome == expected
    assert judged.found.n == 200


def test_an_inconclusive_bound_says_how_many_cases_would_tell(sheet):
    judged = outcome(sheet(results(made(0.83, 200))), "right_of_answered>=0.8")
    # (1.96 + 0.84)^2 * 0.83 * 0.17 / 0.03^2, by the normal approximation.
    assert judged.needed == pytest.approx(1230, rel=0.1)
    assert "would tell" not in judged.said
    at_the_bound = outcome(sheet(results(made(0.8, 200))), "right_of_answered>=0.8")
    assert at_the_bound.outcome == "inconclusive"
    assert at_the_bound.needed is None


def test_the_cases_against_it_are_named_only_where_it_is_unmet(sheet):
    values = made(0.5, 100)
    judged = outcome(sheet(results(values)), "right_of_answered>=0.8")
    assert set(judged.cases) == {f"case-{place:04}" for place in np.flatnonzero(values == 0)}
    assert outcome(sheet(results(values)), "right_of_answered>=0.2").cases == ()


def test_too_few_graded_cases_are_inconclusive_and_say_from_where_on_it_can_be(sheet):
    judged = outcome(sheet(results(np.linspace(0.5, 1, 12), measure="ndcg@10")), "ndcg@10>=0.1")
    assert (judged.outcome, judged.needed) == ("inconclusive", 20)


def test_repeats_are_one_case(sheet):
    one = results(made(0.9, 30))
    many = [replace(each, repeat=repeat) for repeat in range(10) for each in one]
    judged = outcome(sheet(many, repeats=10), "right_of_answered>=0.7")
    assert judged.found.n == 30
    assert judged.outcome == "pass"
    assert outcome(sheet(many, repeats=10), "right_of_answered>=0.85").outcome == "inconclusive"


def test_cases_of_one_cluster_are_no_more_evidence_than_the_cluster(sheet):
    values = np.repeat(made(0.85, 40), 25)
    alone = outcome(sheet(results(values)), "right_of_answered>=0.8")
    together = outcome(sheet(results(values, clusters=np.repeat(np.arange(40), 25))), "right_of_answered>=0.8")
    assert (alone.outcome, together.outcome) == ("pass", "inconclusive")
    assert together.needed > alone.found.n


# Against a baseline


def test_no_worse_than_the_baseline_passes_fails_or_is_inconclusive(sheet):
    old = made(0.8, 600)
    worse, little = old.copy(), old.copy()
    worse[np.flatnonzero(old)[:60]] = 0
    little[np.flatnonzero(old)[:15]] = 0
    before = sheet(results(old), release="1" * 64, target_digest="1" * 64)
    condition = "right_of_answered>=baseline-0.03"
    assert outcome(sheet(results(old)), condition, before).outcome == "pass"
    lost = outcome(sheet(results(worse)), condition, before)
    assert lost.outcome == "fail"
    assert set(lost.cases) == {f"case-{place:04}" for place in np.flatnonzero(old)[:60]}
    assert "10.0 points less" in lost.said
    unsure = outcome(sheet(results(little)), condition, before)
    assert unsure.outcome == "inconclusive"
    assert unsure.needed > 600


def test_a_few_cases_that_all_stayed_are_no_proof_that_nothing_changed(sheet):
    old = made(0.8, 30)
    before = sheet(results(old), release="1" * 64, target_digest="1" * 64)
    judged = outcome(sheet(results(old)), "right_of_answered>=baseline-0.03", before)
    assert judged.outcome == "inconclusive"


def test_a_release_is_no_worse_than_itself(sheet):
    judged = outcome(
        sheet(results(made(0.8, 5))), "right_of_answered>=baseline-0.03", sheet(results(made(0.8, 5, seed=4)))
    )
    assert judged.outcome == "pass"
    assert "same release" in judged.said


def test_costs_are_held_to_a_factor_of_the_baseline(sheet):
    random = np.random.default_rng(2)
    old = random.gamma(4, 0.001, 300)
    before = sheet(results(old, measure="cost_usd"), release="1" * 64, target_digest="1" * 64)
    for times, expected in ((1.0, "pass"), (1.1, "inconclusive"), (1.3, "fail")):
        noise = random.normal(1, 0.02, 300)
        judged = outcome(sheet(results(old * times * noise, measure="cost_usd")), "cost_usd<=1.1x", before)
        assert judged.outcome == expected, judged.said
        assert judged.found.value == pytest.approx(times, rel=0.01)


def test_a_cost_that_is_the_same_for_all_is_that_cost(sheet):
    free = sheet(results(np.zeros(40), measure="cost_usd"))
    judged = outcome(free, "cost_usd<=0.001")
    assert (judged.outcome, judged.found.low, judged.found.high) == ("pass", 0.0, 0.0)
    few = sheet(results(np.zeros(5), measure="cost_usd"))
    assert outcome(few, "cost_usd<=0.001").outcome == "inconclusive"


def test_less_is_better_where_it_is(sheet):
    old = made(0.1, 600)
    new = made(0.3, 600, seed=1)
    before = sheet(results(old, measure="attack_success"), release="1" * 64, target_digest="1" * 64)
    judged = outcome(sheet(results(new, measure="attack_success")), "attack_success<=baseline+0.02", before)
    assert judged.outcome == "fail"
    back = outcome(before, "attack_success<=baseline+0.02", sheet(results(new, measure="attack_success")))
    assert back.outcome == "pass"


def test_without_a_baseline_nothing_that_compares_passes(sheet):
    judged = outcome(sheet(results(made(0.9, 100))), "right_of_answered>=baseline-0.03")
    assert judged.outcome == "inconclusive"
    assert "no baseline" in judged.said


@pytest.mark.parametrize(
    ("change", "says"),
    [({"scorers": {"answers": "e" * 64}}, "scored otherwise: answers"), ({"complete": False}, "not whole")],
)
def test_what_cannot_be_compared_is_inconclusive(sheet, change, says):
    before = sheet(results(made(0.8, 100)), release="1" * 64, target_digest="1" * 64, **change)
    judged = outcome(sheet(results(made(0.9, 100))), "right_of_answered>=baseline-0.03", before)
    assert judged.outcome == "inconclusive"
    assert says in judged.said


# Slices


def test_each_slice_is_judged_and_one_that_is_far_below_fails(sheet):
    good = results(made(0.95, 200), tags=("travel",))
    bad = [replace(each, case=f"bad-{each.case}", tags=("hr",)) for each in results(made(0.5, 200))]
    found = verdict(sheet([*good, *bad]), "right_of_answered[*]>=0.8")
    assert {each.slice: each.outcome for each in found.judged} == {"hr": "fail", "travel": "pass"}
    assert found.outcome == "fail"
    assert verdict(sheet([*good, *bad]), "right_of_answered[travel]>=0.8").outcome == "pass"


def test_of_many_slices_one_that_is_low_by_luck_does_not_fail_the_gate(sheet):
    found, slices = [], 40
    for place in range(slices):
        share = 0.725 if place == 0 else 0.8
        found += [
            replace(each, case=f"{place}-{each.case}", tags=(f"s{place:02}",))
            for each in results(made(share, 200, seed=place))
        ]
    run = sheet(found)
    assert outcome(run, "right_of_answered[s00]>=0.8").outcome == "fail"
    judged = next(each for each in verdict(run, "right_of_answered[*]>=0.8").judged if each.slice == "s00")
    assert judged.outcome == "inconclusive"
    assert "by luck" in judged.said


def test_gates_at_the_bound_pass_by_mistake_no_more_often_than_they_say(tmp_path):
    random = np.random.default_rng(5)
    passed = 0
    for number in range(400):
        values = (random.random(150) < 0.8).astype(float)
        run = sheet_of(write_run(tmp_path / f"{number}.run.jsonl", results(values), responses=False))
        passed += outcome(run, "right_of_answered>=0.8").outcome == "pass"
    assert passed / 400 <= 0.05


# What keeps a run from passing


def cases_of(run, **fields):
    return [Case(name, "What?", answers=("so",), **fields) for name in run.rows]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"status": "draft"}, "100 cases are drafts that nobody confirmed"),
        ({"origin": "synthetic"}, "synthetic, which never decide alone"),
    ],
)
def test_cases_that_nobody_stands_behind_do_not_pass(sheet, fields, says):
    run = sheet(results(made(1, 100)))
    found = objections(run, cases_of(run, **fields))
    assert says in " ".join(found)
    assert verdict(run, "right_of_answered>=0.5", objections=found).outcome == "inconclusive"


def test_synthetic_cases_beside_others_may_decide(sheet):
    run = sheet(results(made(1, 100)))
    cases = cases_of(run, origin="synthetic")
    cases[0] = Case("case-0000", "What?", answers=("so",))
    assert objections(run, cases) == ()


def test_a_run_that_is_not_whole_does_not_pass_and_may_fail(sheet):
    run = sheet(results(made(1, 100)), complete=False, cases=200)
    assert "100 of 200 results" in objections(run, cases_of(run))[0]
    found = objections(run, cases_of(run))
    assert verdict(run, "right_of_answered>=0.5", objections=found).outcome == "inconclusive"
    bad = sheet(results(made(0.1, 100)), complete=False, cases=200)
    assert verdict(bad, "right_of_answered>=0.5", objections=found).outcome == "fail"


def test_a_run_whose_end_lies_does_not_pass(sheet):
    run = sheet(results(made(1, 100)), cases=101)
    assert "not whole" in objections(run, cases_of(run))[0]


def test_cases_that_are_not_at_hand_or_changed_are_told(sheet):
    run = sheet(results(made(1, 100)))
    assert "not at hand" in objections(run, None)[0]
    assert "has changed since" in objections(run, cases_of(run), "0" * 64)[0]
    assert "100 cases of the run are not in the set" in objections(run, {})[0]


def test_a_judge_that_is_not_calibrated_does_not_decide(sheet):
    run = sheet(results(made(1, 100)))
    judged = outcome(
        run, "right_of_answered>=0.5", doubted={"right_of_answered": "the judge helpful is not calibrated"}
    )
    assert judged.outcome == "inconclusive"
    assert "helpful is not calibrated" in judged.said


def test_least_cases_are_waited_for(sheet):
    run = sheet(results(made(1, 100)))
    trial = Trial("handbook", run)
    (judged,) = judge([replace(parse_condition("right_of_answered>=0.5"), least_cases=150)], [trial]).judged
    assert (judged.outcome, judged.needed) == ("inconclusive", 150)


@pytest.mark.parametrize(("errors", "expected"), [(0, "pass"), (1, "pass"), (4, "inconclusive"), (40, "fail")])
def test_errors_are_neither_right_nor_wrong_but_many_of_them_are_no_pass(sheet, errors, expected):
    found = results(made(1, 200 - errors))
    found += [Result(f"broken-{each}", 0, {}, error="provider-timeout") for each in range(errors)]
    judged = outcome(sheet(found), "right_of_answered>=0.8")
    assert judged.outcome == expected


def test_a_release_that_only_fails_fails(sheet):
    run = sheet([Result(f"broken-{each}", 0, {}, error="provider-error") for each in range(30)])
    judged = outcome(run, "right_of_answered>=0.8")
    assert judged.outcome == "fail"
    assert "30 of 30 asks ended with an error" in judged.said


def test_a_result_that_stands_there_twice_makes_the_run_none_to_decide_by(sheet):
    found = results(made(1, 100))
    run = sheet([*found, *found[:5]], cases=100)
    assert "105 of 100 results" in objections(run, cases_of(run))[0]


@pytest.mark.parametrize("value", [None, float("nan"), "1"])
def test_a_value_that_is_no_number_is_refused(sheet, value):
    with pytest.raises(InvalidInput, match="this is no result"):
        sheet([Result("a", 0, {"exact": (value, 1.0)})])


# Words that lead nowhere


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("right_of_anwsered>=0.8", "Did you mean 'right_of_answered'"),
        ("right_of_answered[hr]>=0.8", "no case of handbook"),
        ("right_of_answered[*]>=0.8", "has any tag"),
        ("other:right_of_answered>=0.8", "no run here"),
    ],
)
def test_what_a_run_does_not_have_is_named(sheet, condition, says):
    with pytest.raises(InvalidInput, match=says.replace("[", r"\[")):
        verdict(sheet(results(made(1, 100))), condition)


def test_a_gate_that_requires_nothing_is_refused(sheet):
    with pytest.raises(InvalidInput, match="Nothing is required"):
        verdict(sheet(results(made(1, 100))))
