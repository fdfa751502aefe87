"""``aver gateway prices``: what models cost, since when, and who says so."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import NotFound
from aver.core.yaml import nearest
from aver.server.cli.gateway.bundle import BundleOption, located, price_book
from aver.server.cli.gateway.money import per_million, rates_document
from aver.server.cli.options import AsJson
from aver.server.cli.output import console, print_json, printable, table

if TYPE_CHECKING:
    from aver.gateway.config.types import GatewayConfig
    from aver.gateway.prices.book import PriceBook
    from aver.gateway.prices.types import Price

__all__ = ["prices"]


def prices(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="Every price of this model, old ones too; without it, today's of all."),
    ] = None,
    bundle: BundleOption = None,
    as_json: AsJson = False,
) -> None:
    """List what models cost, in US dollars per million tokens, and which of the bundle's models have no price.

    A prices.yaml beside the bundle's aver.yaml goes before the book that comes with Aver.
    """
    from aver.gateway.config.read import read_bundle
    from aver.gateway.config.types import GatewayConfig
    from aver.gateway.prices.book import price_of

    file = located(context, bundle)
    config = read_bundle(file) if bundle or file.is_file() else GatewayConfig()
    book = price_book(file)
    lines = _of(model, config, book) if model else [found for name in book.models() if (found := book.price(name))]
    unpriced = [name for name, each in config.models.items() if price_of(each, book) is None]
    if as_json:
        listed = [rates_document(line) for line in lines]
        print_json({"version": book.version, "prices": listed, "unpriced": unpriced})
    else:
        _print(lines, unpriced, fully=model is not None)


def _of(name: str, config: GatewayConfig, book: PriceBook) -> list[Price]:
    """By the bundle's name for a model, or the book's."""
    from aver.gateway.prices.book import price_of

    model = config.models.get(name)
    if model and model.rates and (declared := price_of(model, book)):
        return [declared]
    found = book.lines(book.canonical(model.price if model else name))
    if not found:
        step = "Write its price in aver.yaml." if model else nearest(name, [*book.models(), *config.models])
        raise NotFound(f"Nobody knows a price of {name!r}", step)
    return [*found]


def _print(lines: list[Price], unpriced: list[str], *, fully: bool) -> None:
    table(("model", "since", "input", "output", "cached", "source", "checked"), [_row(line, fully) for line in lines])
    out = console()
    for line in lines if fully else ():
        for over, rates in line.tiers:
            place = f"{printable(line.model)}, calls of over {over:,} input tokens"
            out.print(f"{place}: input {per_million(rates.input)}, output {per_million(rates.output)}", markup=False)
    unchecked = sum(not line.checked for line in lines)
    if unchecked:
        out.print(
            f"\n{unchecked} of {len(lines)} were not compared with their source: check them before you bill by them."
        )
    for name in unpriced:
        out.print(f"no price is known of the bundle's model {printable(name)}", style="yellow", markup=False)


def _row(price: Price, fully: bool) -> tuple[str, ...]:
    rates = price.rates
    source = price.source.removeprefix("https://")
    since = "" if price.since == date.min else price.since.isoformat()
    amounts = map(per_million, (rates.input, rates.output, rates.cached))
    return price.model, since, *amounts, source if fully else source.partition("/")[0], "yes" if price.checked else "no"
