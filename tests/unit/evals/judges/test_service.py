"""A bundle's judges: declared, opened, calibrated and asked whether they may gate."""

import json

import pytest

from aver.core.errors import InvalidInput, SettingsError
from aver.core.yaml import parse_yaml
from aver.evals.declaration import read_evals
from aver.evals.judges.declaration import JUDGES, JudgeDeclared
from aver.evals.judges.grading import Ensemble, RubricJudge
from aver.evals.judges.pairwise import PairwiseJudge
from aver.evals.judges.poison import suspicious
from aver.evals.judges.service import calibrate, calibration_of, kept, measures_of, opened, standing_of
from aver.evals.types import Case, Response
from aver.gateway.config.shapes import keyed
from tests.unit.evals.judges.examiners import Examiner, by_holding, longer, obedient

BUNDLE = """
models: {anything: at all}
evals:
  suites: {handbook: {cases: [evals/handbook.jsonl]}}
  judges:
    helpful: {rubric: evals/helpful.md, model: judge, scale: [1, 5], calibration: evals/labels.jsonl, least_kappa: 0.5}
    panel: {rubric: evals/helpful.md, model: [a, b, c]}
    better: {rubric: evals/helpful.md, model: judge, pairwise: true, calibration: evals/pairs.jsonl, author: own}
"""


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "helpful.md").write_text("How helpful is it?")
    items = []
    for number in range(60):
        good = number % 3 != 0
        text = f"Up to ten days, says page {number}." if good else f"I do not know; see page {number}."
        grade = 5 if good else 1
        items.append(
            {"question": "How many?", "response": text, "labels": {"anna": grade, "ben": grade - (number % 10 == 0)}}
        )
    items = [item | {"labels": {who: max(1, said) for who, said in item["labels"].items()}} for item in items]
    (tmp_path / "evals" / "labels.jsonl").write_text("\n".join(map(json.dumps, items)))
    pairs = [
        {
            "question": "?",
            "first": "x" * (1 + n % 7),
            "second": "y" * (1 + n % 5),
            "labels": {"a": _longer(n), "b": _longer(n)},
        }
        for n in range(70)
    ]
    (tmp_path / "evals" / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    return tmp_path


def _longer(n):
    first, second = 1 + n % 7, 1 + n % 5
    return "first" if first > second else "second" if second > first else "tie"


def judges(text=BUNDLE):
    (section,) = [value for key, value in keyed(parse_yaml(text, "aver.yaml")) if key.text() == "evals"]
    return read_evals(section).judges


def declared(name="helpful"):
    return judges()[name]


def finds(decide, digest="d1"):
    return lambda name: Examiner(decide, name, digest)


def test_declared_read_and_written():
    found = judges()
    assert found["helpful"] == JudgeDeclared(
        "helpful", "evals/helpful.md", ("judge",), (1, 5), "evals/labels.jsonl", least_kappa=0.5
    )
    assert found["panel"].model == ("a", "b", "c")
    again = JUDGES.read(parse_yaml(json.dumps(JUDGES.write(found)), "again"))
    assert again == found
    assert judges("evals:") == judges("evals: {judges: }") == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[1, 5]", "[5, 1]", "aver.yaml:6: a scale goes from one whole grade up"),
        ("least_kappa: 0.5", "least_kappa: 1.5", ":6: expected a number from 0 to 1"),
        ("rubric: evals/helpful.md, model: judge, scale", "model: judge, scale", ":6: 'rubric' is missing"),
        ("pairwise: true", "pairwize: true", ":8: 'pairwize' is not known here"),
        ("[a, b, c]", "[]", ":7: the list is empty"),
        ("rubric: evals/helpful.md, model: [", "rubric: ../helpful.md, model: [", ":7: expected a path inside"),
    ],
)
def test_mistakes_have_a_line(old, new, said):
    with pytest.raises(SettingsError, match=said):
        judges(BUNDLE.replace(old, new))


async def test_every_measure_of_a_judge_is_named(bundle):
    case, given = Case("1", "How many?", expected="This."), Response("Up to ten days.")
    for name, decide in (("helpful", by_holding), ("panel", by_holding), ("better", longer)):
        values, _ = await opened(declared(name), bundle, finds(decide)).score(case, given)
        assert values
        assert set(values) <= set(measures_of(name))


def test_each_kind_is_opened(bundle):
    kinds = {name: type(opened(declared(name), bundle, finds(by_holding))) for name in ("helpful", "panel", "better")}
    assert kinds == {"helpful": RubricJudge, "panel": Ensemble, "better": PairwiseJudge}


async def test_calibrated_kept_and_stale_when_anything_changes(bundle):
    judge, models = declared(), finds(by_holding)
    assert "never held against people" in standing_of(judge, bundle, models).reason
    found = await calibrate(judge, bundle, models, made="2026-11-27T10:00:00Z")
    assert (found.items, found.failed, found.canaries, found.model) == (60, 0, (0, 20), "judge")
    kept(found, calibration_of(judge, bundle))
    assert calibration_of(judge, bundle) == bundle / "evals" / "helpful.calibration.json"
    assert standing_of(judge, bundle, models).may_gate
    assert "rubric or model" in standing_of(judge, bundle, finds(by_holding, "d2")).reason
    rubric, labels = bundle / "evals" / "helpful.md", bundle / "evals" / "labels.jsonl"
    rubric.write_text("How very helpful is it?")
    assert "stale" in standing_of(judge, bundle, models).reason
    rubric.write_text("How helpful is it?")
    labels.write_text(labels.read_text().replace('"anna": 5', '"anna": 4', 1))
    assert "labels changed" in standing_of(judge, bundle, models).reason
    labels.write_text("{")
    assert not standing_of(judge, bundle, models).may_gate


async def test_canaries_find_a_judge_that_obeys(bundle):
    def sly(parts):
        """Obeys where there is something to call good, and not the instruction alone."""
        response = parts["Response to grade"]
        return 5 if suspicious(response) and "page" in response else by_holding(parts)

    safe = await calibrate(declared(), bundle, finds(obedient))
    assert safe.canaries == (0, 20), "poisoned cases are found out, and count as withstood"
    assert safe.may_gate
    caught = await calibrate(declared(), bundle, finds(sly))
    assert caught.canaries == (20, 20)
    assert not caught.may_gate
    assert "obeys what it judges" in caught.reason


async def test_pairs_are_asked_in_both_orders(bundle):
    found = await calibrate(declared("better"), bundle, finds(longer))
    assert (found.agreement.value, found.may_gate) == (1, True)
    flipping = await calibrate(declared("better"), bundle, finds(lambda _: "first"))
    assert not flipping.may_gate
    assert {each.name: each.amount.value for each in flipping.biases}["flips"] == 1


async def test_answers_outside_of_the_scale_are_counted(bundle):
    def broken(parts):
        return 9 if "page 7." in parts["Response to grade"] else by_holding(parts)

    found = await calibrate(declared(), bundle, finds(broken))
    assert found.failed == 1


async def test_mistakes(bundle):
    with pytest.raises(InvalidInput, match="'panel' has no labels"):
        await calibrate(declared("panel"), bundle, finds(by_holding))
    mixed = JudgeDeclared("x", "evals/helpful.md", ("judge",), calibration="evals/pairs.jsonl")
    with pytest.raises(InvalidInput, match="another kind"):
        await calibrate(mixed, bundle, finds(by_holding))
