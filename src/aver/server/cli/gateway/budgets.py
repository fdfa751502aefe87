"""``aver gateway budgets``: what of each budget is spent, set aside, lost."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from aver.server.cli.gateway.money import dollars
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import console, print_json, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.gateway.budgets import Spending

__all__ = ["budgets"]

_AMOUNTS = ("limit", "used", "reserved", "abandoned")


def budgets(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Show each budget's period with its limit and what of it is used, reserved and abandoned.

    Reserved is held by running processes for calls under way and to come. Abandoned was held by processes that died: nobody can know what
    their calls cost, so it counts as spent until the period ends.
    """
    from aver.gateway.budgets import spending

    with Session.of(context).application() as application:
        found = spending(application.tenant(tenant).grants, application.clock.now())
    if as_json:
        print_json({"budgets": [_document(each) for each in found]})
    elif found:
        rows = [(each.budget, each.period, _whose(each.value), *_amounts(each)) for each in found]
        table(("budget", "period", "of", *_AMOUNTS, "left"), rows)
    else:
        console().print("Nothing has been spent under a budget yet.")


def _whose(value: str) -> str:
    """Ids of keys and tenants say themselves what they are."""
    kind, _, name = value.partition(":")
    return {"tenant": "everybody", "key": name}.get(kind, value)


def _left(spending: Spending) -> int:
    return max(0, spending.limit - spending.used - spending.reserved - spending.abandoned)


def _amounts(spending: Spending) -> list[str]:
    amounts = [*(getattr(spending, name) for name in _AMOUNTS), _left(spending)]
    if spending.unit == "usd":
        return [dollars(amount) for amount in amounts]
    return [f"{amounts[0]:,} {spending.unit}", *(f"{amount:,}" for amount in amounts[1:])]


def _document(spending: Spending) -> dict[str, Any]:
    """Amounts in requests, tokens or nano-dollars, as ``unit`` says."""
    unit = "nano_usd" if spending.unit == "usd" else spending.unit
    return {**asdict(spending), "unit": unit, "left": _left(spending)}
