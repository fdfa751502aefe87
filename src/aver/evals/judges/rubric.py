"""A rubric: a file in the bundle that says what is judged, front matter and text.

::

    ---
    scale: [1, 5]
    good: 4
    grades:
      1: Does not answer the question.
      3: Answers it in part.
      5: Answers it, and says where from.
    ---
    How helpful is the response to somebody who asked this?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aver.core.canonical import canonical_json, sha256_hex
from aver.core.errors import NotFound, SettingsError
from aver.core.yaml import YamlValue, parse_yaml
from aver.evals.judges.types import Scale
from aver.gateway.config.shapes import keyed

__all__ = ["Rubric", "read_rubric", "scale_of"]

_FENCE = "---"
_WIDEST = 100
"""Grades on a scale, at most: nobody tells more apart."""
_DEFAULT = (1, 5)


@dataclass(frozen=True, slots=True)
class Rubric:
    """``text`` says what is judged, ``grades`` what some of the grades mean."""

    text: str
    scale: Scale
    grades: Mapping[int, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        scale = [self.scale.least, self.scale.most, self.scale.good]
        return sha256_hex(canonical_json([self.text, scale, {str(grade): said for grade, said in self.grades.items()}]))

    @property
    def described(self) -> str:
        """The rubric as a judge reads it."""
        meanings = "".join(f"\n{grade}: {said}" for grade, said in sorted(self.grades.items()))
        return self.text + (f"\n\nGrades:{meanings}" if meanings else "")


def scale_of(bounds: tuple[int, int], good: int | None = None) -> Scale:
    """From the least grade to the most; good is the upper quarter of it where nobody says."""
    least, most = bounds
    return Scale(least, most, most - (most - least) // 4 if good is None else good)


def read_rubric(file: Path, bounds: tuple[int, int] | None = None) -> Rubric:
    """``bounds`` are those declared beside it, and stand where the file gives none.

    Raises :class:`~aver.core.errors.SettingsError` with the line of a mistake, and :class:`~aver.core.errors.NotFound` for a file that cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NotFound(f"The rubric {str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"The rubric {str(file)!r} is not UTF-8 text", "Save it as UTF-8.") from None
    front, body = _parts(text, file)
    found = front.fields(("scale", "good", "grades")) if not front.is_null else {}
    own = _bounds(found["scale"]) if "scale" in found else None
    if own and bounds and own != bounds:
        raise found["scale"].error(
            f"the scale {list(own)} is not the declared {list(bounds)}", "Give it in one place, or the same in both."
        )
    scale = scale_of(own or bounds or _DEFAULT)
    if "good" in found:
        scale = Scale(scale.least, scale.most, _grade(found["good"], scale))
    if scale.good <= scale.least:
        raise front.error("every grade would be good", "Give 'good', above the least grade.")
    grades = {}
    if "grades" in found:
        for place, said in keyed(found["grades"]):
            grades[_grade(YamlValue(place.name, place.node), scale)] = " ".join(said.text().split())
    if not body.strip():
        raise SettingsError(f"{file}: the rubric says nothing", "Write what is judged below the front matter.")
    return Rubric(body.strip(), scale, grades)


def _parts(text: str, file: Path) -> tuple[YamlValue, str]:
    lines = text.split("\n")
    if lines[0].strip() != _FENCE:
        return parse_yaml("", str(file)), text
    try:
        end = next(number for number, line in enumerate(lines[1:], 1) if line.strip() == _FENCE)
    except StopIteration:
        raise SettingsError(f"{file}:1: the front matter does not end", f"Close it with a line {_FENCE}.") from None
    # An empty line stands in place of the fence, so that lines keep their numbers.
    return parse_yaml("\n" + "\n".join(lines[1:end]), str(file)), "\n".join(lines[end + 1 :])


def _bounds(value: YamlValue) -> tuple[int, int]:
    ends = [each.integer() for each in value.items()]
    if len(ends) != 2 or not ends[0] < ends[1] <= ends[0] + _WIDEST:
        raise value.error("a scale goes from one whole grade up to another", "Write it as [1, 5].")
    return ends[0], ends[1]


def _grade(value: YamlValue, scale: Scale) -> int:
    grade = value.integer()
    if not scale.least <= grade <= scale.most:
        raise value.error(f"{grade} is not on the scale from {scale.least} to {scale.most}", "Correct this line.")
    return grade
