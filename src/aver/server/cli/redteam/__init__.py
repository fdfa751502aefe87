"""``aver redteam``: attacks on what is to be released, and what came of them. One file a command."""

from __future__ import annotations

import typer

from aver.server.cli.redteam.checklist import checklist
from aver.server.cli.redteam.playbook import playbook
from aver.server.cli.redteam.promote import promote
from aver.server.cli.redteam.report import report
from aver.server.cli.redteam.run import run
from aver.server.cli.redteam.suites import suites

__all__ = ["app"]

app = typer.Typer(help="Attacks on what is to be released: what worked, what mends it, and what is left to look at.")
for _command in (run, suites, report, playbook, checklist, promote):
    app.command()(_command)
