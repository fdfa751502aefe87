"""``aver gateway invoice``: what a provider bills beside what evidence says it was asked for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput, NotFound
from aver.server.cli.gateway.bundle import BundleOption, located, price_book
from aver.server.cli.gateway.money import dollars
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import console, print_json, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aver.gateway.prices.invoice import Columns, InvoiceLine
    from aver.gateway.prices.ledger import Posting
    from aver.gateway.prices.reconcile import Difference, Reconciliation

__all__ = ["invoice"]


class Period(StrEnum):
    """How long what is compared is."""

    MONTH = "month"
    DAY = "day"


_WORDS = {
    "agrees": "agrees",
    "drifts": "drifts",
    "only_billed": "billed, not recorded",
    "only_recorded": "recorded, not billed",
}


def invoice(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV that the provider exports: costs, or usage.")],
    tenant: TenantName,
    provider: Annotated[str, typer.Option("--provider", "-p", metavar="NAME", help="The bundle's name for it.")],
    by: Annotated[Period, typer.Option(help="Compare each month, or each day.")] = Period.MONTH,
    bundle: BundleOption = None,
    date_column: Annotated[
        str | None,
        typer.Option("--date", metavar="COLUMN", help="In a file that is no known export: the day's column."),
    ] = None,
    model_column: Annotated[
        str | None, typer.Option("--model", metavar="COLUMN", help="There: the model's column.")
    ] = None,
    amounts: Annotated[
        list[str], typer.Option("--amount", metavar="COLUMN", help="There: the column of dollars; repeat it to add up.")
    ] = [],  # noqa: B006 - Typer copies it
    tokens: Annotated[
        list[str], typer.Option("--tokens", metavar="COLUMN", help="There: the column of tokens; repeat it to add up.")
    ] = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Compare what a provider bills with what was recorded, model by model: how far they are apart, and on which lines.

    OpenAI's, Anthropic's and AWS's exports are known by their columns. They agree within 1 %, or within a cent.
    """
    from aver.gateway.prices.invoice import read_invoice
    from aver.gateway.prices.ledger import postings
    from aver.gateway.prices.reconcile import reconcile

    lines = read_invoice(_data(file), str(file), _columns(date_column, model_column, amounts, tokens))
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        services.outbox.settle()
        made = [each for each in postings(services.ledger.of_kind("called")) if each.provider == provider]
    within = _of_the_same_time(made, lines, by)
    found = reconcile(lines, within, by=by.value, name=_names(located(context, bundle)))
    if as_json:
        listed = [_document(each) for each in found.differences]
        print_json({"provider": provider, "agrees": found.agrees, "drift": found.drift, "models": listed})
    else:
        _print(found)


def _data(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None


def _columns(date: str | None, model: str | None, amounts: Sequence[str], tokens: Sequence[str]) -> Columns | None:
    from aver.gateway.prices.invoice import Columns

    if not (date or model or amounts or tokens):
        return None
    if not (date and model and (amounts or tokens)):
        raise InvalidInput(
            "Some of the file's columns are not named", "Give --date, --model, and --amount or --tokens."
        )
    return Columns(date, model, tuple(amounts), tuple(tokens))


def _of_the_same_time(made: list[Posting], lines: list[InvoiceLine], by: Period) -> list[Posting]:
    """What was recorded in the months, or days, that the file is about."""
    length = 7 if by is Period.MONTH else 10
    billed = {line.day.isoformat()[:length] for line in lines}
    return [each for each in made if each.day.isoformat()[:length] in billed]


def _names(file: Path) -> Callable[[str], str]:
    """One name for what the bundle, the provider and the price book each call a model."""
    from aver.gateway.config.read import read_bundle

    book = price_book(file)
    models = read_bundle(file).models if file.is_file() else {}

    def name(word: str) -> str:
        model = models.get(word)
        return book.canonical(model.price or model.id if model else word)

    return name


def _print(found: Reconciliation) -> None:
    columns = ("period", "model", "billed", "recorded", "drift", "", "verdict")
    table(columns, [_row(each) for each in found.differences])
    console().print(f"\n{_verdict(found)}")


def _verdict(found: Reconciliation) -> str:
    if found.agrees:
        return "They agree."
    if not found.drift:
        return "They do not agree."
    than = "more" if found.drift > 0 else "less"
    return f"They do not agree: in all, the provider bills {dollars(abs(found.drift))} {than} than was recorded."


def _row(each: Difference) -> tuple[str, ...]:
    if each.billed is None:
        amounts = tuple(f"{number:,} tokens" for number in (each.billed_tokens, each.recorded_tokens, each.drift))
    else:
        amounts = (dollars(each.billed), dollars(each.recorded), dollars(each.drift))
    share = each.drift_share
    return each.period, each.model, *amounts, "" if share is None else f"{share:+.1%}", _WORDS[each.verdict]


def _document(each: Difference) -> dict[str, Any]:
    """Amounts in nano-dollars."""
    share = each.drift_share
    return {
        "period": each.period,
        "model": each.model,
        "billed": each.billed,
        "recorded": each.recorded,
        "billed_tokens": each.billed_tokens,
        "recorded_tokens": each.recorded_tokens,
        "drift": each.drift,
        "drift_share": None if share is None else float(share),
        "verdict": each.verdict,
        "lines": each.lines,
    }
