"""A label: what one person says is right for one case; and what several of them come to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from aver.core import canonical_json
from aver.core.errors import InvalidInput
from aver.core.principal import user_reader
from aver.core.yaml import nearest
from aver.evals.datasets.fields import case_of, fields_of
from aver.evals.datasets.rows import is_table, read_rows
from aver.evals.datasets.similarity import form
from aver.evals.datasets.table import from_cells
from aver.evals.types import Case

__all__ = [
    "LABELS",
    "Label",
    "LabelKind",
    "Settled",
    "as_label_line",
    "labelled",
    "read_labels",
    "settle",
    "unlabelled",
]

LabelKind = Literal["answerable", "unanswerable", "refuse", "task", "reference", "graded"]
"""What a label says the case is: answered from documents, by nothing, to be refused, a task with calls or an end state, a question with a reference;
or nothing of that, and only a grade."""
LABELS = ("documents", "answers", "passages", "unanswerable", "refuse", "expected", "calls", "state")
"""Fields of a case that a label may say."""
_OWN = ("case", "labeller", "grade", "settles")


@dataclass(frozen=True, slots=True)
class Label:
    """``says`` are fields of a case as JSON, of :data:`LABELS`. ``grade`` is how good the answer that was given is, from 0 to 1. One that
    ``settles`` decides between others: that of an adjudicator."""

    case: str
    labeller: str
    says: Mapping[str, Any] = field(default_factory=dict)
    grade: float | None = None
    settles: bool = False

    @property
    def kind(self) -> LabelKind:
        if self.says.get("unanswerable"):
            return "unanswerable"
        if self.says.get("refuse"):
            return "refuse"
        if any(self.says.get(name) for name in ("documents", "answers", "passages")):
            return "answerable"
        if self.says.get("calls") is not None or self.says.get("state") is not None:
            return "task"
        return "reference" if self.says.get("expected") is not None else "graded"


@dataclass(frozen=True, slots=True)
class Settled:
    """What the labels of a case come to. ``case`` has them where it is settled, and is confirmed then."""

    status: Literal["waiting", "disputed", "settled"]
    case: Case
    labels: tuple[Label, ...]
    """The last of each labeller."""


def labelled(place: str, value: Mapping[str, Any]) -> Label:
    """A label from its fields. Raises :class:`~aver.core.errors.InvalidInput` at ``place``."""
    for name in value:
        if name not in (*_OWN, *LABELS):
            raise InvalidInput(f"{place}: {str(name)!r} is not known in a label", nearest(str(name), (*_OWN, *LABELS)))
    case, labeller = value.get("case"), value.get("labeller")
    if not isinstance(case, str) or not case or not isinstance(labeller, str):
        raise InvalidInput(f"{place}: a label needs its case and its labeller", "Add both.")
    user_reader(labeller)
    says = {name: value[name] for name in LABELS if name in value and not _is_nothing(name, value[name])}
    case_of(place, {"id": case, "question": "?", **says}, needs_label=False)
    grade = value.get("grade")
    if grade is not None and (isinstance(grade, bool) or not isinstance(grade, int | float) or not 0 <= grade <= 1):
        raise InvalidInput(f"{place}: the grade is {grade!r}", "Write a number from 0 to 1.")
    settles = value.get("settles", False)
    if not isinstance(settles, bool):
        raise InvalidInput(f"{place}: settles is neither true nor false", "Write one of the two.")
    if not says and grade is None:
        raise InvalidInput(f"{place}: the label says nothing", f"Add one of {', '.join(LABELS)}, or grade.")
    return Label(case, labeller, says, None if grade is None else float(grade), settles)


def read_labels(file: Path) -> list[Label]:
    """The labels of a file, a row each: ``case``, ``labeller`` and what it says. Raises :class:`~aver.core.errors.InvalidInput` with file and
    line, and :class:`~aver.core.errors.NotFound` for a file that cannot be read."""
    found = []
    for place, value in read_rows(file):
        if not isinstance(value, Mapping):
            raise InvalidInput(f"{place}: a label is no mapping", 'Write {"case": ..., "labeller": ..., ...}.')
        found.append(labelled(place, _cells(place, value) if is_table(file) else value))
    return found


def as_label_line(label: Label) -> str:
    """A label as a line of JSON Lines; what :func:`read_labels` reads."""
    found: dict[str, Any] = {"case": label.case, "labeller": label.labeller, **label.says}
    if label.grade is not None:
        found["grade"] = label.grade
    if label.settles:
        found["settles"] = True
    return json.dumps(found, ensure_ascii=False) + "\n"


def settle(case: Case, labels: Iterable[Label], labellers: int = 2) -> Settled:
    """What the labels of a case come to: the last that settles decides, where there are others to decide between; else as many ``labellers`` must have said the same. Two say the same where they
    agree on what kind of case it is and, of what both name, on a document, an answer or all of anything else. What any of them named is
    then right."""
    last = {label.labeller: label for label in labels}
    given = tuple(last.values())
    deciding = [label for label in given if label.settles and label.says]
    if deciding and len(given) > 1:
        return Settled("settled", _with(case, deciding[-1:]), given)
    saying = [label for label in given if label.says]
    if len(saying) < labellers:
        return Settled("waiting", case, given)
    agree = all(_same(one, other) for at, one in enumerate(saying) for other in saying[:at])
    return Settled("settled", _with(case, saying), given) if agree else Settled("disputed", case, given)


def unlabelled(case: Case) -> Case:
    """The case without what a label would say."""
    kept = {name: value for name, value in fields_of(case).items() if name not in LABELS}
    return case_of(case.place, {**kept, "status": "draft"}, needs_label=False)


def _is_nothing(name: str, value: Any) -> bool:
    """Whether a field says nothing: an empty list of calls does, and a reference may be false, or nought."""
    return value is None or (name not in ("expected", "calls", "state") and value in ("", [], False))


def _cells(place: str, cells: Mapping[str, str]) -> dict[str, Any]:
    found = from_cells(place, cells)
    for name in ("grade", "settles"):
        if name in found:
            text = str(found[name]).lower()
            found[name] = {"true": True, "false": False}.get(text, text) if name == "settles" else _number(text)
    return found


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _same(one: Label, other: Label) -> bool:
    if one.kind != other.kind:
        return False
    for name in LABELS:
        left, right = one.says.get(name), other.says.get(name)
        if left is None or right is None:
            continue
        if name in ("documents", "passages", "answers"):
            if not _meet(_said(left), _said(right)):
                return False
        elif canonical_json(left) != canonical_json(right) and not _alike(left, right):
            return False
    return True


def _said(value: Any) -> set[str]:
    return {
        form(each["quote"]) if isinstance(each, Mapping) else form(each)
        for each in ([value] if isinstance(value, str) else value)
    }


def _meet(left: set[str], right: set[str]) -> bool:
    """Whether one names what the other does, or a part of it: "ten days" and "up to ten days"."""
    return any(f" {one} " in f" {other} " or f" {other} " in f" {one} " for one in left for other in right)


def _alike(left: Any, right: Any) -> bool:
    return isinstance(left, str) and isinstance(right, str) and form(left) == form(right)


def _with(case: Case, labels: Sequence[Label]) -> Case:
    """The confirmed case with what these labels say, one after the other."""
    says: dict[str, Any] = {}
    for label in labels:
        for name, value in label.says.items():
            if name in ("documents", "answers", "passages"):
                listed = [value] if isinstance(value, str) else list(value)
                known = says.setdefault(name, [])
                known += [each for each in listed if each not in known]
            else:
                says.setdefault(name, value)
    kept = fields_of(unlabelled(case))
    return replace(case_of(case.place, {**kept, **says, "status": "confirmed"}), place=case.place)
