"""A campaign's figures, as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aver.server.cli.output import console, table

if TYPE_CHECKING:
    from aver.evals.redteam.figures import Figures
    from aver.evals.statistics.intervals import Interval
    from aver.evals.types import RunHeader

__all__ = ["cells", "told"]


def told(header: RunHeader, found: Figures, path: Path, left: Sequence[str]) -> None:
    out = console()
    out.print(f"{header.target}: {found.attacks} attacks in {found.attempts} attempts", markup=False)
    rows = [("attack success", *cells(found.attack_success))] if found.attack_success else []
    rows += _rows("", found.by["category"])
    rows += _rows("technique ", found.by["technique"])
    rows += _rows("", found.by["owasp"])
    rows += _rows("disguise ", found.mutators)
    if found.false_refusals:
        rows.append(("false refusals", *cells(found.false_refusals)))
    table(("", "share", "95 % interval", "n"), rows)
    for name in found.worked:
        out.print(f"worked: {name}", style="red", markup=False)
    for name in found.refused:
        out.print(f"refused although harmless: {name}", style="yellow", markup=False)
    for error, count in found.errors.items():
        out.print(f"{count} not judged: {error}", style="yellow", markup=False)
    if left:
        out.print(f"{len(left)} could not be tried on this target", markup=False)
    out.print(f"kept in {path}", markup=False, soft_wrap=True)


def cells(each: Interval) -> tuple[object, ...]:
    between = "too few" if each.low is None or each.high is None else f"{each.low:.1%} to {each.high:.1%}"
    return f"{each.value:.1%}", between, each.n


def _rows(before: str, found: Mapping[str, Interval]) -> list[tuple[object, ...]]:
    return [(f"{before}{name}", *cells(each)) for name, each in found.items()]
