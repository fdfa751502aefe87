"""What a command about a suite is given: one of the bundle, or a file of cases with the rest on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest, parse_yaml

if TYPE_CHECKING:
    from aver.evals.declaration import Evals, Suite
    from aver.evals.scorers.registry import Declared
    from aver.server.application import Application

__all__ = ["ScorerOption", "SuiteArgument", "TargetOption", "suite_of"]

SuiteArgument = Annotated[
    str,
    typer.Argument(metavar="SUITE|FILE", help="A suite of the bundle, or a file of cases: JSON Lines, YAML or CSV."),
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        metavar="TARGET",
        help="What is asked, in place of the suite's: assistant, search, turns, agent:NAME, model:NAME, endpoint:NAME, "
        "function:FILE.py:NAME or responses:FILE.",
    ),
]
ScorerOption = Annotated[
    list[str],
    typer.Option(
        "--scorer", "-s", metavar="SCORER", help="NAME, or NAME: {SETTINGS}, in place of the suite's; repeat it."
    ),
]


def suite_of(
    application: Application,
    named: str,
    target: str | None,
    scorers: Sequence[str],
    user: str | None,
    groups: Sequence[str],
) -> tuple[Suite, Evals, Path]:
    """The suite with what was typed in place of what it declares; all that is declared; and the folder that its files are named from.

    Raises :class:`~aver.core.errors.InvalidInput` for a name that is neither a suite nor a file.
    """
    from aver.evals.declaration import TARGET, Evals, Suite

    bundle = application.bundle()
    evals = bundle.evals or Evals()
    if named in evals.suites and not Path(named).is_file():
        suite, folder = evals.suites[named], bundle.folder or Path()
    elif Path(named).is_file():
        suite, folder = Suite(Path(named).stem, (str(Path(named).absolute()),)), Path()
    else:
        known = (
            nearest(named, evals.suites)
            if evals.suites
            else "Declare it in aver.yaml under evals: suites:, or give a file."
        )
        raise InvalidInput(f"{named[:80]!r} is neither a suite of the bundle nor a file", known)
    if target is not None:
        suite = replace(suite, target=TARGET.read(parse_yaml(target, "--target")))
    if scorers:
        suite = replace(suite, scorers=tuple(map(_scorer, scorers)))
    if user is not None or groups:
        suite = replace(suite, user=user or suite.user, groups=tuple(groups))
    return suite, evals, folder


def _scorer(text: str) -> Declared:
    from aver.evals.scorers.registry import DeclaredScorer

    return DeclaredScorer().read(parse_yaml(text, "--scorer"))
