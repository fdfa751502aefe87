"""Options that the commands about runs share, and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import InvalidInput

if TYPE_CHECKING:
    from aver.evals.datasets.reading import Opened

__all__ = ["CasesOption", "read_bytes", "sets_of", "written"]

CasesOption = Annotated[
    list[Path],
    typer.Option(
        "--cases", metavar="FILE", help="The set that was asked, for its questions; repeat it. Else the bundle's."
    ),
]


def sets_of(files: Sequence[Path]) -> list[Opened]:
    from aver.evals.datasets.reading import open_dataset

    return [open_dataset(file.name, [file]) for file in files]


def written(path: Path, content: bytes | str) -> Path:
    """Puts ``content`` into a file, whole or not at all. Raises :class:`~aver.core.errors.InvalidInput` where that cannot be."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        raise InvalidInput(f"{str(path)!r} cannot be written: {error.strerror}", "Choose another file.") from None
    return path


def read_bytes(path: Path, what: str) -> bytes:
    """A small file. Raises :class:`~aver.core.errors.InvalidInput`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"The {what} {str(path)!r} cannot be read: {error.strerror}", "Check the path.") from None
