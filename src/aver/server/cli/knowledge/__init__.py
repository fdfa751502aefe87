"""``aver knowledge``: how well documents are found and answered from, measured on labelled questions. One file a command."""

from __future__ import annotations

import typer

from aver.server.cli.knowledge.draft import draft_set
from aver.server.cli.knowledge.evaluate import evaluate

__all__ = ["app"]

app = typer.Typer(help="How well documents are found and answered from, measured on labelled questions.")
app.command("eval")(evaluate)
app.command("draft-set")(draft_set)
