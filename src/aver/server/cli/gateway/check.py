"""``aver gateway check``: a bundle as the gateway reads it, before a caller does."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from aver.server.cli.gateway.bundle import BundleArgument, located, price_book
from aver.server.cli.gateway.drawing import draw
from aver.server.cli.gateway.entrance import Entrance, entrances
from aver.server.cli.gateway.guardrails import guarded, print_guardrails
from aver.server.cli.gateway.money import per_million, rates_document
from aver.server.cli.gateway.warnings import warnings
from aver.server.cli.options import AsJson
from aver.server.cli.output import console, print_json, printable, table

if TYPE_CHECKING:
    from rich.console import Console

    from aver.gateway.config.types import GatewayConfig, Model, Route
    from aver.gateway.prices.types import Price

__all__ = ["check"]

_THERE = {True: "there", False: "missing", None: ""}


def check(context: typer.Context, directory: BundleArgument = None, as_json: AsJson = False) -> None:
    """Read a bundle as the gateway does, and show what it declares: providers, models, routes, budgets, guardrails.

    A mistake ends it with exit code 2 and FILE:LINE. What is merely doubtful, such as a credential that is not there, is a warning.
    Secrets in a keeper (Vault, a cloud) are asked for there; no model is called and no secret is shown.
    """
    from aver.gateway.prices.book import price_of
    from aver.server.bundle import read_whole

    file = located(context, directory)
    bundle = read_whole(file)
    config = bundle.gateway
    book = price_book(file)
    prices = {name: price_of(model, book) for name, model in config.models.items()}
    entered = entrances(config.providers.values(), os.environ)
    doubts = [*warnings(config, entered, frozenset(name for name, price in prices.items() if price is None))]
    if as_json:
        document = _document(config, entered, prices) | {"guardrails": guarded(bundle.guardrails)}
        print_json({"file": file, "digest": config.digest, **document, "warnings": doubts})
        return
    out = console()
    out.print(f"{printable(str(file))} is valid \N{MIDDLE DOT} configuration {config.digest[:16]}", markup=False)
    _print(out, config, entered, prices)
    print_guardrails(out, bundle.guardrails)
    if doubts:
        out.print("\nwarnings", style="bold yellow")
    for doubt in doubts:
        out.print(textwrap.fill(f"- {printable(doubt)}", out.width, subsequent_indent="  "), markup=False)


def _print(
    out: Console, config: GatewayConfig, entered: Mapping[str, Entrance], prices: Mapping[str, Price | None]
) -> None:
    if config.providers:
        out.print()
        rows = [
            (each.name, each.kind, each.base_url, entered[each.name].source or "none", _THERE[entered[each.name].there])
            for each in config.providers.values()
        ]
        table(("provider", "kind", "address", "credential", "now"), rows)
    if config.models:
        out.print()
        columns = ("model", "provider", "its name there", "context", "can", "in $/M", "out $/M")
        table(columns, [_model(model, prices[model.name]) for model in config.models.values()])
    for route in _outermost(config):
        out.print()
        out.print(draw(config, route))
    if config.budgets:
        from aver.gateway.config.units import limit_text

        out.print()
        limits = [
            (each.name, f"{each.per} {each.of}".rstrip(), limit_text(each.limit, each.unit), each.period)
            for each in config.budgets
        ]
        table(("budget", "per", "limit", "each"), limits)


def _model(model: Model, price: Price | None) -> tuple[str, ...]:
    can = "all" if model.capabilities is None else ", ".join(sorted(model.capabilities)) or "text"
    rates = (per_million(price.rates.input), per_million(price.rates.output)) if price else ("unknown", "unknown")
    return model.name, model.provider, model.id, "" if model.context is None else f"{model.context:,}", can, *rates


def _outermost(config: GatewayConfig) -> Iterator[Route]:
    """Routes that are part of no other; those that are, are drawn there."""
    below = {arm.target for route in config.routes.values() for arm in route.arms}
    return (route for name, route in config.routes.items() if name not in below)


def _document(
    config: GatewayConfig, entered: Mapping[str, Entrance], prices: Mapping[str, Price | None]
) -> dict[str, Any]:
    from aver.gateway.config.units import limit_text

    providers = [
        {"name": each.name, "kind": each.kind, "base_url": each.base_url, "credential": entered[each.name]}
        for each in config.providers.values()
    ]
    models = [
        {
            "name": model.name,
            "provider": model.provider,
            "id": model.id,
            "context": model.context,
            "max_output": model.max_output,
            "capabilities": model.capabilities,
            "region": model.region or None,
            "price": rates_document(prices[model.name]),
        }
        for model in config.models.values()
    ]
    budgets = [{**asdict(each), "limit": limit_text(each.limit, each.unit)} for each in config.budgets]
    return {"providers": providers, "models": models, "routes": [*config.routes.values()], "budgets": budgets}
