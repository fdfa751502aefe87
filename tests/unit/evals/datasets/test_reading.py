"""Labelled sets as files: what they say, and where they are wrong."""

import json

import pytest
from hypothesis import given, settings

from aver.core.errors import InvalidInput, NotFound
from aver.evals.datasets.reading import CaseFile, as_line, read_dataset, write_cases
from tests.unit.evals.datasets.strategies import sets


def lines(cases):
    return [as_line(case) for case in cases]


@settings(max_examples=40)
@given(sets)
def test_what_is_written_is_read_again(tmp_path_factory, some):
    file = tmp_path_factory.mktemp("set") / "set.jsonl"
    write_cases(some, file)
    read = read_dataset(file).cases
    assert lines(read) == lines(some)
    assert [case.place for case in read] == [f"{file}:{number}" for number in range(1, len(some) + 1)]


@settings(max_examples=40)
@given(sets)
def test_a_table_says_the_same(tmp_path_factory, some):
    file = tmp_path_factory.mktemp("set") / "set.csv"
    write_cases(some, file)
    assert [json.loads(line) for line in lines(read_dataset(file).cases)] == [json.loads(line) for line in lines(some)]


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
        ('{"question": "Why?", "expected": 1, "refuse": "yes"}', "refuse is neither"),
        ('{"question": "Why?", "refuse": true, "documents": ["a"]}', "refused for what it asks"),
        ('{"question": "Why?", "refuse": true, "unanswerable": true}', "has unanswerable"),
        ('{"question": "Why?", "calls": [{"arguments": {}}]}', "of which tool"),
        ('{"question": "Why?", "calls": [{"tool": "a", "argumens": {}}]}', "Did you mean 'arguments'"),
        ('{"question": "Why?", "calls": [{"tool": "a", "decision": "no"}]}', "allow, deny or ask"),
        (
            '{"question": "Why?", "history": [{"role": "bot", "content": "a"}], "refuse": true}',
            "system, user or assistant",
        ),
        ('{"question": "Why?", "history": [{"role": "user", "content": " "}], "refuse": true}', "says nothing"),
        ('{"question": "Why?", "refuse": true, "origin": "made"}', "person, synthetic, production or attack"),
        ('{"question": "Why?", "refuse": true, "metadata": [1]}', "metadata is not a mapping"),
        ('{"question": "Why?", "refuse": true, "variables": {"a": "\\ud800"}}', "surrogate"),
        ('{"question": "Why?", "origin": "production"}', "nothing says"),
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


def test_a_table_as_people_write_it(tmp_path):
    file = tmp_path / "set.csv"
    file.write_text(
        "question;documents;answers;unanswerable;tags;metadata.asked;expected\r\n"
        '"How long?\r\nAnd why?";a.md;"[""ten; or so""]";;hr;2024;\r\n'
        ";;;;;;\r\n"
        "Who?;;;TRUE;;;\r\n"
        "'=1+1?;;;;hr;;2\r\n",
        newline="",
        encoding="utf-8-sig",
    )
    one, two, three = read_dataset(file).cases
    assert (one.question, one.documents, one.answers) == ("How long?\r\nAnd why?", ("a.md",), ("ten; or so",))
    assert (one.metadata, one.place, two.unanswerable) == ({"asked": 2024}, f"{file}:2", True)
    assert (two.place, three.place, three.question, three.expected) == (f"{file}:5", f"{file}:6", "=1+1?", 2)


def test_what_a_spreadsheet_would_run_is_kept_from_it(tmp_path):
    file = tmp_path / "set.csv"
    some = list(map(_asked, ("=HYPERLINK(1)", "'=x", "-1?", "@a", "plain")))
    write_cases(some, file)
    assert not any(line.startswith(("=", "-", "@")) for line in file.read_text().split(","))
    assert [case.question for case in read_dataset(file).cases] == [case.question for case in some]


