import pytest

from aver.core.errors import NotFound, SettingsError
from aver.evals.judges.rubric import read_rubric, scale_of
from aver.evals.judges.types import Scale

WHOLE = """---
scale: [1, 5]
good: 3
grades:
  1: Does not answer.
  5: Answers,
     and says where from.
---
How helpful is it?
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        file = tmp_path / "helpful.md"
        file.write_text(text)
        return file

    return write


def test_front_matter_and_text(written):
    rubric = read_rubric(written(WHOLE))
    assert rubric.scale == Scale(1, 5, 3)
    assert rubric.described == "How helpful is it?\n\nGrades:\n1: Does not answer.\n5: Answers, and says where from."


def test_text_alone_takes_the_declared_scale(written):
    assert read_rubric(written("How helpful?"), (0, 10)).scale == Scale(0, 10, 8)
    assert read_rubric(written("How helpful?")).scale == scale_of((1, 5)) == Scale(1, 5, 4)
    assert scale_of((0, 1)) == Scale(0, 1, 1)


def test_whatever_decides_a_grade_changes_the_digest(written):
    one = read_rubric(written(WHOLE)).digest
    for old, new in (("How helpful", "How very helpful"), ("good: 3", "good: 4"), ("Does not", "Does hardly")):
        assert read_rubric(written(WHOLE.replace(old, new))).digest != one
    assert read_rubric(written(WHOLE)).digest == one


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[1, 5]", "[5, 1]", r"helpful.md:2: a scale goes from one whole grade up"),
        ("[1, 5]", "[1, 5, 9]", r":2: a scale"),
        ("good: 3", "good: 9", r":3: 9 is not on the scale from 1 to 5"),
        ("good: 3", "good: 1", r"every grade would be good"),
        ("good: 3", "god: 3", r":3: 'god' is not known here"),
        ("  1: Does", "  7: Does", r":5: 7 is not on the scale"),
        ("How helpful is it?", " ", r"the rubric says nothing"),
        ("\n---\nHow", "\nHow", r":1: the front matter does not end"),
    ],
)
def test_mistakes_have_a_line(written, old, new, said):
    with pytest.raises(SettingsError, match=said):
        read_rubric(written(WHOLE.replace(old, new)))


def test_two_scales_contradict_each_other(written):
    with pytest.raises(SettingsError, match=r":2: the scale \[1, 5\] is not the declared \[1, 7\]"):
        read_rubric(written(WHOLE), (1, 7))


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(NotFound, match="cannot be read"):
        read_rubric(tmp_path / "none.md")
