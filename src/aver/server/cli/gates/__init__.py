"""``aver gate``, and the commands of ``aver eval`` that compare runs and report them. One file a command."""

from __future__ import annotations

import typer

from aver.server.cli.gates.compare import compare
from aver.server.cli.gates.report import report
from aver.server.cli.gates.run import run
from aver.server.cli.gates.shorthand import Shorthand
from aver.server.cli.gates.verify import key, verify

__all__ = ["app", "evals"]

app = typer.Typer(
    cls=Shorthand,
    help="Whether a release is let through: aver gate [SUITE...] is aver gate run [SUITE...].",
)
app.command("run")(run)
app.command("verify")(verify)
app.command("key")(key)

evals = typer.Typer(help="Runs of labelled sets: compare them, and show them.")
evals.command("compare")(compare)
evals.command("report")(report)
