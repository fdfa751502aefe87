"""``aver eval``: ask labelled sets, and say how well it went, with which certainty. One file a command."""

from __future__ import annotations

import typer

from aver.server.cli.evals.check import check
from aver.server.cli.evals.compare import compare
from aver.server.cli.evals.report import report
from aver.server.cli.evals.run import run
from aver.server.cli.evals.scorers import scorers

__all__ = ["app"]

app = typer.Typer(help="Labelled sets: ask them, and say how well it went, with which certainty.")
app.command("run")(run)
app.command("check")(check)
app.command("compare")(compare)
app.command("report")(report)
app.command("scorers")(scorers)
