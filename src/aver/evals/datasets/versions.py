"""What a set is, whatever file it is written in: its digest by content, and what changed between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aver.core import canonical_json, sha256_hex
from aver.evals.datasets.fields import FIELDS, fields_of
from aver.evals.datasets.reading import CaseFile
from aver.evals.datasets.rows import unreadable
from aver.evals.datasets.similarity import alike
from aver.evals.types import Case

__all__ = ["Changed", "Difference", "Version", "case_digest", "companions", "differ", "version_of"]

_FORMAT = "aver-dataset-1"
_UNORDERED = ("groups", "documents", "answers", "tags")
Happened = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Version:
    """``digest`` is SHA-256 of all it holds, equal in whatever order and format the cases stand; ``file`` is that of the file itself.
    ``beside`` are the digests of guidelines and rubrics, by file name."""

    digest: str
    file: str
    cases: int
    beside: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Changed:
    """A case with the names of the fields that say something else. ``before`` is its earlier question where that was reworded, and its id with it."""

    id: str
    question: str
    fields: tuple[str, ...]
    before: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Between two sets, by the cases' ids. ``beside`` is of guidelines and rubrics, by name."""

    added: tuple[Case, ...]
    removed: tuple[Case, ...]
    changed: tuple[Changed, ...]
    same: int
    beside: Mapping[str, Happened]

    @property
    def is_none(self) -> bool:
        return not (self.added or self.removed or self.changed or self.beside)


def case_digest(case: Case) -> str:
    """SHA-256 of all that a case says, hexadecimal: where it stands does not count, nor the order of what has none."""
    return sha256_hex(canonical_json(_canonical(case)))


def companions(file: Path) -> list[Path]:
    """The guidelines and rubrics of a set: beside ``leave.jsonl`` those are ``leave.md`` and ``leave.NAME.md``."""
    return sorted(each for each in file.parent.glob("*.md") if each.name.split(".")[0] == file.name.split(".")[0])


def version_of(file: Path, *, needs_label: bool = True) -> Version:
    """The version of a file with what stands beside it. Memory for a digest a case. Raises as
    :meth:`~aver.evals.datasets.reading.CaseFile.__iter__`."""
    cases = CaseFile(file, needs_label)
    digests = sorted(map(case_digest, cases))
    beside = _beside(file)
    content = canonical_json({"format": _FORMAT, "cases": digests, "beside": beside})
    return Version(sha256_hex(content), cases.digest, len(digests), beside)


def differ(before: Path, after: Path) -> Difference:
    """What changed from one file to another. Cases are the same by their ids; where an id was made of the question and that was reworded, the
    nearest of those that came and went are taken for one. Raises as :func:`version_of`."""
    old = {case.id: case for case in CaseFile(before, needs_label=False)}
    new = {case.id: case for case in CaseFile(after, needs_label=False)}
    changed, same = [], 0
    for name in old.keys() & new.keys():
        if fields := _fields(old[name], new[name]):
            changed.append(Changed(name, new[name].question, fields))
        else:
            same += 1
    gone, come = (
        [case for case in old.values() if case.id not in new],
        [case for case in new.values() if case.id not in old],
    )
    for one, other in _reworded(gone, come):
        fields = tuple(field for field in _fields(one, other) if field != "id")
        changed.append(Changed(other.id, other.question, fields, one.question))
        gone.remove(one)
        come.remove(other)
    return Difference(
        tuple(come), tuple(gone), tuple(sorted(changed, key=lambda each: each.id)), same, _happened(before, after)
    )


def _canonical(case: Case) -> dict[str, Any]:
    found = fields_of(case)
    for name in _UNORDERED:
        if name in found:
            found[name] = sorted(set(found[name]))
    if "passages" in found:
        found["passages"] = sorted(found["passages"], key=lambda each: (each["document"], each["quote"]))
    return found


def _fields(one: Case, other: Case) -> tuple[str, ...]:
    before, after = _canonical(one), _canonical(other)
    return tuple(name for name in FIELDS if before.get(name) != after.get(name))


def _reworded(gone: list[Case], come: list[Case]) -> Iterable[tuple[Case, Case]]:
    pairs = sorted(alike([case.question for case in (*gone, *come)]), key=lambda pair: -pair.share)
    taken: set[int] = set()
    found = []
    for pair in pairs:
        if pair.one < len(gone) <= pair.other and not taken & {pair.one, pair.other}:
            taken |= {pair.one, pair.other}
            found.append((gone[pair.one], come[pair.other - len(gone)]))
    return found


def _beside(file: Path) -> dict[str, str]:
    found = {}
    for each in companions(file):
        try:
            found[each.name.partition(".")[2]] = sha256_hex(each.read_bytes())
        except OSError as error:
            raise unreadable(each, error) from None
    return found


def _happened(before: Path, after: Path) -> dict[str, Happened]:
    old, new = _beside(before), _beside(after)
    happened: dict[str, Happened] = {}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            happened[name] = "added" if name not in old else "removed" if name not in new else "changed"
    return happened
