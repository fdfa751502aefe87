"""``aver gateway``: what a bundle declares for model calls, and what those calls did. One file a command."""

from __future__ import annotations

import typer

from aver.server.cli.gateway.budgets import budgets
from aver.server.cli.gateway.cache import cache
from aver.server.cli.gateway.check import check
from aver.server.cli.gateway.convert import convert
from aver.server.cli.gateway.feedback import feedback
from aver.server.cli.gateway.invoice import invoice
from aver.server.cli.gateway.prices import prices
from aver.server.cli.gateway.replay import replay
from aver.server.cli.gateway.selftest import selftest
from aver.server.cli.gateway.spend import spend
from aver.server.cli.gateway.train import train

__all__ = ["app"]

app = typer.Typer(help="Every model behind one door: what is declared, and what calls cost, saved and decided.")
for _command in (check, convert, prices, budgets, spend, invoice, cache, replay, feedback, train, selftest):
    app.command()(_command)
