"""Labels, and what several of them come to."""

import json

import pytest

from aver.core.errors import InvalidInput
from aver.evals.datasets.adapters import label_studio
from aver.evals.labelling.labels import Label, as_label_line, read_labels, settle, unlabelled
from aver.evals.types import Case

CASE = Case(id="c", question="How many days?", origin="production", status="draft", place="set:1")


def says(labeller, settles=False, **fields):
    return Label("c", labeller, fields, settles=settles)


def test_two_who_agree_settle_a_case():
    one, other = says("ann", documents=["a.md"], answers=["ten days"]), says("bo", answers=["up to ten days"])
    assert settle(CASE, [one]).status == "waiting"
    found = settle(CASE, [one, other])
    assert found.status == "settled"
    assert (found.case.status, found.case.documents, found.case.answers) == (
        "confirmed",
        ("a.md",),
        ("ten days", "up to ten days"),
    )
    assert settle(CASE, [one, other], labellers=3).status == "waiting"


@pytest.mark.parametrize(
    "other",
    [
        says("bo", unanswerable=True),
        says("bo", refuse=True),
        says("bo", documents=["b.md"]),
        says("bo", documents=["a.md"], answers=["tendays"]),
        says("bo", calls=[]),
    ],
)
def test_two_who_do_not_leave_it_to_a_third(other):
    one = says("ann", documents=["a.md"], answers=["ten days"])
    assert settle(CASE, [one, other]).status == "disputed"
    third = says("cy", settles=True, documents=["a.md"], answers=["11 days"])
    found = settle(CASE, [one, third, other])
    assert (found.status, found.case.answers) == ("settled", ("11 days",))


def test_the_last_word_of_a_labeller_counts():
    first, second = says("ann", unanswerable=True), says("ann", refuse=True)
    assert settle(CASE, [first, second, says("bo", refuse=True)]).case.refuse
    # A grade alone says nothing of what is right.
    assert settle(CASE, [Label("c", "ann", grade=1.0), Label("c", "bo", grade=0.0)]).status == "waiting"


def test_what_was_labelled_before_is_replaced():
    known = Case(id="c", question="Q?", answers=("old",), tags=("hr",), metadata={"turn": "turn_1"})
    assert (unlabelled(known).answers, unlabelled(known).status, unlabelled(known).tags) == ((), "draft", ("hr",))
    assert settle(known, [says("bo", refuse=True), says("ann", True, unanswerable=True)]).case.answers == ()


def test_labels_are_files(tmp_path):
    some = [
        Label("c", "ann", {"answers": ["ten; days"], "calls": []}, 0.5),
        Label("d", "bo", {"unanswerable": True}, settles=True),
        Label("e", "bo", {"expected": 0}),
    ]
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(map(as_label_line, some)))
    assert read_labels(file) == some
    table = tmp_path / "labels.csv"
    table.write_text("case,labeller,answers,grade,settles\nc,ann,a; b,0.5,\nd,bo,x,,true\n")
    assert [(each.says, each.grade, each.settles) for each in read_labels(table)] == [
        ({"answers": ["a", "b"]}, 0.5, False),
        ({"answers": ["x"]}, None, True),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"case": "c"}, "its case and its labeller"),
        ({"case": "c", "labeller": "ann"}, "says nothing"),
        ({"case": "c", "labeller": "ann", "grade": 5}, "the grade is 5"),
        ({"case": "c", "labeller": "ann", "grade": True}, "the grade is True"),
        (
            {"case": "c", "labeller": "ann", "unanswerable": True, "answers": ["x"]},
            "an unanswerable question has answers",
        ),
        ({"case": "c", "labeller": "ann", "anwers": ["x"]}, "Did you mean 'answers'"),
        ({"case": "c", "labeller": "ann", "refuse": True, "settles": "yes"}, "settles is neither"),
        ({"case": "c", "labeller": " ", "refuse": True}, "not a valid user"),
        (3, "no mapping"),
    ],
)
def test_mistakes_in_labels_are_told(tmp_path, line, says):
    file = tmp_path / "labels.jsonl"
    file.write_text("\n" + json.dumps(line))
    with pytest.raises(InvalidInput, match=says):
        read_labels(file)


def annotation(by, cancelled=False, truth=False, **given):
    kinds = {"choices": "choices", "text": "textarea", "rating": "rating"}
    result = [
        {"from_name": name, "to_name": "question", "type": kinds[next(iter(value))], "value": value}
        for name, value in given.items()
    ]
    return {"completed_by": by, "result": result, "was_cancelled": cancelled, "ground_truth": truth}


def test_annotations_of_label_studio_are_labels(tmp_path):
    known = Case(
        id="c",
        question="How many days?",
        answers=("ten",),
        tags=("hr",),
        metadata={"answer": "Ten."},
        expected={"a": [1, None]},
    )
    (task,) = label_studio.tasks([known])
    assert (task["data"]["answer"], "ten" in task["data"]["question"]) == ("Ten.", False)
    task["annotations"] = [
        annotation(1, kind={"choices": ["answerable"]}, answers={"text": ["ten days", " "]}, grade={"rating": 5}),
        annotation({"id": 2, "email": "bo@example.org"}, kind={"choices": ["unanswerable"]}),
        annotation(3, truth=True, kind={"choices": ["refuse"]}),
        annotation(4, cancelled=True, kind={"choices": ["refuse"]}),
        annotation(5, kind={"choices": ["answerable"]}, odd={"text": ["x"]}),
    ]
    file = tmp_path / "export.json"
    file.write_text(json.dumps([task], indent=1))
    found = label_studio.read_annotated(file, {"bo@example.org": "bo", "1": "ann"})
    (case,) = found.imported.cases
    assert (case.answers, case.tags, case.expected, case.metadata) == (
        ("ten",),
        ("hr",),
        {"a": [1, None]},
        {"answer": "Ten."},
    )
    assert found.labels == (
        Label("c", "ann", {"answers": ["ten days"]}, 1.0),
        Label("c", "bo", {"unanswerable": True}),
        Label("c", "label-studio-3", {"refuse": True}, settles=True),
    )
    assert found.imported.left_out == {
        "a result of odd field": 1,
        "an annotation that says nothing": 1,
        "an annotation that was skipped": 1,
    }


def test_tasks_of_others_are_questions(tmp_path):
    file = tmp_path / "export.json"
    file.write_text(json.dumps([{"id": 1, "data": {"text": "Why?", "source": "x"}, "annotations": []}]))
    (case,) = label_studio.read(file, {}).cases
    assert (case.question, case.metadata, case.status) == ("Why?", {"source": "x"}, "draft")
