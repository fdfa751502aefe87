"""Two runs compared: what moved, which way is good, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest

from aver.core.errors import InvalidInput
from aver.evals.gates.comparing import compare, flips
from aver.evals.gates.sheet import sheet_of
from aver.evals.gates.telling import headline, tell_comparison
from aver.evals.types import Result
from tests.runs import made, results, write_run


@pytest.fixture
def sheet(tmp_path):
    numbers = iter(range(100))

    def make(found, **header):
        return sheet_of(write_run(tmp_path / f"{next(numbers)}.run.jsonl", found, responses=False, **header))

    return make


def both(first, second):
    """The same cases with both measures."""
    return [replace(one, values={**one.values, **other.values}) for one, other in zip(first, second, strict=True)]


def test_a_gain_reads_as_a_verdict(sheet):
    old, new = made(0.7, 512), None
    new = old.copy()
    new[np.flatnonzero(old == 0)[:31]] = 1
    new[np.flatnonzero(old == 1)[:9]] = 0
    cost = np.full(512, 0.01)
    before = sheet(both(results(old), results(cost, measure="cost_usd")))
    after = sheet(both(results(new), results(cost * 1.12, measure="cost_usd")))
    found = compare(before, after)
    told = list(tell_comparison(found))
    assert told[0].startswith("B answers 4.3 points more of its questions right (+")
    assert told[0].endswith("on 512 shared cases: better.")
    assert "It costs 12 % more (cost_usd: $0.0100 → $0.0112 a case): worse." in told
    assert "31 cases got better, 9 got worse." in told
    assert [each.way for each in found.flips] == ["worse"] * 9 + ["better"] * 31


def test_what_cannot_be_told_says_what_a_sample_like_this_could_have_shown(sheet):
    old = made(0.7, 200)
    new = old.copy()
    new[np.flatnonzero(old == 0)[:3]] = 1
    new[np.flatnonzero(old == 1)[:2]] = 0
    found = compare(sheet(results(old)), sheet(results(new)))
    change = found.changes["right_of_answered"]
    assert change.difference.verdict == "inconclusive"
    # (1.96 + 0.84) * sqrt(5) / 200: five of 200 pairs differ; by the normal approximation.
    assert change.detectable == pytest.approx(0.031, rel=0.25)
    assert headline(found).endswith("too close to call.")
    assert any("four times in five" in each for each in tell_comparison(found))


def test_less_is_better_where_it_is(sheet):
    old, new = made(0.5, 200), made(0.2, 200, seed=1)
    found = compare(sheet(results(old, measure="attack_success")), sheet(results(new, measure="attack_success")))
    assert found.changes["attack_success"].difference.verdict == "better"
    assert "lets 30.0 points less of the attacks through" in headline(found)
    ways = {each.way for each in found.flips if each.after < each.before}
    assert ways == {"better"}


def test_many_measures_are_corrected_together(sheet):
    random = np.random.default_rng(3)
    names = [f"m{number}" for number in range(20)]
    rows = [
        [Result(f"c{case}", 0, {name: (float(random.random() < 0.5), 1.0) for name in names}) for case in range(100)]
        for _ in range(2)
    ]
    found = compare(sheet(rows[0]), sheet(rows[1]))
    assert {each.difference.verdict for each in found.changes.values()} == {"inconclusive"}


def test_only_shared_cases_count_and_the_others_are_told(sheet):
    before, after = sheet(results(made(0.7, 60))), sheet(results(made(0.7, 50)))
    found = compare(before, after)
    assert (found.shared, found.only_before, found.only_after) == (50, 10, 0)
    assert any("Left out: 10 cases that only A has" in each for each in tell_comparison(found))


def test_what_makes_a_comparison_doubtful_is_told(sheet):
    before = sheet(results(made(0.7, 50)), scorers={"answers": "e" * 64}, dataset_digest="e" * 64, complete=False)
    told = " ".join(tell_comparison(compare(before, sheet(results(made(0.7, 50))))))
    for said in ("is not whole", "scored otherwise: answers", "the set changed between the runs"):
        assert said in told


def test_runs_that_are_level_are_said_to_be_in_words(sheet):
    same = results(made(0.7, 50))
    found = compare(sheet(same), sheet(same))
    assert headline(found).startswith("B answers as many of its questions right as A (")
    assert "No case moved." in list(tell_comparison(found))


def test_too_few_cases_say_so(sheet):
    found = compare(sheet(results(made(0.5, 10))), sheet(results(made(0.7, 10))))
    assert any("too few to compare" in each for each in tell_comparison(found))


def test_a_slice_is_told_where_it_went_another_way_than_the_whole_or_much_further(sheet):
    old = made(0.5, 400)
    good = results(np.ones(400) * (old + 0 > -1), tags=("travel",))
    before = [
        *results(old, tags=("travel",)),
        *(replace(each, case=f"h{each.case}", tags=("hr",)) for each in results(np.ones(100))),
    ]
    after = [*good, *(replace(each, case=f"h{each.case}", tags=("hr",)) for each in results(made(0.5, 100)))]
    told = list(tell_comparison(compare(sheet(before), sheet(after))))
    assert any(each.startswith("Among hr, right_of_answered is worse: 1.000 → 0.500") for each in told)
    assert any(each.startswith("Among travel, right_of_answered is better: 0.500 → 1.000") for each in told)
    alike = [*before, *(replace(each, case=f"i{each.case}", tags=("it",)) for each in results(made(0.5, 100)))]
    later = [*after, *(replace(each, case=f"i{each.case}", tags=("it",)) for each in results(made(0.75, 100)))]
    told = list(tell_comparison(compare(sheet(alike), sheet(later))))
    assert not any("Among it" in each for each in told), "as much as the whole"


def test_runs_without_anything_in_common_are_refused(sheet):
    one = sheet(results(made(0.5, 10)))
    with pytest.raises(InvalidInput, match="no case in common"):
        compare(one, sheet([replace(each, case=f"x{each.case}") for each in results(made(0.5, 10))]))
    with pytest.raises(InvalidInput, match="no measure in common"):
        compare(one, sheet(results(made(0.5, 10), measure="exact")))
    with pytest.raises(InvalidInput, match="Did you mean 'right_of_answered'"):
        compare(one, one, "right_of_anwsered")


def test_flips_begin_with_the_worst_loss(sheet):
    before = sheet(results([0.9, 0.5, 0.5, 0.2], measure="groundedness"))
    after = sheet(results([0.1, 0.4, 0.5, 0.9], measure="groundedness"))
    assert [(each.case, each.way) for each in flips(before, after, "groundedness")] == [
        ("case-0000", "worse"),
        ("case-0001", "worse"),
        ("case-0003", "better"),
    ]
