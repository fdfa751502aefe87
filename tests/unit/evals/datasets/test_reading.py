"""Labelled sets as files: what they say, and where they are wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import InvalidInput, NotFound
from aver.evals.datasets.reading import as_line, read_dataset
from aver.evals.types import Case, Quote

text = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20).map(str.strip).filter(bool)
names = st.text("abc", min_size=1, max_size=5)


@st.composite
def cases(draw):
    unanswerable = draw(st.booleans())
    user = draw(st.just("") | names)
    return Case(
        id=draw(text),
        question=draw(text),
        user=user,
        groups=tuple(draw(st.lists(names, unique=True, max_size=2))) if user else (),
        documents=() if unanswerable else tuple(draw(st.lists(text, min_size=1, max_size=2))),
        answers=() if unanswerable else tuple(draw(st.lists(text, max_size=2))),
        passages=() if unanswerable else tuple(draw(st.lists(st.builds(Quote, text, text), max_size=2))),
        unanswerable=unanswerable,
        tags=tuple(draw(st.lists(text, unique=True, max_size=2))),
        status=draw(st.sampled_from(["draft", "confirmed"])),
    )


@settings(deadline=None)
@given(st.lists(cases(), min_size=1, max_size=4, unique_by=lambda case: case.id))
def test_what_is_written_is_read_again(tmp_path_factory, some):
    file = tmp_path_factory.mktemp("set") / "set.jsonl"
    file.write_text("".join(map(as_line, some)), encoding="utf-8")
    read = read_dataset(file).cases
    assert [as_line(case) for case in read] == [as_line(case) for case in some]
    assert [case.place for case in read] == [f"{file}:{number}" for number in range(1, len(some) + 1)]


def test_yaml_and_json_lines_say_the_same(tmp_path):
    lines, yaml = tmp_path / "set.jsonl", tmp_path / "set.yaml"
    lines.write_text(
        '{"question": "How long?", "documents": ["a.md"], "tags": "hr"}\n\n{"question": "Who?", "unanswerable": true}\n'
    )
    yaml.write_text(
        '- question: How long?\n  documents: [a.md]\n  tags: hr\n- {question: "Who?", unanswerable: true}\n'
    )
    one, other = read_dataset(lines), read_dataset(yaml)
    assert [as_line(case) for case in one.cases] == [as_line(case) for case in other.cases]
    assert [case.place for case in one.cases] == [f"{lines}:1", f"{lines}:3"]
    assert [case.place for case in other.cases] == [f"{yaml}:1", f"{yaml}:4"]
    assert one.digest != other.digest


def test_the_same_question_of_two_people_is_two(tmp_path):
    file = tmp_path / "set.jsonl"
    line = '{"question": "Pay?", "user": "%s", "unanswerable": true}\n'
    file.write_text(line % "ann" + line % "bo")
    one, other = read_dataset(file).cases
    assert one.id != other.id


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "no JSON"),
        ("[1]", "expected a question"),
        ('{"quesion": "Why?"}', "Did you mean 'question'"),
        ('{"documents": ["a"]}', "no question"),
        ('{"question": "Why?"}', "nothing says what answers"),
        ('{"question": 7, "unanswerable": true}', "question is not text"),
        ('{"question": "Why?", "documents": [7]}', "documents is not text"),
        ('{"question": "Why?", "documents": {"a": 1}}', "documents is not a list"),
        ('{"question": "Why?", "documents": [""]}', "empty"),
        ('{"question": "Why?", "unanswerable": "yes"}', "neither true nor false"),
        ('{"question": "Why?", "unanswerable": true, "answers": ["x"]}', "has answers"),
        ('{"question": "Why?", "unanswerable": true, "status": "done"}', "draft or confirmed"),
        ('{"question": "Why?", "unanswerable": true, "groups": ["hr"]}', "groups without the user"),
        ('{"question": "Why?", "unanswerable": true, "user": " a\\u0007"}', "not a valid user"),
        ('{"question": "Why?", "passages": [{"document": "a"}]}', "its document and its quote"),
        ('{"question": "Why?", "passages": [{"document": "a", "qoute": "b"}]}', "Did you mean 'quote'"),
        ('{"question": "Why?", "passages": "a"}', "passages is not a list"),
        ('{"question": "Why?", "answers": ["\\ud800"]}', "surrogate"),
        ('{"question": "ok", "unanswerable": true}', "stands in"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, line, says):
    file = tmp_path / "set.jsonl"
    file.write_text(f'{{"question": "ok", "unanswerable": true}}\n{line}\n')
    with pytest.raises(InvalidInput, match=says) as raised:
        read_dataset(file)
    assert raised.value.cause.startswith(f"{file}:2: ")


def test_files_that_are_none(tmp_path):
    with pytest.raises(NotFound):
        read_dataset(tmp_path / "none.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_dataset(tmp_path / "bytes.jsonl")
    for name in ("empty.jsonl", "empty.yaml"):
        (tmp_path / name).write_text("\n")
        with pytest.raises(InvalidInput, match="no question"):
            read_dataset(tmp_path / name)
