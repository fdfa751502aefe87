"""What a model may have seen before."""

import json

import pytest

from aver.core.errors import NotFound
from aver.evals.datasets.contamination import Seen, leaks, texts_of, twins
from aver.evals.types import Case, Quote

LONG = "How many days of unused annual leave may an editor of the press carry over into the next year?"


def case(name, question, **fields):
    return Case(**{"id": name, "question": question, "place": f"set:{name}", "refuse": True, **fields})


def places(cases, *paths, without=()):
    return [
        (each.case.id, each.part, each.place.rpartition("/")[2]) for each in Seen(cases).find(texts_of(paths, without))
    ]


def test_a_question_is_found_where_a_model_reads_it(tmp_path):
    (tmp_path / "prompt.md").write_text(f"# Answer\n\nBe brief.\n\nExample: {LONG.upper()}\nTen days.\n")
    (tmp_path / "train.jsonl").write_text(
        json.dumps({"messages": [{"role": "user", "content": "Hi"}]})
        + "\n"
        + json.dumps({"messages": [{"role": "user", "content": f"Please: {LONG} Thanks"}]})
    )
    (tmp_path / "table.csv").write_text("q,a\nWho pays?,nobody\n")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.md").write_text(LONG)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    some = [
        case("long", LONG),
        case("short", "Who pays?"),
        case("other", "Where does the archive of the press stand now?"),
    ]
    assert places(some, tmp_path) == [
        ("long", "question", "prompt.md:5"),
        ("short", "question", "table.csv:2"),
        ("long", "question", "train.jsonl:2"),
    ]
    assert places(some, tmp_path, without=[tmp_path / "train.jsonl", tmp_path / "table.csv"]) == [
        ("long", "question", "prompt.md:5")
    ]
    with pytest.raises(NotFound):
        places(some, tmp_path / "none")


def test_most_of_a_question_is_enough_and_some_is_not(tmp_path):
    words = LONG.split()
    (tmp_path / "most.md").write_text(" ".join(words[1:]))
    (tmp_path / "some.md").write_text(" ".join(words[:11]))
    assert places([case("long", LONG)], tmp_path) == [("long", "question", "most.md:1")]


def test_answers_count_where_they_are_long_enough(tmp_path):
    answer = "up to ten days of it until the end of March"
    (tmp_path / "prompt.md").write_text(f"We say ten days. And {answer}.")
    some = [case("a", "Never seen anywhere at all?", refuse=False, answers=("ten days", answer), expected=answer)]
    assert [part for _, part, _ in places(some, tmp_path)] == ["answer", "expected"]


def test_a_short_question_must_be_the_whole_line(tmp_path):
    (tmp_path / "prompt.md").write_text("Tell them who pays? and why")
    assert places([case("short", "Who pays?")], tmp_path) == []


def test_parts_of_a_set_know_nothing_of_each_other():
    quote = (Quote("a.md", "Ten days carry over."),)
    some = [
        case("a", LONG, split="train", cluster="k"),
        case("b", "Where is the archive?", split="test", cluster="k"),
        case("c", f"{LONG} Thanks", split="test"),
        case("d", "Whose desk is this?", split="train", refuse=False, passages=quote),
        case("e", "How do bells ring?", split="test", refuse=False, passages=quote),
        case("f", "Where is the archive?"),
    ]
    assert [(each.one.id, each.other.id, each.why) for each in leaks(some)] == [
        ("a", "b", "cluster"),
        ("d", "e", "passage"),
        ("a", "c", "question"),
    ]


def test_two_sets_that_ask_the_same():
    found = list(twins([case("a", LONG), case("b", "Who?")], [case("c", "Why so?"), case("d", f"{LONG} Thanks")]))
    assert [(one.id, other.id) for one, other, _ in found] == [("a", "d")]
