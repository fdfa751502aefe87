"""Sets of other programs: what becomes of each field, and that nothing goes away unsaid."""

import json

import pytest

from aver.core.errors import InvalidInput, NotFound
from aver.evals.datasets.importing import FORMATS, import_cases


def imported(tmp_path, kind, name, text, **columns):
    file = tmp_path / name
    file.write_text(text if isinstance(text, str) else "\n".join(map(json.dumps, text)))
    return import_cases(kind, file, columns)


def only(found):
    (case,) = found.cases
    return case


def test_inspect_messages_choices_and_targets(tmp_path):
    found = imported(
        tmp_path,
        "inspect",
        "a.jsonl",
        [
            {
                "id": 7,
                "input": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image", "image": "a.png"}]},
                    {"role": "assistant", "content": "Hello"},
                    {"role": "tool", "content": "x"},
                    {"role": "user", "content": "Which?"},
                ],
                "choices": ["ten", "twenty"],
                "target": ["B"],
                "metadata": {"level": 2},
                "sandbox": "docker",
                "topic": "days",
            },
            {"input": "Who?", "target": ["Ann", "Ann Lee"]},
            {"input": "Unlabelled?"},
        ],
    )
    one, two, three = found.cases
    assert (one.id, one.question, one.expected) == ("7", "Which?\n\nA) ten\nB) twenty", "B")
    assert [(each.role, each.content) for each in one.history] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello"),
    ]
    assert one.metadata == {"level": 2, "topic": "days", "choices": ["ten", "twenty"]}
    assert (two.expected, three.status, two.status) == (["Ann", "Ann Lee"], "draft", "confirmed")
    assert found.left_out == {"a message of tool": 1, "a part of a message: image": 1, "sandbox of a sample": 1}
    assert any("no label" in note for note in found.notes)


def test_inspect_tables_and_lists(tmp_path):
    text = 'input,target,choices,metadata\n"[draft] Which?",A,"ten, twenty","{""level"": 2}"\n"[{""role"": ""user"", ""content"": ""Who?""}]",Ann,,\n'
    one, two = imported(tmp_path, "inspect", "a.csv", text).cases
    assert (one.question, one.metadata["level"]) == ("[draft] Which?\n\nA) ten\nB) twenty", 2)
    assert (two.question, two.expected) == ("Who?", "Ann")
    listed = imported(tmp_path, "inspect", "a.json", '[{"q": "Who?", "target": "Ann"}]', input="q")
    assert only(listed).question == "Who?"


CONFIG = """
prompts: ["Answer: {{q}}"]
providers: [openai:gpt-5]
defaultTest:
  vars: {tone: kind}
  assert: [{type: latency, threshold: 900}]
tests:
  - description: leave
    vars: {q: 'How many days?'}
    assert: &shared
      - {type: icontains, value: ten days}
      - {type: llm-rubric, value: is polite}
  - vars: {q: ['Who pays?', 'Who books?']}
    assert: [{type: equals, value: Ann}, {type: not-contains, value: Bo}]
  - vars: {q: Build a bomb}
    assert: [{type: assert-set, assert: [{type: is-refusal}]}]
  - file://more.csv
"""


def test_promptfoo_configurations(tmp_path):
    (tmp_path / "more.csv").write_text(
        "q,__expected,__expected2,__description,__metadata:kind\n"
        'What now?,"contains-any: ten, twenty",javascript: output.length > 3,odd,hr\n'
        "Plain?,Yes: it is,,,\n"
    )
    found = imported(tmp_path, "promptfoo", "promptfooconfig.yaml", CONFIG)
    leave, pays, books, bomb, table, plain = found.cases
    assert (leave.question, leave.answers, leave.variables) == (
        "Answer: How many days?",
        ("ten days",),
        {"tone": "kind", "q": "How many days?"},
    )
    assert leave.metadata["description"] == "leave"
    assert [each["type"] for each in leave.metadata["promptfoo"]] == ["latency", "llm-rubric"]
    assert (pays.question, books.question, pays.expected) == ("Answer: Who pays?", "Answer: Who books?", "Ann")
    assert bomb.refuse
    assert (table.answers, table.metadata["kind"], plain.expected) == (("ten", "twenty"), "hr", "Yes: it is")
    assert found.left_out == {
        "an assertion of type javascript": 1,
        "an assertion of type latency": 5,
        "an assertion of type llm-rubric": 1,
        "an assertion of type not-contains": 1,
    }


def test_promptfoo_variables_that_ask(tmp_path):
    text = "- vars: {question: 'Why?', other: 1}\n  assert: [{type: equals, value: Because}]\n"
    assert only(imported(tmp_path, "promptfoo", "a.yaml", text)).question == "Why?"
    assert (
        only(imported(tmp_path, "promptfoo", "a.yaml", text.replace("question", "x"), question="x")).question == "Why?"
    )
    bare = imported(tmp_path, "promptfoo", "a.yaml", text.replace("question", "x"))
    assert (only(bare).question, only(bare).variables) == ("", {"x": "Why?", "other": 1})
    with pytest.raises(InvalidInput, match="no variable 'y'"):
        imported(tmp_path, "promptfoo", "a.yaml", text, question="y")
    with pytest.raises(InvalidInput, match="come to 1000000 tests"):
        imported(tmp_path, "promptfoo", "a.jsonl", [{"vars": {"a": list(range(1000)), "b": list(range(1000))}}])


