"""Labels that are probably wrong."""

import numpy as np
import pytest

from aver.core.errors import InvalidInput
from aver.evals.labelling.errors import against_documents, against_labellers, confident
from aver.evals.labelling.labels import Label
from aver.evals.labels import Labels
from aver.evals.types import Case, Quote
from tests.knowledge import open_world


def case(name, **fields):
    return Case(id=name, question=f"{name}?", place=f"set:{name}", **fields)


def says(name, labeller, **fields):
    return Label(name, labeller, fields)


def test_what_most_labellers_contradict():
    cases = [
        case("a", answers=("ten days",)),
        case("b", unanswerable=True),
        case("c", answers=("x",)),
        case("d", refuse=True),
    ]
    labels = [
        *(says("a", who, unanswerable=True) for who in ("ann", "bo", "cy")),
        says("b", "ann", unanswerable=True),
        *(says("c", who, answers=["y"]) for who in ("ann", "bo")),
        says("c", "cy", answers=["x"]),
        says("d", "ann", refuse=True),
        says("d", "bo", unanswerable=True),
    ]
    found = against_labellers(cases, labels)
    assert [(each.case, round(each.certainty, 2)) for each in found] == [("a", 1.0), ("c", 0.67), ("d", 0.5)]
    assert found[0].said == "labelled answerable, and most say unanswerable"
    assert "nobody has decided" in found[2].said


def test_planted_errors_are_found_by_confident_learning():
    chance = np.random.default_rng(5)
    kinds = ["answerable", "refuse", "unanswerable"]
    truth = chance.integers(0, 3, 600)
    # A model that knows the truth, and is not always sure of it.
    scores = np.full((600, 3), 0.15) + chance.random((600, 3)) * 0.2
    scores[np.arange(600), truth] += 1.0 + chance.random(600)
    scores /= scores.sum(axis=1, keepdims=True)
    given = truth.copy()
    wrong = chance.choice(600, 60, replace=False)
    given[wrong] = (truth[wrong] + 1) % 3
    found = confident(
        {f"c{n}": kinds[each] for n, each in enumerate(given)},
        {f"c{n}": dict(zip(kinds, row.tolist(), strict=True)) for n, row in enumerate(scores)},
    )
    names = {each.case for each in found}
    planted = {f"c{n}" for n in wrong}
    assert len(names & planted) >= 55
    assert len(names - planted) <= 6
    assert [each.certainty for each in found] == sorted((each.certainty for each in found), reverse=True)


def test_probabilities_are_probabilities():
    assert confident({"a": "x"}, {}) == []
    for given, says_ in (
        ({"x": 0.4, "y": 0.4}, "do not make 1"),
        ({"x": 1.5, "y": -0.5}, "are none"),
        ({"y": 1.0}, "no probability"),
    ):
        with pytest.raises(InvalidInput, match=says_):
            confident({"a": "x"}, {"a": given})


def test_labels_that_no_longer_stand_in_the_documents(tmp_path):
    acme = open_world(tmp_path / "data")
    acme.ingest({"leave.md": "# Leave\n\nTen days carry over.\n"})
    cases = [
        case("a", documents=("leave.md",), answers=("ten days",)),
        case("b", documents=("leave.md",), answers=("12 days",)),
        case("c", passages=(Quote("gone.md", "x"),)),
        case("d", unanswerable=True),
    ]
    found = against_documents(cases, Labels(acme.knowledge), acme.user("ann"))
    assert [each.case for each in found] == ["b", "c"]
    assert found[0].said == "none of its answers stands in its documents"
