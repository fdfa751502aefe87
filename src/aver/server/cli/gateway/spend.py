"""``aver gateway spend``: what calls cost, read from their evidence."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import VerificationFailed
from aver.server.cli.gateway.money import dollars
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import console, print_json, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aver.gateway.prices.ledger import Posting, Total

__all__ = ["spend"]


class By(StrEnum):
    """What amounts are added up by."""

    MODEL = "model"
    PROVIDER = "provider"
    FEATURE = "feature"
    USER = "user"
    ROUTE = "route"
    DAY = "day"


_NOBODY = {By.FEATURE: "direct", By.USER: "(erased)", By.ROUTE: "(none)", By.MODEL: "(none)"}
"""What people read where nothing is on record."""
_DAY = ["%Y-%m-%d"]


def spend(
    context: typer.Context,
    tenant: TenantName,
    by: Annotated[list[By], typer.Option(help="What to add up by; repeat it for combinations.")] = [By.MODEL],  # noqa: B006 - Typer copies it
    since: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="DAY", help="From this day of UTC on, as in 2026-01-31.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="DAY", help="Up to this day, included.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add up what a tenant's calls cost: each amount is a debit of a feature and a credit of a provider.

    Everything is read from evidence. Debits and credits balance, or the exit code is 4.
    """
    from aver.gateway.prices.ledger import is_balanced, postings, totals

    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        services.outbox.settle()
        made = postings(services.ledger.of_kind("called"))
    found = [each for each in made if _within(each, since, until)]
    if not is_balanced(found):
        raise VerificationFailed("Debits and credits do not balance", f"Run: aver evidence verify --tenant {tenant}")
    rows = totals(found, *(each.value for each in by))
    debits = sum(each.debit for each in found)
    if as_json:
        listed = [_document(by, row) for row in rows]
        print_json(
            {"totals": listed, "debits": debits, "credits": sum(each.credit for each in found), "balanced": True}
        )
    elif rows:
        _print(by, rows)
        console().print(f"\n{dollars(debits)} of debits and {dollars(debits)} of credits balance.")
    else:
        console().print("No call is on record.")


def _within(posting: Posting, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or posting.day >= since.date()) and (until is None or posting.day <= until.date())


def _document(by: Sequence[By], total: Total) -> dict[str, Any]:
    amounts = asdict(total)
    del amounts["key"]
    return {**dict(zip(by, total.key, strict=True)), **amounts}


def _print(by: Sequence[By], rows: Sequence[Total]) -> None:
    table((*by, "calls", "input", "cached", "output", "cost"), [_row(by, row) for row in rows])


def _row(by: Sequence[By], total: Total) -> list[str]:
    names = [name or _NOBODY.get(each, "") for each, name in zip(by, total.key, strict=True)]
    counts = (total.calls, total.input_tokens, total.cached_tokens, total.output_tokens)
    return [*names, *(f"{count:,}" for count in counts), dollars(total.nano_usd)]