def _asked(question):
    from aver.evals.types import Case

    return Case(id="", question=question, unanswerable=True)


def test_a_json_list_has_lines_too(tmp_path):
    file = tmp_path / "set.json"
    file.write_text('[\n  {"question": "a", "refuse": true},\n\n  {"question": "b",\n "calls": []}\n]\n')
    assert [case.place for case in read_dataset(file).cases] == [f"{file}:2", f"{file}:4"]
    for text, line in (
        ('[{"question": "a", "refuse": true}\n{"question": "b"}]', 1),
        ("[{}, x]", 1),
        ('[\n{"a": NaN}]', 2),
    ):
        file.write_text(text)
        with pytest.raises(InvalidInput) as raised:
            read_dataset(file)
        assert raised.value.cause.startswith(f"{file}:{line}: ")


@pytest.mark.parametrize(
    "fields",
    [
        {"expected": 0},
        {"calls": []},
        {"state": {"open": False}},
        {"refuse": True},
        {"origin": "attack"},
        {"origin": "production", "status": "draft"},
    ],
)
def test_something_else_may_say_what_is_right(tmp_path, fields):
    file = tmp_path / "set.jsonl"
    file.write_text(json.dumps({"question": "Why?", **fields}))
    assert len(read_dataset(file).cases) == 1


def test_a_rubric_alone_may_judge(tmp_path):
    file = tmp_path / "set.jsonl"
    file.write_text('{"question": "Why?"}\n{"variables": {"a": 1}}\n{"variables": {"a": 2}}')
    found = read_dataset(file, needs_label=False).cases
    assert len({case.id for case in found}) == 3


def test_broken_encodings_and_tables_are_told_with_their_line(tmp_path):
    for name, data, line, says in (
        ("a.jsonl", b'{"question": "a", "refuse": true}\n{"question": "\xff"}', 2, "UTF-8"),
        ("b.jsonl", '{"question": "a"}'.encode("utf-16"), 1, "UTF-8"),
        ("c.csv", b"question,refuse\na,true\nb,true,x\n", 3, "3 cells"),
        ("d.csv", b"question,question\na,b\n", 1, "name of its own"),
        ("e.csv", b'question,refuse\na,true\n"b,true\n', 3, "no CSV"),
        ("f.csv", b"question,passages\na,x\n", 2, "no JSON"),
        ("g.csv", b"question,refuse\na,maybe\n", 2, "neither true nor false"),
        ("h.jsonl", b"[" * 100_000, 1, "nested"),
        ("i.jsonl", b'{"question": "a", "expected": NaN}', 1, "no JSON"),
    ):
        file = tmp_path / name
        file.write_bytes(data)
        with pytest.raises(InvalidInput, match=says) as raised:
            read_dataset(file)
        assert raised.value.cause.startswith(f"{file}:{line}: ")


def test_a_large_file_is_read_in_flat_memory(tmp_path):
    import tracemalloc

    file = tmp_path / "large.jsonl"
    with file.open("w") as opened:
        for number in range(20_000):
            opened.write(
                f'{{"id": "case-{number}", "question": "How many, {number}? {"x" * 400}", "unanswerable": true}}\n'
            )
    tracemalloc.start()
    assert sum(1 for _ in CaseFile(file)) == 20_000
    assert tracemalloc.get_traced_memory()[1] < 6 * 2**20
    tracemalloc.stop()


def test_nothing_is_written_over(tmp_path):
    file = tmp_path / "set.jsonl"
    write_cases([_asked("a")], file)
    before = file.read_bytes()
    with pytest.raises(InvalidInput, match="exists"):
        write_cases([_asked("b")], file)
    assert file.read_bytes() == before
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_cases([_asked("b")], tmp_path / "none" / "set.jsonl")
    with pytest.raises(InvalidInput, match=r"\.jsonl"):
        write_cases([_asked("b")], tmp_path / "set.yaml")
