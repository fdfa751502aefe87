"""The cases of a run as a page shows them: what was asked, what came of it, and why it was scored so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aver.evals.gates.comparing import flips
from aver.evals.gates.sheet import Row, Sheet, measures, shown_value
from aver.evals.gates.types import fewer_is_better, unbounded
from aver.evals.rendering.text import visible
from aver.evals.running.file import Run
from aver.evals.types import Case, Result

__all__ = ["Answer", "Entry", "entries"]

_TEXT, _PASSAGE, _PASSAGES = 20_000, 2_000, 20
"""Characters of an answer and of a passage, and passages of an answer, that a page shows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking once."""

    text: str
    states: tuple[str, ...] = ()
    citations: tuple[tuple[str, str], ...] = ()
    """Of each, where it points, and what stands there."""
    calls: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    error: str = ""
    said: str = ""


@dataclass(slots=True)
class Entry:
    """A case. ``against`` are the conditions that it speaks against."""

    suite: str
    case: str
    row: Row
    before: Row | None
    against: tuple[str, ...] = ()
    moved: Literal["", "better", "worse"] = ""
    question: str = ""
    history: tuple[tuple[str, str], ...] = ()
    expected: str = ""
    answers: list[Answer] = field(default_factory=list)
    earlier: list[Answer] = field(default_factory=list)

    @property
    def weight(self) -> tuple[bool, int, bool, float]:
        """By which the ones to look at first come first."""
        known = [
            1 - value if fewer_is_better(name) else value
            for name in self.row.values
            if not unbounded(name) and (value := shown_value(self.row, name)) is not None
        ]
        mean = sum(known) / len(known) if known else 1.0
        return not self.row.errors, -len(self.against), self.moved != "worse", mean


def entries(
    suite: str,
    sheet: Sheet,
    run: Run | None,
    baseline: Sheet | None = None,
    earlier: Run | None = None,
    cases: Mapping[str, Case] | None = None,
    against: Mapping[str, Iterable[str]] | None = None,
    leading: str = "",
) -> list[Entry]:
    """Every case of a run, the ones to look at first. ``leading`` is the measure by which a case is better or worse than in the baseline;
    any of those between 0 and 1, if left out: worse where one lost, better where none did and one gained."""
    moved = _moved(baseline, sheet, leading) if baseline is not None else {}
    found: dict[str, Entry] = {}
    for name, row in sheet.rows.items():
        case = (cases or {}).get(name)
        entry = Entry(suite, name, row, baseline.rows.get(name) if baseline else None, moved=moved.get(name, ""))
        entry.against = tuple((against or {}).get(name, ()))
        if case is not None:
            entry.question = visible(case.question, _TEXT)
            entry.history = tuple((each.role, visible(each.content, _PASSAGE)) for each in case.history)
            entry.expected = visible(_expected(case), _PASSAGE)
        found[name] = entry
    for result in run.results(responses=True) if run is not None else ():
        found[result.case].answers.append(_answer(result))
    for result in earlier.results(responses=True) if earlier is not None else ():
        if result.case in found:
            found[result.case].earlier.append(_answer(result))
    return sorted(found.values(), key=lambda entry: (entry.weight, entry.case))


def _moved(before: Sheet, after: Sheet, leading: str) -> dict[str, Literal["better", "worse"]]:
    names = [leading] if leading else [name for name in measures(after.rows.values()) if not unbounded(name)]
    found: dict[str, Literal["better", "worse"]] = {}
    for name in names:
        for flip in flips(before, after, name):
            if flip.way == "worse" or flip.case not in found:
                found[flip.case] = flip.way
    return found


def _answer(result: Result) -> Answer:
    notes = tuple((visible(name, 200), visible(note, _PASSAGE)) for name, note in result.notes.items())
    response = result.response
    if response is None:
        return Answer("", notes=notes, error=visible(result.error, 200), said=visible(result.said, _PASSAGE))
    states = [word for word, holds in (("abstained", response.abstained), ("refused", response.refused)) if holds]
    if response.supported and not all(response.supported):
        states.append(f"{response.supported.count(False)} of {len(response.supported)} sentences unsupported")
    text = response.text or ("" if response.value is None else _json(response.value))
    return Answer(
        visible(text, _TEXT),
        tuple(states),
        tuple(
            (visible(each.title or each.document, 300), visible(each.text, _PASSAGE))
            for each in (response.citations or ())[:_PASSAGES]
        ),
        tuple(
            visible(
                f"{each.tool} {_json(each.arguments)}: {each.decision}{'' if each.done else ', not done'}", _PASSAGE
            )
            for each in (response.calls or ())[:_PASSAGES]
        ),
        notes,
        visible(result.error, 200),
        visible(result.said, _PASSAGE),
    )


def _expected(case: Case) -> str:
    if case.unanswerable:
        return "nothing that this person may read answers it"
    if case.refuse:
        return "to be refused"
    found = [*case.answers, *(each.quote for each in case.passages)]
    if case.expected is not None:
        found.append(case.expected if isinstance(case.expected, str) else _json(case.expected))
    return " · ".join(found or case.documents)


def _json(value: Any) -> str:
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, ensure_ascii=False, default=str)
