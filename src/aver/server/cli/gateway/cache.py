"""``aver gateway cache``: how often the cache answered, and how often it was wrong."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

import typer

from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import console, print_json, table
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.gateway.cache.counts import Report

__all__ = ["cache"]

_Z = 1.959964
"""The normal distribution's 97.5 % quantile."""


def cache(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Show how often the cache answered, by route, and how often its semantic hits were wrong; both with their 95 % intervals.

    A semantic hit is counted wrong when the answer given afresh said something else.
    """
    from aver.gateway.cache.counts import reports

    with Session.of(context).application() as application, application.tenant(tenant).store.read() as tx:
        found = reports(tx)
    if as_json:
        print_json({"caches": [_document(each) for each in found]})
    elif found:
        columns = ("route", "config", "asked", "exact", "semantic", "hit rate", "compared", "wrong")
        table(columns, [_row(each) for each in found])
        if any(each.refused for each in found):
            console().print(
                f"\n{sum(each.refused for each in found)} answers were there and not for who asked to read."
            )
    else:
        console().print("The cache was not asked yet.")


def _asked(report: Report) -> int:
    return report.misses + report.exact + report.semantic + report.shadowed + report.refused


def _hit_rate(report: Report) -> tuple[float, float, float]:
    """``(rate, low, high)``, the interval after Wilson (JASA 22, 1927): counts are large, and it costs nothing."""
    hits, asked = report.exact + report.semantic, _asked(report)
    if not asked:
        return 0.0, 0.0, 1.0
    rate, spread = hits / asked, _Z**2 / asked
    middle = (rate + spread / 2) / (1 + spread)
    half = _Z * sqrt(rate * (1 - rate) / asked + spread / (4 * asked)) / (1 + spread)
    return rate, max(0.0, middle - half), min(1.0, middle + half)


def _row(report: Report) -> tuple[str, ...]:
    rate, low, high = _hit_rate(report)
    wrong = f"{report.wrong} ({report.low:.1%} to {report.high:.1%})" if report.compared else ""
    counts = (f"{count:,}" for count in (_asked(report), report.exact, report.semantic))
    hit_rate = f"{rate:.1%} ({low:.1%} to {high:.1%})"
    return report.pool.route, report.pool.config[:8], *counts, hit_rate, f"{report.compared:,}", wrong


def _document(report: Report) -> dict[str, Any]:
    counts = report._asdict()
    low, high = counts.pop("low"), counts.pop("high")
    rate, rate_low, rate_high = _hit_rate(report)
    return {
        **counts.pop("pool")._asdict(),
        **counts,
        "asked": _asked(report),
        "hit_rate": {"value": rate, "low": rate_low, "high": rate_high},
        "wrong_rate": {"value": report.wrong / report.compared if report.compared else None, "low": low, "high": high},
    }
