"""How far labellers agree."""

import pytest

from aver.evals.labelling.agreement import agreement, labellers
from aver.evals.labelling.labels import Label


def says(case, who, kind, grade=None):
    given = {"answerable": {"answers": ["x"]}, "unanswerable": {"unanswerable": True}, "refuse": {"refuse": True}}
    return Label(case, who, given[kind], grade)


def test_agreement_of_two_is_as_by_hand():
    """Of 40 cases 30 are said the same by both: 15 and 15; five and five are not. Chance is 1/2, so kappa is (3/4 - 1/2) / (1/2)."""
    labels = []
    for number in range(40):
        one = "answerable" if number < 20 else "refuse"
        other = one if number % 20 < 15 else "refuse" if one == "answerable" else "answerable"
        labels += [says(f"c{number}", "ann", one), says(f"c{number}", "bo", other)]
    (kind,) = agreement(labels)
    assert (kind.on, kind.items, kind.labellers) == ("kind", 40, 2)
    assert kind.percent.value == pytest.approx(0.75)
    assert kind.kappa.value == pytest.approx(0.5)
    # Krippendorff's correction for 80 ratings: 1 - 79 * 20 / (2 * 40 * 40)
    assert kind.alpha.value == pytest.approx(1 - 79 * 20 / 3200)
    assert not kind.is_enough
    assert kind.kappa.low < 0.5 < kind.kappa.high


def test_labels_that_are_missing_and_single_ones():
    labels = [
        says(f"c{n}", who, ["answerable", "refuse"][n % 2], n / 30) for n in range(30) for who in ("ann", "bo", "cy")
    ]
    del labels[::7]
    kind, grade = agreement([*labels, says("alone", "ann", "refuse")])
    assert (kind.items, kind.labellers, kind.kappa) == (30, 3, None)
    assert kind.alpha.value == pytest.approx(1)
    assert grade.alpha.value == pytest.approx(1)
    assert kind.is_enough


def test_nothing_is_known_of_nothing():
    (kind,) = agreement([says("a", "ann", "refuse")])
    assert (kind.items, kind.alpha, kind.is_enough) == (0, None, False)


def test_the_last_label_counts_and_who_stands_apart_is_seen():
    labels = [says(f"c{n}", who, "refuse") for n in range(4) for who in ("ann", "bo")]
    labels += [says(f"c{n}", "cy", "answerable") for n in range(4)] + [
        says("c0", "cy", "refuse"),
        says("d", "cy", "refuse"),
    ]
    found = {each.name: (each.cases, each.agrees) for each in labellers(labels)}
    assert found == {"ann": (4, 1.0), "bo": (4, 1.0), "cy": (5, 0.25)}
