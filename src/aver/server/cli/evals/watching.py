"""How a run stands while it goes on, on a terminal: how many are done, and what its figures are so far."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aver.evals.running.tally import Tally

__all__ = ["standing", "watching"]

_SHOWN = 4
"""Measures that are shown."""
_LEFT_OUT = ("_ms", "_tokens", "_usd")


@contextmanager
def watching(*, quiet: bool = False) -> Iterator[Callable[[Tally], None] | None]:
    """Yields what to call with each state of the run, or ``None`` where nobody is watching."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[standing]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, standing="")

        def show(tally: Tally) -> None:
            bar.update(task, completed=tally.done, total=tally.total)
            if tally.done % 8 == 0 or tally.done == tally.total:
                bar.update(task, standing=standing(tally))

        yield show


def standing(tally: Tally) -> str:
    """The first measures with their intervals so far, what was spent, and what failed, in a line."""
    parts: list[str] = []
    for name, each in tally.measures.items():
        if each.value is None or name.endswith(_LEFT_OUT) or len(parts) == _SHOWN:
            continue
        between = each.interval
        parts.append(f"{name} {each.value:.2f}" + (f" ({between[0]:.2f}\u2013{between[1]:.2f})" if between else ""))
    if tally.usd:
        parts.append(f"${tally.usd:.4f}")
    if tally.errors:
        parts.append(f"{sum(tally.errors.values())} errors")
    return "  ".join(parts)
