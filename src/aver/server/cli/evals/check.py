"""``aver eval check``: whether a labelled set measures anything."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from aver.core.errors import VerificationFailed
from aver.server.cli.evals.suite import ScorerOption, SuiteArgument, TargetOption, suite_of
from aver.server.cli.options import AsJson, Groups, TenantName
from aver.server.cli.output import console, print_json, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.evals.running.selftest import SelfTest

__all__ = ["check"]

_NAMED = 5


class _Unfit(VerificationFailed):
    """A set that does not tell a good agent from one that does nothing."""

    slug = "set-unfit"

    def __init__(self, cause: str, found: SelfTest) -> None:
        super().__init__(cause, "Correct the labels, or choose scorers that read them.")
        self._found = found

    def problem(self) -> dict[str, object]:
        return {**super().problem(), **asdict(self._found)}


def check(
    context: typer.Context,
    suite: SuiteArgument,
    tenant: TenantName,
    target: TargetOption = None,
    scorer: ScorerOption = [],  # noqa: B006 - Typer copies it
    group: Groups = [],  # noqa: B006
    as_json: AsJson = False,
) -> None:
    """Test a labelled set on an agent that does nothing, which must not pass, and on its own labels, which must. Nobody else is asked.

    Exit code 4 when it tells the two apart too little.
    """
    from aver.server.evaluating import Plan, checked, dataset_of

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        chosen, evals, folder = suite_of(application, suite, target, scorer, None, group)
        plan = Plan(chosen, dataset_of(chosen, folder), evals, folder, Path())
        found = asyncio.run(application.finishing(checked(application, services, plan)))
    if not as_json:
        _print(found)
    if not found.ok:
        raise _Unfit(_said(found), found)
    if as_json:
        print_json(asdict(found) | {"ok": True})


def _print(found: SelfTest) -> None:
    out = console()
    out.print(f"{found.cases} cases, in {found.idle} of which nothing is what is wanted", markup=False)
    rows = [
        (name, f"{found.null[name]:.3f}" if name in found.null else "", f"{best:.3f}")
        for name, best in found.oracle.items()
    ]
    table(("measure", "doing nothing", "the labels"), rows)
    for case, why in list(found.failed.items())[:_NAMED]:
        out.print(f"{case}: {why}", style="yellow", markup=False)


def _said(found: SelfTest) -> str:
    said = [
        f"{len(some)} cases {what} ({', '.join(list(some)[:_NAMED])}{', ...' if len(some) > _NAMED else ''})"
        for some, what in (
            (found.passed, "are passed by doing nothing"),
            (found.failed, "are failed by their own labels"),
            (found.unread, "are read by no scorer"),
        )
        if some
    ]
    if found.blind:
        said.append(f"doing nothing is as good as the labels in {', '.join(found.blind)}")
    if found.idle >= found.cases:
        said.append("nothing is to be done in any case")
    return "; ".join(said)
