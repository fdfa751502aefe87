"""Sets of other programs made into cases: what each adapter gives, and what is told of what could not be taken over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.evals.datasets.fields import case_of, fields_of, is_labelled
from aver.evals.types import Case

__all__ = ["FORMATS", "Gathered", "Imported", "import_cases"]

FORMATS = {
    "huggingface": "aver.evals.datasets.adapters.huggingface",
    "inspect": "aver.evals.datasets.adapters.inspect",
    "label-studio": "aver.evals.datasets.adapters.label_studio",
    "promptfoo": "aver.evals.datasets.adapters.promptfoo",
    "ragas": "aver.evals.datasets.adapters.ragas",
}


@dataclass(frozen=True, slots=True)
class Imported:
    """``notes`` say what was chosen where there was a choice; ``left_out`` how often what was not taken over."""

    cases: tuple[Case, ...]
    notes: tuple[str, ...]
    left_out: Mapping[str, int]


class Adapter(Protocol):
    """A module of ``adapters/``."""

    def read(self, file: Path, columns: Mapping[str, str]) -> Imported:
        """The cases of a file. ``columns`` are names of that file's by names of Aver's, where the format leaves them open.

        Raises :class:`~aver.core.errors.InvalidInput` with file and line for what is not in the format, and
        :class:`~aver.core.errors.NotFound` for a file that cannot be read."""
        ...


def import_cases(kind: str, file: Path, columns: Mapping[str, str] | None = None) -> Imported:
    """The cases of a file in one of :data:`FORMATS`. Raises as :meth:`Adapter.read`, and for another format."""
    if kind not in FORMATS:
        raise InvalidInput(f"{kind[:60]!r} is no format", nearest(kind, FORMATS))
    adapter = cast(Adapter, import_module(FORMATS[kind]))
    return adapter.read(file, columns or {})


@dataclass(slots=True)
class Gathered:
    """Cases as an adapter finds them. What asks the same and says the same is taken once; what asks the same and says something else is kept
    under an id of its own, for :mod:`~aver.evals.datasets.checking` to tell."""

    _cases: dict[str, Case] = field(default_factory=dict)
    _notes: dict[str, None] = field(default_factory=dict)
    _left_out: Counter[str] = field(default_factory=Counter)

    def add(self, place: str, fields: Mapping[str, Any]) -> Case:
        """A case of these fields; one without any label is a draft. Raises as :func:`~aver.evals.datasets.fields.case_of`."""
        given = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
        case = case_of(place, given, needs_label=False)
        if not is_labelled(case):
            case = replace(case, status="draft")
        before = self._cases.get(case.id)
        if before is not None and fields_of(before) == fields_of(case):
            self.leave_out("a case that says what another does")
            return before
        number, name = 2, case.id
        while case.id in self._cases:
            case, number = replace(case, id=f"{name}-{number}"), number + 1
        self._cases[case.id] = case
        return case

    def note(self, said: str) -> None:
        self._notes[said] = None

    def leave_out(self, what: str, times: int = 1) -> None:
        self._left_out[what] += times

    def imported(self, file: Path) -> Imported:
        """All of it. Raises :class:`~aver.core.errors.InvalidInput` where there is no case."""
        if not self._cases:
            raise InvalidInput(f"{file} holds no case of this format", "Check the format: --from.")
        drafts = sum(not is_labelled(case) for case in self._cases.values())
        if drafts:
            self.note(f"{drafts} cases have no label and are drafts")
        return Imported(tuple(self._cases.values()), tuple(self._notes), dict(sorted(self._left_out.items())))
