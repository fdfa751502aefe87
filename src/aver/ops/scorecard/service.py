"""The scorecard of one tenant: every figure held against what is asked of it and against the period before."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import select

from aver.core.clock import Clock, rfc3339
from aver.core.errors import InvalidInput
from aver.evidence import Ledger
from aver.evidence.clear import clear_turns
from aver.ops import store as tables
from aver.ops.book import Book
from aver.ops.measuring import turn_sums
from aver.ops.scorecard.declaration import ScorecardConfig
from aver.ops.scorecard.definitions import KPIS
from aver.ops.scorecard.sheet import Sheet, read_sheet
from aver.ops.scorecard.types import (
    Figure,
    Kept,
    Kpi,
    Lack,
    Measured,
    Occurred,
    Point,
    Scorecard,
    Standing,
    Stretch,
    Trend,
    Wanted,
)
from aver.ops.types import ObjectivesConfig
from aver.store import TenantStore

__all__ = ["Scorecards", "period_of", "standing_of", "trend_of"]

_SPAN = re.compile(r"([0-9]{1,4})(h|d|w|y)")
_SIZES = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1), "y": timedelta(days=365)}
_LONGEST = timedelta(days=731)
_MONTH = timedelta(days=30)
_QUALITY = frozenset({"anomaly:unsupported", "anomaly:refusals", "anomaly:retrieval", "anomaly:failures"})
"""Signals that tell of what is answered."""
_UNSUPPORTED = frozenset({"anomaly:unsupported"})


def period_of(text: str) -> timedelta:
    """A period as people type it: 24h, 30d, 4w, 1y. Raises :class:`~aver.core.errors.InvalidInput` for what is none, or shorter than an hour or longer
    than two years."""
    found = _SPAN.fullmatch(text)
    length = int(found[1]) * _SIZES[found[2]] if found else timedelta()
    if not timedelta(hours=1) <= length <= _LONGEST:
        raise InvalidInput(f"{text[:20]!r} is no period", "Write 24h, 30d, 4w or 1y: an hour to two years.")
    return length


class Scorecards:
    """Blocking, thread-safe. ``kept`` gives what stands beside evidence, ``config`` what is declared."""

    def __init__(
        self,
        store: TenantStore,
        ledger: Ledger,
        clock: Clock,
        config: Callable[[], ScorecardConfig],
        objectives: Callable[[], ObjectivesConfig],
        kept: Callable[[], Kept],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._config = config
        self._objectives = objectives
        self._kept = kept
        self._book = Book()

    def read(self, wanted: Wanted = Wanted()) -> Scorecard:  # noqa: B008 - it is frozen
        """As far as evidence was counted; :meth:`aver.ops.service.Operations.read` counts on."""
        now, config = self._clock.now(), self._config()
        kept = self._whole(now - 2 * wanted.period - timedelta(days=1))
        with self._store.read() as tx:
            sheet = read_sheet(tx, self._book, wanted, now, kept)
        figures = tuple(_figure(kpi, sheet, config.target(kpi)) for kpi in KPIS)
        since = sheet.whole.since
        marks = tuple((each.at, each.digest) for each in kept.exposures if each.whole and since <= each.at <= now)
        features = tuple(sorted({*sheet.features, *kept.features}))
        return Scorecard(self._store.tenant.name, wanted, since, now, figures, marks, features, sheet.releases)

    def _whole(self, since: datetime) -> Kept:
        """What stands beside evidence, with the incidents from a moment on."""
        return replace(self._kept(), incidents=tuple(self._incidents(since)))

    def _incidents(self, since: datetime) -> list[Occurred]:
        of = tables.incidents.c
        wanted = (of.id, of.origin, of.rule, of.feature, of.began, of.detected, of.mitigated)
        with self._store.read() as tx:
            rows = tx.execute(select(*wanted).where(of.detected >= rfc3339(since)).order_by(of.detected)).all()
        rules = self._rules()
        reported = self._unsupported([row.id for row in rows if row.origin == "report"])
        found = []
        for row in rows:
            detected = datetime.fromisoformat(row.detected)
            mitigated = datetime.fromisoformat(row.mitigated) if row.mitigated else None
            after_effect = max((detected - datetime.fromisoformat(row.began)).total_seconds(), 0.0)
            indicator = rules.get(row.rule, "")
            unsupported = row.rule in _UNSUPPORTED or indicator == "groundedness" or row.id in reported
            quality = unsupported or row.rule in _QUALITY or indicator in ("task_success", "availability")
            found.append(
                Occurred(
                    row.feature,
                    detected,
                    after_effect if row.origin == "alert" else None,
                    None if mitigated is None else max((mitigated - detected).total_seconds(), 0.0),
                    quality,
                    unsupported,
                )
            )
        return found

    def _rules(self) -> Mapping[str, str]:
        """By the rule of an alert, the indicator of its objective."""
        return {f"burn:{name}": each.indicator for name, each in self._objectives().slos.items()}

    def _unsupported(self, incidents: list[str]) -> frozenset[str]:
        """Of incidents that report a turn, those whose turn claims what nothing supports."""
        turns = {
            incident: str(turn)
            for incident, steps in self._ledger.turns(incidents).items()
            if (turn := next((step.body["turn"] for step in steps if step.body and step.body.get("turn")), None))
        }
        steps = clear_turns(self._store, turns.values())
        bad = {turn for turn, each in steps.items() if turn_sums(each)[1].get("unsupported", 0) > 0}
        return frozenset(incident for incident, turn in turns.items() if turn in bad)


def standing_of(kpi: Kpi, found: Measured | Lack, target: float | None) -> Standing:
    """How a figure stands to its target: by the whole of its interval, where chance has a part in it."""
    if isinstance(found, Lack):
        return "no data"
    if target is None:
        return "no target"
    low, high = (found.value, found.value) if found.method == "counted" else (found.low, found.high)
    if low is None or high is None:
        return "undecided"
    met, missed = (low >= target, high < target) if kpi.better == "more" else (high <= target, low > target)
    return "met" if met else "missed" if missed else "undecided"


def trend_of(kpi: Kpi, now: Measured | Lack, before: Measured | Lack) -> tuple[float | None, Trend]:
    """The change since the period before, and what is certain of it: the interval of a difference is made of those of its two ends (Zou and Donner,
    "Construction of confidence limits about effect measures", 2008)."""
    if isinstance(now, Lack) or isinstance(before, Lack):
        return None, "unknown"
    change = now.value - before.value
    ends = [(each.value, each.value) if each.method == "counted" else (each.low, each.high) for each in (now, before)]
    if any(low is None or high is None for low, high in ends):
        return change, "unknown"
    (low, high), (low_before, high_before) = ends
    assert low is not None
    assert high is not None
    assert low_before is not None
    assert high_before is not None
    least = change - math.hypot(now.value - low, high_before - before.value)
    most = change + math.hypot(high - now.value, before.value - low_before)
    if least <= 0 <= most:
        return change, "steady"
    return change, "better" if (change > 0) == (kpi.better == "more") else "worse"


def _figure(kpi: Kpi, sheet: Sheet, target: float | None) -> Figure:
    whole, wanted = sheet.whole, sheet.whole.wanted
    found = kpi.measure(whole)
    if target is not None and kpi.monthly:
        target *= wanted.period / _MONTH
    known = not kpi.now and not (kpi.monthly and sheet.began > sheet.before.since)
    before = kpi.measure(sheet.before) if known else Lack("nothing was counted of the whole of that period", "")
    change, trend = trend_of(kpi, found, before)
    asked = {name for name in ("feature", "release") if getattr(wanted, name)}
    return Figure(
        kpi,
        found,
        target,
        standing_of(kpi, found, target),
        before.value if isinstance(before, Measured) else None,
        change,
        trend,
        () if kpi.now else tuple(_series(kpi, sheet)),
        _address(kpi, whole),
        asked <= kpi.by,
    )


def _series(kpi: Kpi, sheet: Sheet) -> Iterator[Point]:
    whole = sheet.parts[0].until - sheet.parts[0].since
    for part in sheet.parts:
        begun = kpi.grows and part.until - part.since < whole
        yield Point(part.since, None) if begun else _point(kpi.measure(part), part)


def _point(found: Measured | Lack, part: Stretch) -> Point:
    if isinstance(found, Lack):
        return Point(part.since, None)
    return Point(part.since, found.value, found.low, found.high, found.n)


def _address(kpi: Kpi, stretch: Stretch) -> str:
    """Of the turns behind a figure, or of another page that has what is."""
    if kpi.door != "/turns":
        return kpi.door
    wanted = stretch.wanted
    query = {"feature": wanted.feature, "release": wanted.release, **kpi.ask}
    query |= {"since": rfc3339(stretch.since), "until": rfc3339(stretch.until)}
    return f"{kpi.door}?{urlencode({name: value for name, value in query.items() if value})}"
