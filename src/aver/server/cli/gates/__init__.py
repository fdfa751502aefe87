"""``aver gate``: whether a release is let through. One file a command."""

from __future__ import annotations

import typer

from aver.server.cli.gates.run import run
from aver.server.cli.gates.shorthand import Shorthand
from aver.server.cli.gates.verify import key, verify

__all__ = ["app"]

app = typer.Typer(
    cls=Shorthand,
    help="Whether a release is let through: aver gate [SUITE...] is aver gate run [SUITE...].",
)
app.command("run")(run)
app.command("verify")(verify)
app.command("key")(key)
