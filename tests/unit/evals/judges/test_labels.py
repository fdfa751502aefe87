import json

import pytest

from aver.core.errors import InvalidInput, NotFound
from aver.evals.judges.labels import read_labels

SINGLE = {"question": "?", "response": "Ten.", "labels": {"anna": 4, "ben": 5, "cleo": 5}}
PAIR = {"id": "p", "question": "?", "first": "a", "second": "b", "labels": {"anna": "first", "ben": "second"}}


@pytest.fixture
def written(tmp_path):
    def write(*lines):
        file = tmp_path / "labels.jsonl"
        file.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines) + "\n\n")
        return file

    return write


def test_singles_and_pairs(written):
    labels = read_labels(written(SINGLE, SINGLE | {"id": "x", "judge": 3}, SINGLE | {"id": "y", "judge": None}))
    assert [each.id for each in labels.items] == ["1", "x", "y"]
    assert [(each.judge, each.failed) for each in labels.items] == [(None, False), (3, False), (None, True)]
    assert (labels.paired, labels.raters) == (False, ("anna", "ben", "cleo"))
    pair = read_labels(written(PAIR | {"judge": "first", "swapped": "second", "authors": ["m", "n"]})).items[0]
    assert (pair.paired, pair.judge, pair.verdict, pair.authors) == (True, "first", "tie", ("m", "n"))


def test_what_most_say(written):
    def consensus(base, *said):
        return read_labels(written(base | {"labels": dict(enumerate(said))})).items[0].consensus

    assert consensus(SINGLE, 4, 5, 5) == 5
    assert consensus(SINGLE, 1, 3, 5) == 3
    assert consensus(SINGLE, 2, 5) == 2
    assert consensus(PAIR, "first", "second") == "tie"
    assert consensus(PAIR, "first", "second", "first") == "first"
    assert consensus(PAIR, "tie", "tie", "first", "second") == "tie"


def test_the_digest_is_of_what_people_said(written):
    one = read_labels(written(SINGLE)).digest
    assert read_labels(written(SINGLE | {"judge": 2})).digest == one
    assert read_labels(written(SINGLE | {"labels": {"anna": 3}})).digest != one
    assert read_labels(written(SINGLE | {"response": "Eleven."})).digest != one


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{"], "labels.jsonl:1: this is not JSON"),
        (["[1]"], ":1: expected an object"),
        ([SINGLE | {"labels": {}}], ":1: 'labels' is missing"),
        ([SINGLE | {"labels": {"anna": "good"}}], ":1: 'good' is no rating"),
        ([SINGLE | {"labels": {"anna": True}}], ":1: True is no rating"),
        ([SINGLE | {"labels": {"anna": 4.5}}], "is no rating"),
        ([PAIR | {"labels": {"anna": 1}}], "Write first, second or tie"),
        ([SINGLE, PAIR], ":2: some lines are pairs"),
        ([PAIR, PAIR], ":2: the id 'p' is given twice"),
        ([SINGLE | {"respones": "x"}], ":1: 'respones' is not known here"),
        ([{"question": "?", "labels": {"anna": 1}}], ":1: 'response' is missing"),
        ([PAIR | {"authors": ["m"]}], "'authors' names the author of each"),
        ([""], "holds no label"),
    ],
)
def test_mistakes(written, lines, said):
    with pytest.raises(InvalidInput, match=said.replace("(", r"\(")):
        read_labels(written(*lines))


def test_no_file(tmp_path):
    with pytest.raises(NotFound, match="cannot be read"):
        read_labels(tmp_path / "none.jsonl")
