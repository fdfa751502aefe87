"""``aver redteam checklist``: what has to be looked at before a release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json
from aver.server.cli.redteam.reading import campaigns, written

__all__ = ["checklist"]


def checklist(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs of attacks on one release, one a target.")],
    at_most: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="How many attacks on an item may work.")
    ] = 0.0,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where it goes; standard output by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make the checklist of a release: pass, fail or untested for each item of OWASP's Top 10 for LLM applications and of NIST AI 600-1."""
    from aver.evals.redteam.checklist import checklist as made
    from aver.evals.redteam.checklist import markdown

    found = made(campaigns(runs), at_most)
    if as_json:
        print_json(found)
    else:
        written(markdown(found), out)
