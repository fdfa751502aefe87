"""``aver knowledge``: labelled questions drafted from documents. One file a command."""

from __future__ import annotations

import typer

from aver.server.cli.knowledge.draft import draft_set

__all__ = ["app"]

app = typer.Typer(help="Labelled questions, drafted from documents.")
app.command("draft-set")(draft_set)
