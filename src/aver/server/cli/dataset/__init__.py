"""``aver dataset``: labelled sets as they are kept: checked, imported, split, compared, made of production, labelled. One file a group of commands."""

from __future__ import annotations

import typer

from aver.server.cli.dataset.agreement import agreement, suspects
from aver.server.cli.dataset.check import check, coverage
from aver.server.cli.dataset.exchange import export, import_
from aver.server.cli.dataset.promote import forget, promote
from aver.server.cli.dataset.queue import label, queue
from aver.server.cli.dataset.split import diff, split

__all__ = ["app"]

app = typer.Typer(help="Labelled sets: checked, imported, split, compared, made of production turns, labelled.")
app.command("check")(check)
app.command("import")(import_)
app.command("export")(export)
app.command("split")(split)
app.command("diff")(diff)
app.command("coverage")(coverage)
app.command("promote")(promote)
app.command("queue")(queue)
app.command("label")(label)
app.command("agreement")(agreement)
app.command("suspects")(suspects)
app.command("forget")(forget)
