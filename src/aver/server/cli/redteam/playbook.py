"""``aver redteam playbook``: what worked and what mends it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aver.server.cli.redteam.reading import campaign, written

__all__ = ["playbook"]


def playbook(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The file of a run of attacks.")],
    tenant: Annotated[
        str, typer.Option("--tenant", "-t", metavar="TENANT", help="What the commands that try again name.")
    ] = "TENANT",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where it goes; standard output by default.")] = None,
) -> None:
    """Write the playbook in Markdown: by category what worked, its evidence and impact, the settings that mend it, who decides, and how to try again."""
    from aver.evals.redteam.playbook import playbook as made

    header, results = campaign(run)
    written(made(header, results, tenant), out)
