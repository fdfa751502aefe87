"""What a bundle declares of checks, shown by ``aver gateway check``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aver.server.cli.output import table

if TYPE_CHECKING:
    from rich.console import Console

    from aver.guard import Guardrails
    from aver.guard.declared import Places

__all__ = ["guarded", "print_guardrails"]


def guarded(declared: Guardrails) -> dict[str, Any]:
    """As it is written in a bundle, short forms spelled out no further."""
    from aver.guard import GUARDRAILS

    return GUARDRAILS.write(declared)


def print_guardrails(out: Console, declared: Guardrails) -> None:
    """A line for each check in each place, those of single tenants last; nothing where none is declared."""
    rows = [*_rows(declared.places), *(row for name, own in declared.tenants.items() for row in _rows(own, name))]
    if rows:
        out.print()
        table(("checked", "by", "mode", "deadline", "if it fails", "only", "tenant"), rows)


def _rows(places: Places, tenant: str = "all") -> Iterator[tuple[str, ...]]:
    for place, checks in places.items():
        for name, each in checks.items():
            kinds = ", ".join(each.kinds)
            yield place, name, each.mode, f"{each.deadline:g} s", each.failing, kinds, tenant
