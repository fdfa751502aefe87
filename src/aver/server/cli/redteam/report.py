"""``aver redteam report``: what a run came to, beside earlier ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, table
from aver.server.cli.redteam.reading import campaign, campaigns
from aver.server.cli.redteam.telling import cells, told

if TYPE_CHECKING:
    from aver.evals.types import Result, RunHeader

__all__ = ["report"]


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The file of a run of attacks.")],
    earlier: Annotated[
        list[Path] | None,
        typer.Argument(metavar="EARLIER", help="Those before it; of its target in its folder, if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show attack success with intervals, by category, technique, item and disguise, and how it went from run to run."""
    from aver.evals.redteam.figures import figures, trend

    header, results = campaign(run)
    before = campaigns(earlier) if earlier else _beside(run, header.target, header.started)
    found, points = figures(results), trend([*before, (header, results)])
    if as_json:
        print_json({"header": header, "figures": found, "trend": points})
        return
    told(header, found, run, ())
    if before:
        rows = []
        for each in points:
            change = each.change
            shown = "" if change is None else f"{change.value:+.1%} over {change.n}"
            success = cells(each.attack_success) if each.attack_success else ("", "", 0)
            rows.append((each.started, each.release[:12], *success, shown, each.verdict if change else ""))
        table(("run", "release", "attack success", "95 % interval", "n", "change", ""), rows)


def _beside(run: Path, target: str, started: str) -> list[tuple[RunHeader, list[Result]]]:
    from aver.core.errors import AverError
    from aver.evals.running.file import SUFFIX

    found = []
    for file in sorted(run.parent.glob(f"*{SUFFIX}")):
        try:
            header, results = campaign(file)
        except AverError:  # another suite's, or one that was cut off
            continue
        if header.target == target and header.started < started:
            found.append((header, results))
    return found
