"""A run as a file: written line by line, read as it streams, gone on with after the worst."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import Conflict, InvalidInput, NotFound
from aver.evals.running.file import RunWriter, read_run
from aver.evals.running.responses import Responses, response_key
from aver.evals.running.wire import asked, asked_digest, decode_case, decode_response, encode
from aver.evals.types import Called, Case, Cited, Message, Quote, Response, Result, RunHeader

HEADER = RunHeader(
    "handbook", "h.jsonl", "d" * 64, 3, "null", "n" * 64, "", {"exact": "e" * 64}, 7, 1, "2026-11-27T09:00:00Z", "1"
)


def result(case: str, error: str = "") -> Result:
    values = {} if error else {"exact": (1.0, 1.0), "citation_precision": (2.0, 3.0)}
    return Result(case, 0, values, ("hr",), "leave.md", error, "it broke" if error else "", {"exact": "equal"})


def test_reads_what_was_written(tmp_path: Path):
    path = tmp_path / "a.run.jsonl"
    writer = RunWriter.begin(path, HEADER)
    written = [result("a"), result("b", "time-limit"), result("c")]
    for each in written[:2]:
        writer.add(each)
    assert not read_run(path).complete
    writer.add(written[2])
    writer.end("2026-11-27T09:01:00Z")
    writer.close()
    run = read_run(path)
    assert run.header == HEADER
    assert run.complete
    assert list(run.results()) == written
    assert list(run.results()) == written  # again
    assert path.stat().st_mode & 0o777 == 0o600


def test_goes_on_without_errors_and_torn_lines(tmp_path: Path):
    path = tmp_path / "a.run.jsonl"
    writer = RunWriter.begin(path, HEADER)
    for each in (result("a"), result("b", "time-limit")):
        writer.add(each)
    writer.close()
    with path.open("ab") as file:
        file.write(b'{"case": "c", "rep')
    assert [each.case for each in read_run(path).results()] == ["a", "b"]
    again = RunWriter.resume(path)
    again.add(result("b"))
    again.close()
    assert list(read_run(path).results()) == [result("a"), result("b")]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.run.jsonl"]


def test_is_written_by_one(tmp_path: Path):
    path = tmp_path / "a.run.jsonl"
    writer = RunWriter.begin(path, HEADER)
    with pytest.raises(Conflict, match="already"):
        RunWriter.begin(path, HEADER)
    with pytest.raises(Conflict, match="Another process"):
        RunWriter.resume(path)
    writer.close()
    held = RunWriter.resume(path)
    with pytest.raises(Conflict, match="Another process"):
        RunWriter.resume(path)
    held.close()
    RunWriter.resume(path).close()


@pytest.mark.parametrize(
    "text", ["", "{}", "not json", '{"format": "aver-run-1"}', '{"format": "other", "header": {}}', "[1]"]
)
def test_refuses_what_is_no_run(tmp_path: Path, text: str):
    path = tmp_path / "a.run.jsonl"
    path.write_text(text + "\n")
    with pytest.raises(InvalidInput, match="no run of the format"):
        read_run(path)
    with pytest.raises(NotFound):
        read_run(tmp_path / "none")


@pytest.mark.parametrize("line", ["nonsense", "[]", '{"case": "a"}', '{"case": "a", "repeat": 0, "values": {"x": 1}}'])
def test_names_a_line_that_is_no_result(tmp_path: Path, line: str):
    path = tmp_path / "a.run.jsonl"
    RunWriter.begin(path, HEADER).close()
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InvalidInput, match=r"a\.run\.jsonl:2"):
        list(read_run(path).results())


CITED = Cited("d1", 3, 9, "ten days", 2, "Leave")
FULL = Response(
    text="Ten days.",
    value={"a": [1, None]},
    ranking=(CITED,),
    looked=(),
    citations=(CITED, CITED),
    supported=(True, False),
    calls=(Called("mail", {"to": "x"}, "deny", False),),
    state=[1],
    verdicts=({"check": "personal", "verdict": "flag", "place": "output"},),
    confidence=-1.5,
    cost_usd=0.1,
    details={"k": {"n": 1}},
)


async def test_keeps_responses_by_content(tmp_path: Path):
    run = tmp_path / "a.run.jsonl"
    kept = Responses.beside(run)
    key = response_key("t", "c", 0, 1)
    assert kept.get(key) is None
    long = dataclasses.replace(FULL, text="x" * 5000)
    await kept.put(key, long)
    await kept.put("other", FULL)
    kept.close()
    again = Responses.beside(run)
    assert again.get(key) == long
    assert again.get("other") == FULL
    again.close()
    assert len({response_key("t", "c", 0, 1), response_key("t", "c", 1, 0), response_key("t", "c1", 0, 1), key}) == 3
    writer = RunWriter.begin(run, HEADER)
    writer.add(result("a"), "other")
    writer.add(result("b"), "lost")
    writer.close()
    assert [each.response for each in read_run(run).results(responses=True)] == [FULL, None]
    assert [each.response for each in read_run(run).results()] == [None, None]


text = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
value = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
cases = st.builds(
    Case,
    id=text,
    question=text,
    place=text,
    groups=st.tuples(text),
    passages=st.tuples(st.builds(Quote, text, text)),
    history=st.tuples(st.builds(Message, st.sampled_from(["user", "assistant"]), text)),
    variables=st.dictionaries(text, value, max_size=2),
    expected=value,
    calls=st.none() | st.just(()) | st.tuples(st.builds(Called, text, st.dictionaries(text, value, max_size=2))),
    state=value,
    refuse=st.booleans(),
)


@given(cases, text)
def test_cases_come_back_as_they_were(case: Case, place: str):
    assert decode_case(encode(case)) == case
    assert decode_response(encode(FULL)) == FULL
    assert asked_digest(dataclasses.replace(case, place=place)) == asked_digest(case)


def test_a_digest_follows_what_is_asked_and_not_what_is_known():
    case = Case("a", "How many days?")
    others = [
        dataclasses.replace(case, question="How many days"),
        dataclasses.replace(case, id="b"),
        dataclasses.replace(case, user="ada"),
        dataclasses.replace(case, user="ada", groups=("hr",)),
        dataclasses.replace(case, variables={"k": 0}),
        dataclasses.replace(case, variables={"k": False}),
        dataclasses.replace(case, history=(Message("user", "Hello"),)),
    ]
    assert len({asked_digest(each) for each in [case, *others]}) == len(others) + 1
    labelled = dataclasses.replace(case, expected=3, answers=("3",), refuse=True, calls=(), tags=("t",), place="f:1")
    assert asked_digest(labelled) == asked_digest(case)
    assert asked(labelled) == case
