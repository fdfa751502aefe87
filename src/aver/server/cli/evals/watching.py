"""What a run can show, before it begins; and how it stands while it goes on, on a terminal: how many are done, and what its figures are so far."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aver.server.cli.output import printable

if TYPE_CHECKING:
    from aver.evals.datasets.reading import Opened
    from aver.evals.declaration import Evals
    from aver.evals.gates.foresight import Outlook
    from aver.evals.running.tally import Tally

__all__ = ["foresee", "standing", "watching"]

_SHOWN = 4
"""Measures that are shown."""
_LEFT_OUT = ("_ms", "_tokens", "_usd")


def foresee(suite: str, dataset: Opened, evals: Evals, *, quiet: bool = False) -> Outlook:
    """What the suite's cases can show, and what the bundle's gate asks of them that they hardly can; printed, unless ``quiet``."""
    from aver.evals.gates.foresight import outlook, tell_outlook

    found = outlook(dataset, [each for each in evals.gate if each.suite in ("", suite)])
    if not quiet:
        sys.stdout.writelines(f"{printable(each)}\n" for each in tell_outlook(found))
        sys.stdout.flush()
    return found


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
            # Often while cases are few and slow, seldom while thousands pass.
            if tally.done < 64 or tally.done % 8 == 0 or tally.done == tally.total:
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
