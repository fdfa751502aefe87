"""``aver eval report``: a run's figures and cases as a page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aver.core.errors import InvalidInput
from aver.server.cli.gates.given import CasesOption, sets_of, written
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable, table

__all__ = ["report"]


def report(
    file: Annotated[Path, typer.Argument(metavar="RUN", help="A run's file.")],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report, one page that needs nothing else.")
    ] = None,
    against: Annotated[Path | None, typer.Option(metavar="RUN", help="An earlier run, to show what moved.")] = None,
    cases: CasesOption = [],  # noqa: B006 - Typer copies it
    slices: Annotated[bool, typer.Option("--slices", help="Show the figures of every slice too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a run measured, with intervals, over all cases and, with --slices, over each slice; as one page with every case, with --html."""
    from aver.evals.gates.comparing import compare
    from aver.evals.gates.figures import figures
    from aver.evals.gates.saying import amount, between, counted
    from aver.evals.gates.sheet import sheet_of
    from aver.evals.rendering.page import comparison_page, run_page
    from aver.evals.running.file import read_run

    run = read_run(file)
    sheet = sheet_of(run)
    if not sheet.rows:
        raise InvalidInput(f"{str(file)!r} holds no result yet", "Wait for its first case, or run it again.")
    known = {case.id: case for each in sets_of(cases) for case in each}
    found = figures(sheet)
    if html is not None and against is not None:
        old = read_run(against)
        sheets = sheet_of(old), sheet
        written(html, comparison_page(compare(*sheets), sheets, (old, run), known))
    elif html is not None:
        written(html, run_page(sheet, run, known))
    if as_json:
        print_json(
            {"header": run.header, "complete": run.complete, "asked": sheet.asked, "errors": sheet.errors, **found}
        )
        return
    whole = "" if run.complete else ", not whole"
    sys.stdout.write(
        f"{printable(run.header.suite)}: {counted(len(sheet.rows), 'case')}{whole}, {counted(sheet.errors, 'error')}\n"
    )
    rows = [
        (name, tag, amount(name, each.value), between(name, each), each.n)
        for tag, some in {"": found["overall"], **(found["slices"] if slices else {})}.items()
        for name, each in some.items()
    ]
    table(("measure", "slice", "value", "95 % interval", "n"), rows)
    if found["slices"] and not slices:
        sys.stdout.write(f"by slice ({', '.join(map(printable, found['slices']))}): --slices\n")
