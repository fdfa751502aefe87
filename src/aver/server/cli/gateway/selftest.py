"""``aver gateway selftest``: what the routes of a bundle survive, shown before a provider shows it."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import InvalidInput
from aver.server.cli.gateway.bundle import BundleOption, located, price_book
from aver.server.cli.options import AsJson
from aver.server.cli.output import console, print_json, printable, table
from aver.server.cli.progress import progress

if TYPE_CHECKING:
    from aver.gateway.config.types import GatewayConfig
    from aver.testing.selftest import Scorecard

__all__ = ["selftest"]


def selftest(
    context: typer.Context,
    bundle: BundleOption = None,
    route: Annotated[
        list[str] | None, typer.Option("--route", metavar="NAME", help="Test this route or model; repeat it for more.")
    ] = None,
    speed: Annotated[float, typer.Option(min=1, max=600, help="How much faster declared times pass.")] = 60,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML there too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put every provider fault to a bundle's routes, and say what callers got: the exact text, an error, or something worse.

    The providers are fake ones on this machine: no real one is called, no key is read. Without a bundle a built-in sample is tested.
    The exit code is 0 when every fault is passed.
    """
    from aver.testing.selftest import open_gateway
    from aver.testing.selftest import selftest as run

    file, config = _declared(context, bundle)
    opened = partial(open_gateway, prices=price_book(file) if file else None)
    with progress("testing", quiet=as_json) as advance:
        scorecard = asyncio.run(run(config, routes=route or (), speed=speed, opened=opened, advance=advance))
    if junit:
        _write(junit, scorecard.to_junit())
    if as_json:
        print_json({**scorecard.to_json(), "bundle": file})
    else:
        _print(scorecard, file)
    raise typer.Exit(0 if scorecard.passed else 1)


def _declared(context: typer.Context, bundle: Path | None) -> tuple[Path | None, GatewayConfig]:
    """The bundle's file and what it declares; the sample, and no file, where none was named and none is here."""
    from aver.gateway.config.read import BUNDLE_FILE, read_bundle
    from aver.testing.selftest import SAMPLE

    file = located(context, bundle)
    if bundle is None and file == Path(BUNDLE_FILE) and not file.exists():
        return None, SAMPLE
    return file, read_bundle(file)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{str(file)!r} cannot be written: {error.strerror}", "Choose another file.") from None


def _print(scorecard: Scorecard, file: Path | None) -> None:
    out = console()
    what = printable(str(file)) if file else "The built-in sample"
    routes = printable(", ".join(scorecard.targets))
    out.print(f"{what} \N{MIDDLE DOT} {routes} \N{MIDDLE DOT} {scorecard.speed:g} times as fast\n", markup=False)
    table(("fault", "result", "what was seen"), [(each.name, each.result, each.detail) for each in scorecard.findings])
    out.print("\n" + ", ".join(f"{count} {result}" for result, count in scorecard.totals.items()), style="bold")
    for each in scorecard.findings:
        if each.result != "pass":
            out.print(f"- {each.name}: {each.explanation}", markup=False)
    for note in scorecard.notes:
        out.print(f"- {printable(note)}", markup=False)
