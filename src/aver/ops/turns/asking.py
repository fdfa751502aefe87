"""Filters as addresses, commands and programs write them: words in, typed filters out, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from aver.core.clock import rfc3339
from aver.core.errors import InvalidInput
from aver.gateway.config.units import duration
from aver.ops.incidents.moments import moment_of
from aver.ops.turns.types import OUTCOMES, SORTS, Filters, Sort

__all__ = ["FEEDBACK", "TEXTS", "read_filters", "write_filters"]

TEXTS = (
    "feature",
    "release",
    "arm",
    "outcome",
    "model",
    "provider",
    "tool",
    "key",
    "source",
    "check",
    "feedback",
    "incident",
    "turn",
)
"""The filters that hold a name."""
FEEDBACK: tuple[Literal["good", "bad"], ...] = ("good", "bad")
_MARKS = ("unsupported", "denied")
_WORDS: Mapping[str, tuple[str, ...]] = {"outcome": OUTCOMES, "feedback": FEEDBACK, "sort": SORTS}
_LONGEST = 200
_DIGEST = re.compile(r"[A-Za-z0-9._:/+-]+")
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


def read_filters(given: Mapping[str, str], now: datetime) -> Filters:
    """What is asked for by these words; other names are somebody else's. Raises :class:`~aver.core.errors.InvalidInput` for a value that there cannot be, naming
    those that there are."""
    found: dict[str, Any] = {}
    for name in TEXTS:
        if value := given.get(name, "").strip():
            found[name] = _text(name, value)
    for name in _MARKS:
        if value := given.get(name, ""):
            if value not in ("0", "1", "true", "false"):
                raise InvalidInput(f"{name}={value[:40]!r} is neither yes nor no", f"Write {name}=1, or leave it out.")
            found[name] = value in ("1", "true")
    for name in ("since", "until"):
        if value := given.get(name, "").strip():
            found[name] = _moment(name, value, now)
    sort = cast(Sort, _text("sort", given.get("sort", "") or "newest"))
    return Filters(**found, sort=sort, after=given.get("after", ""))


def write_filters(filters: Filters) -> dict[str, str]:
    """The words that :func:`read_filters` reads so, without the place of the page."""
    found = {name: getattr(filters, name) for name in TEXTS if getattr(filters, name)}
    found |= {name: "1" for name in _MARKS if getattr(filters, name)}
    found |= {name: rfc3339(at) for name in ("since", "until") if (at := getattr(filters, name)) is not None}
    return found | ({} if filters.sort == "newest" else {"sort": filters.sort})


def _text(name: str, value: str) -> str:
    if name in _WORDS and value not in _WORDS[name]:
        raise InvalidInput(f"{name}={value[:40]!r} is nothing that there is", f"There is {', '.join(_WORDS[name])}.")
    if len(value) > _LONGEST or not value.isprintable():
        raise InvalidInput(f"The {name} that is asked for is no name", f"Use 1 to {_LONGEST} printable characters.")
    if name == "release" and not _DIGEST.fullmatch(value):
        raise InvalidInput(f"{value[:40]!r} is no release", "Write its digest, or how that begins.")
    return value


def _moment(name: str, value: str, now: datetime) -> datetime:
    try:
        found = now - timedelta(seconds=duration(value))
    except (ValueError, OverflowError):
        try:
            found = moment_of(value.replace(" ", "+"))  # a plus that was not escaped
        except (InvalidInput, OverflowError):
            raise InvalidInput(
                f"{name}={value[:40]!r} is no moment",
                "Write it as 2026-01-31T10:00:00Z, or as a span such as 24h or 7d.",
            ) from None
    return min(max(found, _EARLIEST), _LATEST)
