"""What is judged by text alone: against values worked out by hand."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import AverError, InvalidInput, NotFound
from aver.core.yaml import parse_yaml
from aver.evals.running.service import TimeLimit, _within
from aver.evals.scorers.kinds import Means
from aver.evals.scorers.numeric import numbers
from aver.evals.scorers.overlap import rouge_l, rouge_n, token_f1
from aver.evals.scorers.registry import SCORERS, DeclaredScorer, scorers_of
from aver.evals.types import Case, Response


def declared(text: str):
    return DeclaredScorer().read(parse_yaml(text, "suite"))


async def scored(text: str, case: Case, response: Response | str) -> dict[str, float]:
    """Values by measure, of the scorer that is written so."""
    means = Means()
    try:
        (scorer,) = scorers_of([declared(text)], means)
        values, _ = await scorer.score(case, Response(text=response) if isinstance(response, str) else response)
    finally:
        await means.close()
    return {name: above / below for name, (above, below) in values.items()}


def case(expected=None, **labels) -> Case:
    return Case("c", "How many?", expected=expected, **labels)


@pytest.mark.parametrize(
    ("written", "expected", "response", "right"),
    [
        ("exact", "Ten days", "Ten days", True),
        ("exact", "Ten days", " Ten days\n", True),
        ("exact", "Ten days", "ten days", False),
        ("exact", ["a", "b"], "b", True),
        ("exact", 3, "3", True),
        ("exact", {"a": [1, 2.0]}, '{"a": [1, 2]}', False),
        ("exact", {"a": [1, 2]}, ' {"a": [1, 2]} ', True),
        ("exact", {"a": True}, '{"a": 1}', False),
        ("exact", True, Response(value=True), True),
        ("exact", 1, Response(text="1", value=2), True),
        ("exact: {normalised: true}", "The ten days.", "ten  Days", True),
        ("exact: {normalised: true}", "ten days", "eleven days", False),
        ("contains", "ten days", "They carry over, up to TEN\ndays of them.", True),
        ("contains", "ten days", "They carry over, up to ten daystar.", False),
        ("contains", ["a1", "b2"], "there is b2", True),
        ("contains: {every: true}", ["a1", "b2"], "there is b2", False),
        ("contains: {absent: [sorry]}", None, "Sorry, no.", False),
        ("contains: {absent: [sorry]}", None, "No.", True),
        ("contains: {texts: [yes]}", "no", "yes", True),
        ("regex: {pattern: 'ERR-\\d+'}", None, "see ERR-1042", True),
        ("regex: {pattern: 'err-\\d+', ignore_case: true}", None, "see ERR-1042", True),
        ("regex: {pattern: 'ERR-\\d+', whole: true}", None, "see ERR-1042", False),
        ("regex", "^a+$", "aaa", True),
        ("numeric", 3.5, "It is 3.5.", True),
        ("numeric", 1234, "That makes 1,234 in all [2]", True),
        ("numeric", 12, "It is 12 %, of 40", False),
        ("numeric: {which: any}", 12, "It is 12, of 40", True),
        ("numeric: {which: first}", 12, "It is 12, of 40", True),
        ("numeric: {relative: 0.01}", 100, "about 100.9", True),
        ("numeric: {relative: 0.01}", 100, "about 101.1", False),
        ("numeric: {absolute: 2}", "100", "about 101.1", True),
        ("numeric", 7, "seven", False),
        ("numeric", -4, "\u22124 degrees", True),
        ("numeric", 7, Response(value=7.0), True),
        ("json_schema: {schema: {type: object, required: [a]}}", None, '{"a": 1}', True),
        ("json_schema: {schema: {type: object, required: [a]}}", None, '```json\n{"a": 1}\n```', True),
        ("json_schema: {schema: {type: object, required: [a]}}", None, "{}", False),
        ("json_schema: {schema: {type: object, required: [a]}}", None, "nothing", False),
        ("json_schema: {schema: {type: object, required: [a]}}", None, Response(value={"a": None}), True),
    ],
)
async def test_right_is_right(written, expected, response, right):
    measures = await scored(written, case(expected), response)
    assert list(measures.values()) == [float(right)]
    assert list(measures) == [written.partition(":")[0]]


@pytest.mark.parametrize("written", ["exact", "contains", "numeric", "token_f1", "rouge", "regex", "json_schema"])
async def test_a_case_without_the_label_is_passed_over(written):
    assert await scored(written, case(), "anything") == {}


async def test_a_case_brings_its_own_schema():
    own = Case("c", "?", metadata={"schema": {"type": "array"}})
    assert await scored("json_schema", own, "[]") == {"json_schema": 1.0}
    with pytest.raises(AverError, match="SchemaError"):
        await scored("json_schema", Case("c", "?", metadata={"schema": {"type": "nonsense"}}), "[]")


def test_overlaps_are_those_of_the_papers():
    # Worked out by hand, as rouge-score 0.1.2 gives them without stemming.
    given, wanted = "the cat sat on the mat", "the cat was on a mat"
    assert rouge_n(given, wanted, 1) == pytest.approx(4 / 6)
    assert rouge_n(given, wanted, 2) == pytest.approx(1 / 5)
    assert rouge_l(given, wanted) == pytest.approx(4 / 6)
    assert token_f1("The cat sat.", "a cat, sat down") == pytest.approx(0.8)
    assert token_f1("", "") == 1
    assert token_f1("", "cat") == 0
    assert rouge_l("", "cat") == rouge_n("cat", "", 1) == 0


words = st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join)


@given(words, words)
def test_the_longest_common_subsequence_is_that_of_the_table(one, other):
    first, second = one.split(), other.split()
    rows = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            rows[i + 1][j + 1] = rows[i][j] + 1 if a == b else max(rows[i][j + 1], rows[i + 1][j])
    length = len(first) + len(second)
    assert rouge_l(one, other) == pytest.approx(2 * rows[-1][-1] / length if length else 0)
    assert rouge_l(one, other) == pytest.approx(rouge_l(other, one))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,234.5 and -2", [1234.5, -2]),
        ("v1.2.3, 10a, a10", []),
        ("1e3 or .5", [1000, 0.5]),
        ("from 10-20", [10, 20]),
        ("12%", [12]),
        ("no number", []),
        ("2026", [2026]),
    ],
)
def test_numbers_are_read_from_prose(text, found):
    assert numbers(text) == found


async def test_a_pattern_that_never_ends_is_ended():
    means = Means()
    (scorer,) = scorers_of([declared("regex: {pattern: '(a+)+b'}")], means)
    try:
        with pytest.raises(TimeLimit):
            await _within(0.5, "regex", scorer.score(case(), Response(text="a" * 64)))
        values, _ = await scorer.score(case(), Response(text="aab"))
        assert values == {"regex": (1.0, 1.0)}
    finally:
        await means.close()


async def test_functions_of_other_files_cost_their_case_alone(tmp_path):
    (tmp_path / "mine.py").write_text(
        """
