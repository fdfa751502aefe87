"""What ``bench/guardrails.py`` measured, as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["tables"]

Row = Mapping[str, Any]


def tables(result: Row) -> Iterator[str]:
    """Lines; of the parts that were measured."""
    for name, table in _TABLES.items():
        if name in result:
            yield from table(result[name])
            yield ""


def _pii(told: Row) -> Iterator[str]:
    yield f"{'personal data':24}{'labelled':>9}{'found':>7}{'P':>7}{'R':>7}  {'95 % of R':>12}{'F2':>7}"
    for kind, row in told["kinds"].items():
        yield (
            f"{kind:24}{row['labelled']:>9}{row['predicted']:>7}{row['precision']:>7.3f}{row['recall']:>7.3f}"
            f"  {_between(row['recall_interval']):>12}{row['f2']:>7.3f}"
        )
    for name, row in (
        ("any kind", told),
        ("with the shipped weights", told.get("shipped")),
        ("Presidio", told.get("presidio")),
    ):
        if row is not None:
            between = _between(row["recall_interval"]) if "recall_interval" in row else ""
            yield f"{name:24}{'':16}{row['precision']:>7.3f}{row['recall']:>7.3f}  {between:>12}{row['f2']:>7.3f}"
    yield f"{told['ms_per_doc']:.2f} ms a document"


def _clean(told: Row) -> Iterator[str]:
    yield f"{'personal data in clean texts':32}{'words':>9}{'in 1,000':>10}{'checked numbers':>17}"
    for name, row in told.items():
        yield f"{name:32}{row['words']:>9}{row['found_per_1000']:>10.2f}{row['numbers_found']:>17}"


def _secrets(told: Row) -> Iterator[str]:
    yield f"{'secrets in clean texts':32}{'characters':>11}{'found':>7}"
    for name, row in told.items():
        yield f"{name:32}{row['characters']:>11}{row['found']:>7}"


def _latency(told: Row) -> Iterator[str]:
    yield f"{'all checks over':24}{'p50 ms':>9}{'p95 ms':>9}{'CPU p95':>9}"
    for size in ("1 KB", "10 KB", "100 KB"):
        row = told[size]
        yield f"{size:24}{row['p50_ms']:>9.2f}{row['p95_ms']:>9.2f}{row['cpu_p95_ms']:>9.2f}"
    alone = ", ".join(f"{name} {ms:.2f}" for name, ms in told["p50_ms_alone"].items())
    yield f"100 KB takes {told['time_of_100_over_1']} times 1 KB; 1 KB alone, p50 in ms: {alone}"


def _shares(title: str, share: str) -> Any:
    def table(told: Row) -> Iterator[str]:
        yield f"{title:24}{'texts':>7}{'share':>7}  {'95 %':>12}"
        for name, row in told.items():
            yield f"{name:24}{row['texts']:>7}{row[share]:>7.3f}  {_between(row['interval']):>12}"

    return table


def _wrapped(told: Row) -> Iterator[str]:
    dresses = list(next(iter(told.values()), {}))
    yield f"{'found in each dress':24}" + "".join(f"{dress[:9]:>10}" for dress in dresses)
    for name, row in told.items():
        yield f"{name:24}" + "".join(f"{row[dress]:>10.2f}" for dress in dresses)


def _between(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{low:.3f}-{high:.3f}"


_TABLES: Mapping[str, Any] = {
    "pii": _pii,
    "clean": _clean,
    "secrets": _secrets,
    "latency": _latency,
    "injection": _shares("attacks found", "tpr_at_1pct_fpr"),
    "overblock": _shares("harmless texts blocked", "blocked"),
    "injection_wrapped": _wrapped,
}
