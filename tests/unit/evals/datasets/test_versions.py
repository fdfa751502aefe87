"""What a set is, in whatever file, and what changed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from aver.evals.datasets.reading import read_dataset, write_cases
from aver.evals.datasets.versions import case_digest, companions, differ, version_of
from tests.unit.evals.datasets.strategies import sets


@settings(max_examples=25)
@given(sets, st.randoms())
def test_order_and_format_make_no_difference(tmp_path_factory, some, chance):
    folder = tmp_path_factory.mktemp("set")
    write_cases(some, folder / "set.jsonl")
    write_cases(chance.sample(some, len(some)), folder / "set.csv")
    one, other = version_of(folder / "set.jsonl"), version_of(folder / "set.csv")
    assert (one.digest, one.cases) == (other.digest, other.cases)
    assert one.file != other.file
    assert one.file == read_dataset(folder / "set.jsonl").digest


def test_what_is_said_makes_a_difference(tmp_path):
    lines = ['{"id": "a", "question": "A?", "answers": ["x", "y"]}', '{"id": "b", "question": "B?", "refuse": true}']
    digests = set()
    for number, changed in enumerate(
        [lines, [lines[0], lines[1].replace("B?", "C?")], [lines[0].replace('"y"', '"z"'), lines[1]], lines[:1]]
    ):
        file = tmp_path / f"{number}.jsonl"
        file.write_text("\n".join(changed))
        digests.add(version_of(file).digest)
    assert len(digests) == 4
    (tmp_path / "0.md").write_text("Label what the handbook says.")
    (tmp_path / "0.rubric.md").write_text("Is it helpful?")
    assert [each.name for each in companions(tmp_path / "0.jsonl")] == ["0.md", "0.rubric.md"]
    assert version_of(tmp_path / "0.jsonl").digest not in digests
    assert list(version_of(tmp_path / "0.jsonl").beside) == ["md", "rubric.md"]


def test_a_case_is_the_same_wherever_it_stands(tmp_path):
    file = tmp_path / "set.jsonl"
    file.write_text('\n\n{"id": "a", "question": "A?", "tags": ["x", "y"], "documents": ["b", "a"]}')
    other = tmp_path / "other.jsonl"
    other.write_text('{"documents": ["a", "b"], "tags": ["y", "x"], "question": "A?", "id": "a"}')
    one, two = read_dataset(file).cases[0], read_dataset(other).cases[0]
    assert case_digest(one) == case_digest(two)


def test_changes_are_told(tmp_path):
    before, after = tmp_path / "a" / "set.jsonl", tmp_path / "b" / "set.jsonl"
    for file in (before, after):
        file.parent.mkdir()
    before.write_text(
        '{"id": "same", "question": "Same?", "refuse": true}\n'
        '{"id": "told", "question": "Told?", "answers": ["x"]}\n'
        '{"question": "How many days of leave do we carry over?", "answers": ["ten"]}\n'
        '{"question": "Who was it?", "refuse": true}\n'
    )
    after.write_text(
        '{"question": "How many days of leave do I carry over?", "answers": ["ten"]}\n'
        '{"id": "told", "question": "Told?", "answers": ["y"], "tags": ["hr"]}\n'
        '{"id": "same", "question": "Same?", "refuse": true}\n'
        '{"question": "What is new?", "refuse": true}\n'
    )
    (after.parent / "set.md").write_text("A guideline.")
    found = differ(before, after)
    assert [case.question for case in found.added] == ["What is new?"]
    assert [case.question for case in found.removed] == ["Who was it?"]
    assert {(each.question, each.fields, each.before) for each in found.changed} == {
        ("Told?", ("answers", "tags"), ""),
        ("How many days of leave do I carry over?", ("question",), "How many days of leave do we carry over?"),
    }
    assert (found.same, dict(found.beside), found.is_none) == (1, {"md": "added"}, False)
    assert differ(after, after).is_none
