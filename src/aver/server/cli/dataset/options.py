"""What several of the commands take, and how they read pairs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated

import typer

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest

__all__ = ["ASKER", "CaseFileArgument", "Labellers", "OptionalTenant", "Out", "among", "pairs"]

ASKER = "evaluation"
"""Who asks where a case names nobody."""
CaseFileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A set: JSON Lines, YAML, JSON or CSV.")]
OptionalTenant = Annotated[
    str | None, typer.Option("--tenant", "-t", metavar="TENANT", help="The tenant, by name or id.")
]
Out = Annotated[Path, typer.Option(metavar="FILE", help="A new file: JSON Lines, or CSV by its ending.")]
Labellers = Annotated[
    int, typer.Option("--labellers", min=1, max=20, metavar="N", help="How many must say the same to settle a case.")
]


def among(given: Iterable[str], words: Collection[str], what: str) -> list[str]:
    """What was given, of a vocabulary. Raises :class:`InvalidInput` for another word."""
    for each in given:
        if each not in words:
            raise InvalidInput(f"{each[:60]!r} is no {what}", nearest(each, words))
    return list(given)


def pairs(given: Iterable[str], what: str) -> dict[str, str]:
    """``NAME=VALUE`` options as a mapping. Raises :class:`InvalidInput` for what is no pair, and for a name given twice."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name or not value or name in found:
            raise InvalidInput(f"{each[:60]!r} is no {what}", "Write NAME=VALUE, each name once.")
        found[name] = value
    return found
