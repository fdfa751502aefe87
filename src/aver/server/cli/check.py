"""``aver check``: the whole of a bundle, before anybody uses it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from aver.core.errors import VerificationFailed
from aver.server.cli.bundle import BundleArgument, Offline, located, opened
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable, table

if TYPE_CHECKING:
    from aver.server.bundle import Bundle
    from aver.server.checking import Finding

__all__ = ["check"]


class _Wrong(VerificationFailed):
    """A bundle with errors; what was found travels with it."""

    def __init__(self, found: Sequence[Finding]) -> None:
        errors = [each for each in found if each.level == "error"]
        super().__init__(
            f"The bundle has {len(errors)} error{'' if len(errors) == 1 else 's'}, the first in {errors[0].subject}: "
            f"{errors[0].said.rstrip('.?')}",
            "Correct what is listed: aver check.",
        )
        self._found = found

    def problem(self) -> dict[str, object]:
        return {**super().problem(), "findings": list(self._found)}


def check(
    context: typer.Context, directory: BundleArgument = None, offline: Offline = False, as_json: AsJson = False
) -> None:
    """Check a whole bundle: its file, the tools it offers, its policies and their cases, its agents, and what evaluates them.

    A mistake in a file ends it with exit code 2 and FILE:LINE, an error of another kind (a tool that no rule allows or that is declared and
    not there, a rule that allows everything, a case that fails, a set that cannot be read, a gate on what nobody measures) with 4. MCP
    servers are started and asked what they offer, unless --offline; no tool is called, and no model.
    """
    from aver.server.checking import examine

    bundle, secrets = opened(context, directory)
    found = [*asyncio.run(examine(bundle, secrets, offline=offline)), *_gateway(context, bundle)]
    wrong = any(each.level == "error" for each in found)
    if as_json and not wrong:
        print_json({"file": located(context, directory), "findings": found})
    elif not as_json:
        if found:
            table(("", "about", "what"), [(each.level, each.subject, each.said) for each in found])
        if not wrong:
            typer.echo(f"{printable(str(located(context, directory)))} is valid")
    if wrong:
        raise _Wrong(found)


def _gateway(context: typer.Context, bundle: Bundle) -> Sequence[Finding]:
    """What is doubtful of models and routes."""
    from aver.gateway.prices.book import price_of
    from aver.server.checking import Finding
    from aver.server.cli.gateway.bundle import price_book
    from aver.server.cli.gateway.entrance import entrances
    from aver.server.cli.gateway.warnings import warnings

    config = bundle.gateway
    if not config.models:
        return []
    book = price_book(bundle.folder or located(context, None))
    unpriced = frozenset(name for name, model in config.models.items() if price_of(model, book) is None)
    doubts = warnings(config, entrances(config.providers.values(), os.environ), unpriced)
    return [Finding("warning", *_apart(doubt)) for doubt in doubts]


def _apart(doubt: str) -> tuple[str, str]:
    subject, _, said = doubt.partition(": ")
    return subject, said