def test_ragas_by_both_names(tmp_path):
    new = {
        "user_input": "How many?",
        "reference": "Ten days.",
        "reference_contexts": ["Ten days carry over."],
        "retrieved_contexts": ["x"],
        "response": "Ten",
        "synthesizer_name": "single_hop",
    }
    old = {"question": "Who?", "ground_truths": ["Ann"], "contexts": ["x"], "answer": "Bo"}
    talk = {
        "user_input": [
            {"type": "human", "content": "Hi"},
            {"type": "ai", "content": "Yes?"},
            {"type": "human", "content": "Book it"},
        ],
        "reference_tool_calls": [{"name": "book", "args": {"day": 1}}],
    }
    found = imported(tmp_path, "ragas", "a.jsonl", [new, old, talk])
    one, two, three = found.cases
    assert (one.question, one.expected, one.origin, one.status) == ("How many?", "Ten days.", "synthetic", "draft")
    assert one.metadata == {"synthesizer_name": "single_hop", "reference_contexts": ["Ten days carry over."]}
    assert (two.expected, two.origin, two.metadata) == ("Ann", "person", {})
    assert (three.question, len(three.history), three.calls[0].tool, three.calls[0].arguments) == (
        "Book it",
        2,
        "book",
        {"day": 1},
    )
    assert sum(found.left_out.values()) == 4
    table = imported(tmp_path, "ragas", "a.csv", 'user_input,reference,reference_contexts\nHow?,So,"[""a""]"\n')
    assert only(table).metadata == {"reference_contexts": ["a"]}


@pytest.mark.parametrize(
    ("row", "question", "expected", "more"),
    [
        ({"prompt": "Why?", "completion": "So", "source": "x"}, "Why?", "So", {"source": "x"}),
        (
            {"question": "Which?", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "B"},
            "Which?\n\nA) a\nB) b",
            "B",
            {"choices": ["a", "b"]},
        ),
        ({"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So"}]}, "Why?", "So", {}),
        ({"prompt": [{"role": "user", "content": "Why?"}], "completion": "So"}, "Why?", "So", {}),
        (
            {"question": "Which?", "choices": ["a", "b"], "answer": 1},
            "Which?\n\nA) a\nB) b",
            "B",
            {"choices": ["a", "b"]},
        ),
        (
            {"question": "Which?", "choices": ["1", "2"], "answer": 1},
            "Which?\n\nA) 1\nB) 2",
            1,
            {"choices": ["1", "2"]},
        ),
        ({"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So"}]}, "Why?", "So", {}),
    ],
)
def test_rows_of_hubs_are_recognised(tmp_path, row, question, expected, more):
    found = imported(tmp_path, "huggingface", "a.jsonl", [row])
    assert (only(found).question, only(found).expected, only(found).metadata) == (question, expected, more)
    assert found.notes


def test_squad_and_what_it_leaves_unanswered(tmp_path):
    rows = [
        {"id": "1", "question": "A?", "context": "c", "answers": {"text": ["x", "x", "y"], "answer_start": [1, 1, 2]}},
        {"id": "2", "question": "B?", "context": "c", "answers": {"text": [], "answer_start": []}},
    ]
    one, two = imported(tmp_path, "huggingface", "a.jsonl", rows).cases
    assert (one.answers, one.metadata, two.unanswerable) == (("x", "y"), {"context": "c"}, True)


def test_columns_are_named_where_they_are_not_recognised(tmp_path):
    row = {"ask": "Why?", "gold_text": "So"}
    with pytest.raises(InvalidInput, match="no column asks anything"):
        imported(tmp_path, "huggingface", "a.jsonl", [row])
    assert (
        only(imported(tmp_path, "huggingface", "a.jsonl", [row], question="ask", expected="gold_text")).expected == "So"
    )
    with pytest.raises(InvalidInput, match="Did you mean 'ask'"):
        imported(tmp_path, "huggingface", "a.jsonl", [row], question="asks")


def test_what_is_asked_twice_is_told_apart(tmp_path):
    rows = [{"prompt": "Why?", "answer": each} for each in ("So", "So", "Because")]
    found = imported(tmp_path, "huggingface", "a.jsonl", rows)
    assert [case.expected for case in found.cases] == ["So", "Because"]
    assert found.cases[1].id == f"{found.cases[0].id}-2"
    assert found.left_out == {"a case that says what another does": 1}


@pytest.mark.parametrize("kind", sorted(FORMATS))
@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"a": 1}', '["x"]', '{"vars": 3}', '{"input": 3}', '{"messages": [3]}', "{"]
)
def test_what_is_not_of_the_format_is_told(tmp_path, kind, text):
    for name in ("a.jsonl", "a.json"):
        with pytest.raises(InvalidInput):
            imported(tmp_path, kind, name, text)


def test_formats_and_files_that_there_are_not(tmp_path):
    with pytest.raises(InvalidInput, match="Did you mean 'ragas'"):
        import_cases("rags", tmp_path / "a")
    with pytest.raises(NotFound):
        import_cases("ragas", tmp_path / "a.jsonl")
