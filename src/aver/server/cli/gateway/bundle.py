"""The bundle that the gateway's commands are about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.gateway.prices.book import PriceBook

__all__ = ["BundleArgument", "BundleOption", "located", "price_book"]

_HELP = "The bundle, or its aver.yaml; AVER_BUNDLE, or the current directory, by default."
BundleArgument = Annotated[Path | None, typer.Argument(metavar="DIR", help=_HELP)]
BundleOption = Annotated[Path | None, typer.Option("--bundle", metavar="DIR", help=_HELP)]


def located(context: typer.Context, directory: Path | None) -> Path:
    """The bundle's file, whether it is there or not."""
    from aver.gateway.config.read import BUNDLE_FILE
    from aver.server.configuration import load_settings

    session = Session.of(context)
    bundle = load_settings({"data": session.data, "bundle": directory}, session.config).bundle or Path()
    return bundle / BUNDLE_FILE if bundle.is_dir() else bundle


def price_book(file: Path) -> PriceBook:
    """The prices that hold for the bundle of this ``aver.yaml``."""
    from aver.core.clock import SystemClock
    from aver.server import gateways

    return gateways.price_book(file, SystemClock())
