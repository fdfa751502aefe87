"""A progress bar on standard error, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aver.server.cli.output import printable

if TYPE_CHECKING:
    from aver.knowledge.types import Progress

__all__ = ["progress", "spinner"]


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Progress | None]:
    """Yields what to call with (done, total, path), or ``None`` where nobody is watching."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[path]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, path="")

        def advance(done: int, total: int, path: str) -> None:
            bar.update(task, completed=done, total=total, path=printable(path)[-40:])

        yield advance


@contextmanager
def spinner(what: str, *, quiet: bool = False) -> Iterator[None]:
    """Shows that something is being waited for."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