import os, time
print("loaded")

def score(case, response):
    print("on standard output")
    if response.text == "hang":
        while True:
            pass
    if response.text == "die":
        os._exit(3)
    if response.text == "raise":
        raise ValueError("mine")
    if response.text == "odd":
        return {"x": "text"}
    if response.text == "nothing":
        return None
    return {"long": len(response.text), "share": [1, 2]}, f"asked {case.question}"

async def later(case, response):
    return response.text == case.expected
"""
    )
    means = Means(tmp_path)
    (scorer, other) = scorers_of([declared("function: mine.py:score"), declared("function: mine.py:later")], means)
    await means.check()
    try:
        hang = asyncio.ensure_future(_within(1.0, "mine", scorer.score(case(), Response(text="hang"))))
        assert await scorer.score(case(), Response(text="four")) == (
            {"long": (4.0, 1.0), "share": (1.0, 2.0)},
            "asked How many?",
        )
        with pytest.raises(TimeLimit):
            await hang
        for text, said in (("raise", "ValueError: mine"), ("die", "ended by itself"), ("odd", "'text' for 'x'")):
            with pytest.raises(AverError, match=said):
                await scorer.score(case(), Response(text=text))
        assert await scorer.score(case(), Response(text="nothing")) == ({}, "")
        assert (await scorer.score(case(), Response(text="ok")))[0]["long"] == (2.0, 1.0)
        assert (await other.score(case("yes"), Response(text="yes")))[0] == {"later": (1.0, 1.0)}
    finally:
        await means.close()
    assert scorer.digest != other.digest
    with pytest.raises(NotFound, match=r"none\.py"):
        scorers_of([declared("function: none.py:score")], means)
    broken = Means(tmp_path)
    scorers_of([declared("function: mine.py:none")], broken)
    with pytest.raises(InvalidInput, match="there is no function 'none'"):
        await broken.check()
    await broken.close()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("exat", "Did you mean 'exact'"),
        ("exact: {normalized: true}", "Did you mean 'normalised'"),
        ("exact: {normalised: perhaps}", "true or false"),
        ("function", "needs to be told more"),
        ("function: ../mine.py:score", "FILE.py:NAME"),
        ("{exact: {}, rouge: {}}", "one scorer"),
        ("rouge: {n: 3}", "has no settings"),
        ("retrieval: {k: [0]}", "from 1 to 100"),
    ],
)
def test_a_mistake_is_told_where_it_stands(written, said):
    with pytest.raises(InvalidInput, match="suite:1") as raised:
        declared(written)
    assert said in str(raised.value)


def test_what_is_declared_is_written_back_and_has_a_schema():
    import jsonschema

    shape = DeclaredScorer()
    for written in (
        "exact",
        "exact: {normalised: true}",
        "retrieval: {k: [1, 3]}",
        "function: a.py:b",
        "regex: {pattern: a}",
    ):
        one = declared(written)
        assert shape.read(parse_yaml(json.dumps(shape.write(one)), "again")) == one
        jsonschema.validate(parse_yaml(written, "x").plain(), shape.schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate("function", shape.schema())
    assert len({kind.name for kind in SCORERS.values()}) == len(SCORERS)


async def test_settings_are_part_of_a_digest():
    means = Means()
    digests = {
        scorers_of([declared(written)], means)[0].digest
        for written in ("exact", "exact: {normalised: true}", "contains", "retrieval", "retrieval: {k: [5]}")
    }
    assert len(digests) == 5
    (again,) = scorers_of([declared("exact: {normalised: false}")], means)
    assert again.digest in digests
    with pytest.raises(InvalidInput, match="Two scorers"):
        scorers_of([declared("exact"), declared("exact: {normalised: true}")], means)
    await means.close()
