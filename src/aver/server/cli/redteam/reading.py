"""The runs that commands are about."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.errors import InvalidInput

if TYPE_CHECKING:
    from aver.evals.types import Result, RunHeader

__all__ = ["campaign", "campaigns", "written"]


def campaign(file: Path) -> tuple[RunHeader, list[Result]]:
    """A run of attacks. Raises :class:`~aver.core.errors.NotFound` for a file that cannot be read, and
    :class:`~aver.core.errors.InvalidInput` for another file, and for a run that was cut off: what is missing might be what works."""
    from aver.evals.redteam.types import SUITE
    from aver.evals.running.file import read_run

    run = read_run(file)
    if run.header.suite != SUITE:
        raise InvalidInput(
            f"{str(file)!r} is a run of {run.header.suite!r}, and not of attacks", "Make one: aver redteam run"
        )
    if not run.complete:
        raise InvalidInput(f"{str(file)!r} was cut off", "Run it again: aver redteam run")
    return run.header, list(run.results())


def campaigns(files: Sequence[Path]) -> list[tuple[RunHeader, list[Result]]]:
    return [campaign(file) for file in files]


def written(text: str, out: Path | None) -> None:
    """``text`` in the file ``out``, or on standard output."""
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{str(out)!r} cannot be written: {error.strerror}", "Choose another file.") from None
