"""What was looked at, judged: pure. Each check gives what departs, or nothing."""

from __future__ import annotations

from typing import Literal, get_args

from aver.ops.types import Departure, Severity

__all__ = [
    "SIGNALS",
    "HealthSignal",
    "of_clock",
    "of_disk",
    "of_index",
    "of_provider",
    "of_records",
    "of_source",
    "of_store",
    "reserve_size",
]

HealthSignal = Literal["store", "records", "disk", "clock", "index", "source", "provider"]
"""``store`` is a database that is gone, ``records`` one that takes nothing, ``provider`` a model that is left alone because it fails."""
SIGNALS: tuple[HealthSignal, ...] = get_args(HealthSignal)

_MB = 2**20
_LOW = 256 * _MB
_SHARE = 10
"""A disk is short, and a reserve at most as large, at a part of one in so many where that is less."""
_AHEAD = 60.0
"""Seconds that records may lie ahead of the clock: replicas' clocks differ by less."""
_MISSED, _FAILED = 3, 1.5
"""How many times its schedule a source may be behind: where nothing is known to be wrong with it, and where its last run failed."""
_GRACE = 15.0
"""Seconds that a run may take, and wait for others."""


def reserve_size(wanted_mb: int, total: int) -> int:
    """Bytes to keep on a disk of ``total`` bytes for when it is full."""
    return min(wanted_mb * _MB, total // _SHARE)


def of_disk(free: int, total: int, unwritable: str = "", given_up: int = 0) -> Departure | None:
    """``unwritable`` is why nothing can be written, if that was found; ``given_up`` are bytes that are free only because the reserve is."""
    if not unwritable and free - given_up >= min(_LOW, total // _SHARE):
        return None
    figures = {"free_mb": round(free / _MB, 1), "total_mb": round(total / _MB, 1)}
    why = unwritable or f"{free / _MB:,.0f} MB of {total / _MB:,.0f} are free"
    return _departure("disk", f"the disk of the data is short: {why}", figures=figures)


def of_store(problem: str) -> Departure | None:
    return _departure("store", f"the database cannot be used: {problem}") if problem else None


def of_records(problem: str) -> Departure | None:
    return _departure("records", f"nothing can be recorded: {problem}") if problem else None


def of_provider(model: str, provider: str) -> Departure:
    said = f"the model {model} of {provider} fails, and is left alone for a while"
    return _departure("provider", said, "ticket", (("model", model),))


def of_clock(offset: float, ahead: float) -> Departure | None:
    """``offset`` is by how many seconds the clock is ahead of what has passed, ``ahead`` by how many the newest record is ahead of the clock."""
    if offset:
        way = "forward" if offset > 0 else "back"
        said = f"the clock jumped {way} by {abs(offset):,.1f} s, and is not followed"
        return _departure("clock", said, figures={"offset_s": round(offset, 1)})
    if ahead > _AHEAD:
        said = f"the newest record is {ahead:,.0f} s ahead of the clock"
        return _departure("clock", said, figures={"ahead_s": round(ahead, 1)})
    return None


def of_index(problem: str) -> Departure | None:
    return _departure("index", f"the index is damaged: {problem}") if problem else None


def of_source(name: str, lag: float, every: float, problem: str) -> Departure | None:
    """``every`` is how often the source is followed, 0 for only when asked; ``lag`` how long changes may have gone unseen while it could be; ``problem`` why its
    last run failed."""
    if not every:
        return None
    due = (_FAILED if problem else _MISSED) * every + _GRACE
    if lag <= due:
        return None
    why = "its runs fail" if problem else "it is not followed"
    said = f"the source {name} is {lag:,.0f} s behind, of {every:,.0f} at most: {why}"
    return _departure("source", said, "ticket", (("source", name),), {"lag_s": round(lag, 1), "every_s": every})


def _departure(
    signal: HealthSignal,
    said: str,
    severity: Severity = "page",
    labels: tuple[tuple[str, str], ...] = (),
    figures: dict[str, float] | None = None,
) -> Departure:
    return Departure(f"health:{signal}", severity, labels, said[:300], figures=figures or {})
