"""``aver gateway replay``: past calls decided again, as they were made and as another bundle would have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.server.cli.gateway.bundle import located, price_book
from aver.server.cli.gateway.money import dollars
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import console, print_json, printable, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aver.evidence import Step
    from aver.gateway.calls import CallRecord
    from aver.gateway.config.types import GatewayConfig
    from aver.gateway.replay import Past, Summary

__all__ = ["replay"]

_OTHER = (
    "unanswered",
    "moved",
    "unpriced",
    "cost_before",
    "cost_after",
    "expected_before",
    "expected_after",
    "success_before",
    "success_after",
)


def replay(
    context: typer.Context,
    tenant: TenantName,
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Another bundle: what would it have done with the same calls?")
    ] = None,
    then: Annotated[
        list[Path],
        typer.Option(
            metavar="DIR", help="A bundle that calls were made under and that is in force no more; repeat it."
        ),
    ] = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Decide recorded calls again: that the record explains each decision, and what another bundle would have decided.

    A call succeeded when the model that was asked first gave a whole answer. How often it would elsewhere is an estimate with its 95 %
    interval, and inconclusive where the other bundle does what was never tried.
    """
    from aver.gateway.config.read import read_bundle
    from aver.gateway.replay import replay as decided_again
    from aver.gateway.replay import summary

    own = located(context, None)
    earlier = [read_bundle(each) for each in ([own] if bundle is None or own.is_file() else []) + then]
    config = read_bundle(bundle) if bundle else earlier[0]
    book = price_book(located(context, bundle))
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        services.outbox.settle()
        calls = _past(services.ledger.of_kind("called"), services.store.tenant.id)
        found = summary(decided_again(calls, config, book, {each.digest: each for each in earlier}))
    if as_json:
        print_json({"configuration": config.digest, **_document(found, other=bundle is not None)})
        return
    _print(found)
    if bundle:
        _compare(found, config, bundle)


def _past(steps: Iterable[Step], tenant: str) -> Iterator[Past]:
    """Without calls of people who were erased: their records are gone."""
    from dataclasses import replace

    from aver.gateway.replay import past_call

    for step in steps:
        past = past_call(step, tenant)
        if past is not None:
            yield replace(past, reward=_success(past.record))


def _success(record: CallRecord) -> float | None:
    if not record.attempts:
        return None
    first = record.attempts[0]
    return float(first.outcome == "ok" and first.finish in (None, "stop", "tool_calls"))


def _print(found: Summary) -> None:
    out = console()
    if not found.calls:
        out.print("No call is on record.")
        return
    cached = f"; {found.cached:,} asked no model" if found.cached else ""
    out.print(f"{found.reproduced:,} of {found.calls:,} decisions come out again as they were recorded{cached}.")
    for call, why in found.mismatches:
        out.print(f"- {printable(call)}: {printable(why)}", markup=False)


def _compare(found: Summary, config: GatewayConfig, bundle: Path) -> None:
    out = console()
    out.print(f"\nUnder {printable(str(bundle))}, configuration {config.digest[:16]}:", markup=False)
    out.print(f"{found.moved:,} calls would have asked another model first.")
    for count, what in ((found.unanswered, "cannot be asked about"), (found.unpriced, "have no price there")):
        if count:
            out.print(f"{count:,} calls {what}, and are left out.")
    rows = [("cost", dollars(found.cost_before), dollars(found.cost_after))]
    if found.expected_before is not None and found.expected_after is not None:
        rows.append(("first token, expected", f"{found.expected_before:.0f} ms", f"{found.expected_after:.0f} ms"))
    estimate = found.success_after
    if estimate is not None:
        interval = f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
        rows.append(("success", f"{found.success_before:.1%}", "inconclusive" if estimate.inconclusive else interval))
    table(("", "as made", "there"), rows)
    if estimate is not None and estimate.inconclusive:
        out.print(f"inconclusive: {printable(estimate.inconclusive)}", style="yellow", markup=False)


def _document(found: Summary, *, other: bool) -> dict[str, Any]:
    """Costs in nano-dollars, times in milliseconds."""
    document: dict[str, Any] = {name: getattr(found, name) for name in ("calls", "reproduced", "cached")}
    document["mismatches"] = [{"call": call, "why": why} for call, why in found.mismatches]
    if other:
        document["other"] = {name: getattr(found, name) for name in _OTHER}
    return document
