"""Labelled sets as files: JSON Lines, an object a line; YAML or JSON, a list; or CSV, a row each.

::

    {"question": "How many days of leave carry over?", "documents": ["leave.md"], "answers": ["ten days"], "tags": ["hr"]}
    {"question": "Who founded Atlantis?", "unanswerable": true}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aver.core.errors import Conflict, InvalidInput
from aver.evals.datasets.fields import case_of, fields_of
from aver.evals.datasets.rows import is_flat, is_table, read_rows, unreadable
from aver.evals.datasets.table import as_table, from_cells
from aver.evals.types import Case, Dataset

__all__ = ["CaseFile", "Opened", "as_line", "open_dataset", "read_dataset", "write_cases"]

_ID = 16
"""Bytes of an id's digest by which its second use is known."""


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The cases of one file, read from it each time they are gone through, in flat memory but for YAML: of those before only digests
    are kept. ``needs_label`` as in :func:`~aver.evals.datasets.fields.case_of`."""

    file: Path
    needs_label: bool = True

    @property
    def digest(self) -> str:
        """SHA-256 of the file, hexadecimal. :class:`~aver.core.errors.NotFound` where it cannot be read."""
        try:
            with self.file.open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise unreadable(self.file, error) from None

    def __iter__(self) -> Iterator[Case]:
        """Raises :class:`~aver.core.errors.InvalidInput` with file and line, at the first mistake and for a file without cases, and
        :class:`~aver.core.errors.NotFound` for a file that cannot be read."""
        lines: dict[bytes, str] = {}
        table = is_table(self.file)
        for place, value in read_rows(self.file):
            case = case_of(place, from_cells(place, value) if table else value, needs_label=self.needs_label)
            key = hashlib.blake2b(case.id.encode(), digest_size=_ID).digest()
            line = place.rpartition(":")[2]
            if key in lines:
                first = f"{self.file}:{lines[key]}"
                raise InvalidInput(
                    f"{place}: the same question, or id {case.id!r}, stands in {first} too",
                    "Keep one, or give each an id.",
                )
            lines[key] = line
            yield case
        if not lines:
            raise InvalidInput(
                f"{self.file} holds no question", 'Write one a line: {"question": ..., "documents": [...]}.'
            )


class Opened:
    """The cases of one or more files as one set, read from them each time they are gone through; those of YAML and JSON lists, which are read whole
    anyway, once. Made by :func:`open_dataset`, which went through them before. ``digest`` is of the files; ``drafts`` counts cases that nobody confirmed."""

    def __init__(self, name: str, digest: str, files: Sequence[CaseFile]) -> None:
        self.name, self.digest = name, digest
        self.drafts = self._count = 0
        self._parts: list[CaseFile | tuple[Case, ...]] = []
        self._seen = [(each.file, _state(each.file)) for each in files]
        places: dict[bytes, str] = {}
        for each in files:
            part = each if is_flat(each.file) else tuple(each)
            self._parts.append(part)
            for case in part:
                self._count += 1
                self.drafts += case.status == "draft"
                if len(files) > 1:
                    _once(case, places)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Case]:
        """Raises :class:`~aver.core.errors.Conflict` for a file that is no longer what it was."""
        for part, (file, state) in zip(self._parts, self._seen, strict=True):
            _require_same(file, state)
            yield from part
            _require_same(file, state)


def _once(case: Case, places: dict[bytes, str]) -> None:
    key = hashlib.blake2b(case.id.encode(), digest_size=_ID).digest()
    if key in places:
        raise InvalidInput(
            f"{case.place}: the id {case.id!r} stands in {places[key]} too", "Give one of them another id."
        )
    places[key] = case.place


def _state(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError as error:
        raise unreadable(file, error) from None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _require_same(file: Path, state: tuple[int, int, int]) -> None:
    if _state(file) != state:
        raise Conflict(f"{str(file)!r} was changed while it was asked", "Begin again, with the file as it is now.")


def open_dataset(name: str, files: Sequence[Path], *, needs_label: bool = True) -> Opened:
    """All cases of some files, every one of them read and checked, and none kept. Raises as :meth:`CaseFile.__iter__` does, and
    :class:`~aver.core.errors.InvalidInput` for an id that two files have."""
    parts = [CaseFile(file, needs_label) for file in files]
    digests = [part.digest for part in parts]
    if len(files) == 1:
        return Opened(files[0].name, digests[0], parts)
    return Opened(name, hashlib.sha256("\n".join(digests).encode()).hexdigest(), parts)


def read_dataset(file: Path, *, needs_label: bool = True) -> Dataset:
    """All cases of a file: YAML, JSON and CSV by its ending, else JSON Lines. Raises as :meth:`CaseFile.__iter__` does."""
    cases = CaseFile(file, needs_label)
    return Dataset(file.name, cases.digest, tuple(cases))


def as_line(case: Case) -> str:
    """A case as a line of JSON Lines, with the fields it has; what :func:`read_dataset` reads."""
    return json.dumps(fields_of(case), ensure_ascii=False) + "\n"


def write_cases(cases: Iterable[Case], file: Path, *, replace: bool = False) -> None:
    """Write a set: CSV by the file's ending, else JSON Lines; whole or not at all.

    Raises :class:`~aver.core.errors.InvalidInput` where the file is there, unless it is to be replaced, where it cannot be written, and for
    YAML and JSON, which are written by hand.
    """
    if file.suffix.lower() in (".yaml", ".yml", ".json"):
        raise InvalidInput(f"{str(file)!r} would be YAML or JSON", "Name a file that ends in .jsonl or .csv.")
    if file.exists() and not replace:
        raise InvalidInput(
            f"{str(file)!r} exists", "Choose another file; somebody may have confirmed what stands there."
        )
    beside = file.with_name(f".{file.name}.new")
    try:
        with beside.open("w", encoding="utf-8", newline="") as opened:
            opened.writelines(as_table(cases) if is_table(file) else map(as_line, cases))
        beside.replace(file)
    except OSError as error:
        raise InvalidInput(f"{str(file)!r} cannot be written: {error.strerror}", "Choose another file.") from None
    finally:
        beside.unlink(missing_ok=True)
