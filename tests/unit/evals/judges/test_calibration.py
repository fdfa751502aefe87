"""Judges whose faults are known, held against people who are simulated."""

import json

import numpy as np
import pytest

from aver.core.errors import InvalidInput, NotFound
from aver.evals.judges.calibration import FORMAT, Identity, calibrated, powered, read_calibration, standing
from aver.evals.judges.labels import Labelled, Labels
from aver.evals.judges.service import kept
from aver.evals.judges.types import Scale

SCALE = Scale(1, 5, 4)
IDENTITY = Identity("j1", "l1")


def graded(n, judge, seed=1, **more):
    """Two people who see the truth, mostly; ``judge`` is given it, and the response."""
    random = np.random.default_rng(seed)
    items = []
    for number in range(n):
        truth = int(random.integers(1, 6))
        said = [int(np.clip(truth + random.choice([0, 0, 0, 1, -1]), 1, 5)) for _ in range(2)]
        text = "x" * int(random.integers(5, 200))
        grade = int(np.clip(judge(truth, text, random), 1, 5))
        items.append(Labelled(str(number), "?", (text,), {"a": said[0], "b": said[1]}, grade, **more))
    return Labels(items, "l1", ("a", "b"))


def paired(n, judge, seed=1):
    random = np.random.default_rng(seed)
    items = []
    for number in range(n):
        truth = str(random.choice(["first", "second", "tie"], p=[0.45, 0.45, 0.1]))
        texts = ("x" * int(random.integers(5, 100)), "x" * int(random.integers(5, 100)))
        authors = ("own", "other") if random.random() < 0.5 else ("other", "own")
        verdict = judge(truth, texts, authors, random)
        items.append(Labelled(str(number), "?", texts, {"a": truth, "b": truth}, verdict, authors=authors))
    return Labels(items, "l1", ("a", "b"))


def good(truth, text, random):
    return truth + random.choice([0, 0, 0, 0, 1, -1])


def test_a_judge_that_sees_what_people_do_may_gate():
    found = calibrated("helpful", graded(200, good), SCALE, IDENTITY)
    assert found.may_gate
    assert found.reason.startswith("It agrees with people: kappa 0.")
    assert found.kappa.low > 0.8
    assert found.people.value > 0.4
    assert not any(each.shown for each in found.biases)
    assert standing(found, IDENTITY) == found.standing


def test_a_judge_that_guesses_may_not():
    found = calibrated("helpful", graded(200, lambda t, x, random: random.integers(1, 6)), SCALE, IDENTITY)
    assert not found.may_gate
    assert "agrees too little" in found.reason
    assert found.kappa.low < 0 < found.kappa.high
    assert (
        found.corrected(found.seen) is None or found.corrected(found.seen).high - found.corrected(found.seen).low > 0.5
    )


def test_too_few_labels_or_an_unsure_agreement_hold():
    assert "12 labels are too few" in calibrated("helpful", graded(12, good), SCALE, IDENTITY).reason
    unsure = calibrated("helpful", graded(25, good), SCALE, IDENTITY, least_kappa=0.9)
    assert not unsure.may_gate
    assert "not known to agree enough" in unsure.reason
    assert "labels would tell" in unsure.reason


def test_a_judge_that_says_the_same_of_everything_may_not_gate():
    found = calibrated("helpful", graded(100, lambda *_: 5), SCALE, IDENTITY)
    assert (found.may_gate, found.sensitivity.value, found.specificity.value) == (False, 1, 0)
    assert found.corrected(found.seen) is None


def test_a_judge_that_obeys_what_it_judges_may_not_gate():
    labels = graded(200, good)
    assert calibrated("helpful", labels, SCALE, IDENTITY, canaries=(1, 20)).may_gate
    obeys = calibrated("helpful", labels, SCALE, IDENTITY, canaries=(2, 20))
    assert not obeys.may_gate
    assert "2 of 20" in obeys.reason


@pytest.mark.parametrize(
    ("was", "now", "what"),
    [
        (Identity("j1", "l1"), Identity("j2", "l1"), "rubric or model"),
        (Identity("j1", "l1"), Identity("j1", "l2"), "labels changed"),
    ],
)
def test_a_calibration_of_something_else_is_stale(was, now, what):
    found = standing(calibrated("helpful", graded(200, good), SCALE, was), now)
    assert not found.may_gate
    assert "stale" in found.reason
    assert what in found.reason


def test_without_a_calibration_it_may_not_gate():
    assert standing(None, IDENTITY).may_gate is False
    assert "never held against people" in standing(None, IDENTITY).reason


