"""Labelled sets as files: JSON Lines, an object a line; YAML or JSON, a list; or CSV, a row each.

::

    {"question": "How many days of leave carry over?", "documents": ["leave.md"], "answers": ["ten days"], "tags": ["hr"]}
    {"question": "Who founded Atlantis?", "unanswerable": true}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aver.core.errors import InvalidInput
from aver.evals.datasets.fields import case_of, fields_of
from aver.evals.datasets.rows import is_table, read_rows, unreadable
from aver.evals.datasets.table import as_table, from_cells
from aver.evals.types import Case, Dataset

__all__ = ["CaseFile", "as_line", "read_dataset", "write_cases"]

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
