"""The section ``evals`` of a bundle: read, written back, and every mistake told where it stands."""

from __future__ import annotations

import json

import pytest

from aver.core.errors import SettingsError
from aver.core.yaml import parse_yaml
from aver.evals.declaration import EVALS, Evals, read_evals
from aver.evals.scorers.registry import STANDARD

SECTION = """\
suites:
  handbook:
    cases: [evals/handbook.jsonl]
  other:
    cases: [evals/a.yaml, evals/b.csv]
    target: endpoint:other
    user: cleo
    groups: [board]
    scorers: [retrieval, {exact: {normalised: true}}, {function: evals/mine.py:score}]
    repeats: 3
endpoints:
  other: {url: "https://example.com/ask", credential: env:KEY, body: {q: "{question}"}, answer: /data/text}
flows: {leave: {at_least: 20}}
gate: []
"""


def read(text: str) -> Evals:
    return read_evals(parse_yaml(text, "aver.yaml"))


def test_what_is_declared_is_read_and_written_back():
    found = read(SECTION)
    assert found.suites["handbook"].scorers == STANDARD
    assert (found.suites["handbook"].target, found.suites["handbook"].user) == ("assistant", "evaluation")
    other = found.suites["other"]
    assert (other.name, other.cases, other.repeats, other.groups) == (
        "other",
        ("evals/a.yaml", "evals/b.csv"),
        3,
        ("board",),
    )
    assert [each.kind for each in other.scorers] == ["retrieval", "exact", "function"]
    assert found.endpoints["other"].body == {"q": "{question}"}
    assert read(json.dumps(EVALS.write(found))) == found
    assert read("") == Evals()


def test_the_schema_takes_what_is_read():
    import jsonschema

    jsonschema.validate(parse_yaml(SECTION, "x").plain(), EVALS.schema())


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("suites:\n  a: {target: assistant}", 2, "'cases' is missing"),
        ("suites:\n  a: {cases: []}", 2, "the list is empty"),
        ("suites:\n  a: {cases: [../b.jsonl]}", 2, "a path inside the bundle"),
        ("suites:\n  a:\n    cases: [b.jsonl]\n    target: asistant", 4, "endpoint:NAME"),
        (
            "suites:\n  a:\n    cases: [b.jsonl]\n    target: endpoint:othr\nendpoints: {other: {url: 'http://x/y'}}",
            4,
            "Did you mean 'other'",
        ),
        ("suites:\n  a:\n    cases: [b.jsonl]\n    scorers:\n    - exat", 5, "Did you mean 'exact'"),
        ("suites:\n  a: {cases: [b.jsonl], repeats: 0}", 2, "from 1 to 100"),
        ("endpoints:\n  a: {url: 'http://user:pw@x/y'}", 2, "without a user"),
        ("endpoints:\n  a: {url: 'http://x/y', answer: text}", 2, "JSON Pointer"),
        ("endpoints:\n  a: {url: 'http://x/y', credential: s3cret}", 2, "never the credential itself"),
        ("suits: {}", 1, "Did you mean 'suites'"),
    ],
)
def test_a_mistake_is_told_where_it_stands(text, line, said):
    with pytest.raises(SettingsError, match=f"aver.yaml:{line}:") as raised:
        read(text)
    assert said in str(raised.value)
    assert "s3cret" not in str(raised.value)