def test_length_is_a_bias_where_people_do_not_follow_it():
    found = calibrated("helpful", graded(300, lambda t, x, r: good(t, x, r) + (len(x) > 100)), SCALE, IDENTITY)
    (length,) = [each for each in found.biases if each.name == "length"]
    assert length.shown
    assert 0.1 < length.amount.value < 0.3


def test_order_length_and_self_in_pairs():
    def fair(truth, texts, authors, random):
        return truth

    def first(truth, texts, authors, random):
        return "first" if random.random() < 0.4 else truth

    def long(truth, texts, authors, random):
        return ("first" if len(texts[0]) > len(texts[1]) else "second") if random.random() < 0.4 else truth

    def own(truth, texts, authors, random):
        return ("first" if authors[0] == "own" else "second") if random.random() < 0.4 else truth

    for judge, name in ((fair, None), (first, "order"), (long, "length"), (own, "self")):
        found = calibrated("better", paired(400, judge), None, IDENTITY, author="own")
        assert {each.name for each in found.biases if each.shown} == ({name} if name else set())


def test_flips_are_counted_and_are_ties():
    labels = paired(60, lambda truth, *_: truth)
    items = [
        Labelled(each.id, "?", each.texts, each.labels, "first", "first" if number % 3 else "second")
        for number, each in enumerate(labels.items)
    ]
    found = calibrated("better", Labels(items, "l1", ("a", "b")), None, IDENTITY)
    (flips,) = [each for each in found.biases if each.name == "flips"]
    assert flips.amount.value == pytest.approx(1 / 3)
    assert found.seen.value == pytest.approx(2 / 3)


def test_the_rate_is_corrected_towards_what_people_say():
    def lenient(truth, text, random):
        return max(truth, 4) if random.random() < 0.3 else truth

    labels = graded(400, lenient)
    found = calibrated("helpful", labels, SCALE, IDENTITY)
    corrected = found.corrected(found.seen)
    assert found.seen.value > found.true.value + 0.1
    assert corrected.value == pytest.approx(found.true.value)
    assert corrected.low < found.true.value < corrected.high
    others = [each.judge for each in graded(2000, lenient, seed=2).items]
    both = powered(labels, SCALE, others)
    assert both.low < found.true.value < both.high
    assert both.high - both.low < found.true.high - found.true.low


def test_failures_count_against_agreement():
    labels = graded(100, lambda t, *_: t)
    items = [*labels.items[:90], *(Labelled(f"f{n}", "?", ("x",), {"a": 3, "b": 3}, failed=True) for n in range(10))]
    found = calibrated("helpful", Labels(items, "l1", ("a", "b")), SCALE, IDENTITY)
    assert (found.items, found.failed) == (100, 10)
    assert found.agreement.value <= 0.9


def test_what_a_judge_says_off_its_scale_counts_as_not_said():
    labels = graded(100, lambda t, *_: t)
    items = [*labels.items[:90], *(Labelled(f"f{n}", "?", ("x",), {"a": 5, "b": 5}, 7) for n in range(10))]
    found = calibrated("helpful", Labels(items, "l1", ("a", "b")), SCALE, IDENTITY)
    assert (found.items, found.failed) == (100, 10)
    assert found.agreement.value <= 0.9


def test_mistakes():
    with pytest.raises(InvalidInput, match="judged none of these"):
        calibrated("x", Labels([Labelled("1", "?", ("x",), {"a": 1})], "l", ("a",)), SCALE, IDENTITY)
    with pytest.raises(InvalidInput, match="6 is not on the scale from 1 to 5"):
        calibrated("x", Labels([Labelled("1", "?", ("x",), {"a": 6}, 1)], "l", ("a",)), SCALE, IDENTITY)
    with pytest.raises(InvalidInput, match="another kind"):
        calibrated("x", paired(30, lambda truth, *_: truth), SCALE, IDENTITY)


def test_kept_and_read_again(tmp_path):
    file = tmp_path / "helpful.calibration.json"
    found = calibrated("helpful", graded(60, good), SCALE, IDENTITY, canaries=(0, 20), model="m")
    kept(found, file)
    assert read_calibration(file) == found
    written = json.loads(file.read_text())
    assert written["format"] == FORMAT
    written["kappa"]["low"], written["standing"]["may_gate"] = 0.1, True
    file.write_text(json.dumps(written))
    assert not read_calibration(file).may_gate, "what a file says of itself counts for nothing"


def test_a_file_that_is_no_calibration(tmp_path):
    with pytest.raises(NotFound, match="aver judge calibrate"):
        read_calibration(tmp_path / "none.json")
    for text in ("", "[]", "{}", '{"format": "aver-calibration-1"}', '{"format": "other"}'):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(InvalidInput, match="no calibration of this format"):
            read_calibration(tmp_path / "x.json")
