"""Departures from what is usual, told from honest noise: pure, over sums of periods.

What is usual is learnt of the last six hours by the minute and of the last fourteen days by the hour, the last minutes left out. It varies by more than chance: how much more is
estimated from those slots (the method of moments for a random effect; DerSimonian and Laird, "Meta-analysis in clinical trials", 1986) and allowed for. Looks are
many, and what they look at overlaps, so a single one is given a chance of one in ten million to be wrong; beyond chance, something has to be ``times`` the usual before
anybody is told.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aver.evals.statistics.distributions import binomial_cdf, normal_quantile
from aver.evals.statistics.intervals import wilson
from aver.ops.book import HOUR, MINUTE, SLOT
from aver.ops.periods import Periods
from aver.ops.signals import SIGNALS, Signal
from aver.ops.sums import Sums, levels
from aver.ops.types import Anomalies, Departure

__all__ = ["Usual", "Watch", "level_departs", "rate_departs", "share_departs", "usual_level", "usual_share"]

_CHANCE = 1e-7
_Z = -normal_quantile(_CHANCE)
_WINDOWS: tuple[float, ...] = (30, 120, 300, HOUR)
_LEFT_OUT = 10 * MINUTE
"""Seconds before now that are not taken for usual: what just began is not."""
_LEARNT = 100
"""Events that have to be known before anything is unusual, over :data:`_SLOTS` slots."""
_SLOTS = 10
_LEAST = 5
"""Bad events, or values, that it takes."""
_POINTS = 0.05
"""By how much a share has to be above the usual, whatever chance says."""
_SPENT = 1e7
"""Nano-dollars (one cent) in five minutes below which spending is nobody's matter."""
_CALLS = 10
_FIVE = 5 * MINUTE
_DAY = 24 * HOUR
_OLD = 14 * _DAY
_FRESH = timedelta(hours=1)
"""For how long a name is new."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of a share or a level: its mean, how much a value varies, by how much the mean itself does from slot to slot, and how much is known."""

    mean: float
    deviation: float
    between: float
    n: float


def usual_share(slots: Sequence[tuple[float, float]]) -> Usual | None:
    """Of a share, from how many were bad and how many there were, slot by slot; ``None`` where too little is known."""
    n = sum(of for _, of in slots)
    if n < _LEARNT or len(slots) < _SLOTS:
        return None
    mean = sum(bad for bad, _ in slots) / n
    held = (sum(bad for bad, _ in slots) + 0.5) / (n + 1)
    between = _between([(bad / of, held * (1 - held) / of) for bad, of in slots if of])
    return Usual(mean, math.sqrt(held * (1 - held)), between, n)


def usual_level(slots: Sequence[tuple[float, float, float]]) -> Usual | None:
    """Of a level, from the number, the mean and the deviation of logarithms, slot by slot."""
    n = sum(count for count, _, _ in slots)
    if n < _LEARNT or len(slots) < _SLOTS:
        return None
    mean = sum(count * each for count, each, _ in slots) / n
    variance = sum(count * (spread**2 + (each - mean) ** 2) for count, each, spread in slots) / n
    between = _between([(each, variance / count) for count, each, _ in slots if count])
    return Usual(mean, math.sqrt(variance), between, n)


def _between(slots: Sequence[tuple[float, float]]) -> float:
    """The deviation of means from slot to slot beyond that of chance, from each slot's mean and its variance by chance."""
    weights = [1 / max(variance, 1e-12) for _, variance in slots]
    whole = sum(weights)
    centre = sum(weight * mean for weight, (mean, _) in zip(weights, slots, strict=True)) / whole
    q = sum(weight * (mean - centre) ** 2 for weight, (mean, _) in zip(weights, slots, strict=True))
    scale = whole - sum(weight**2 for weight in weights) / whole
    return math.sqrt(max(q - (len(slots) - 1), 0) / scale) if scale > 0 else 0.0


def share_departs(usual: Usual, bad: float, of: float, times: float) -> bool:
    """Whether ``bad`` of ``of`` events are more than chance and the usual ups and downs make of the usual share."""
    if bad < _LEAST or of <= 0 or bad / of < max(times * usual.mean, usual.mean + _POINTS):
        return False
    share = min(wilson(usual.mean, usual.n, 0.99)[1] + 3 * usual.between, 1.0)
    whole = round(of)
    return share < 1 and 1 - binomial_cdf(min(math.floor(bad), whole) - 1, whole, share) < _CHANCE


def level_departs(usual: Usual, n: float, mean: float, times: float) -> bool:
    """Whether the mean of ``n`` logarithms is more than that."""
    if n < _LEAST or mean - usual.mean < math.log(times):
        return False
    error = math.sqrt(usual.deviation**2 * (1 / n + 1 / usual.n) + usual.between**2)
    return mean - usual.mean > _Z * error


def rate_departs(spent: float, calls: float, before: Sequence[float], times: float) -> bool:
    """Whether so much spent in five minutes is beyond what other five minutes came to, on a logarithmic scale: beyond ``times`` the most of them, and beyond the median
    by five deviations, as the median of absolute deviations estimates them."""
    if spent < _SPENT or calls < _CALLS or len(before) < 2 * _SLOTS or spent < times * max(before):
        return False
    logs = [math.log(each) for each in before]
    middle = statistics.median(logs)
    spread = 1.4826 * statistics.median(abs(each - middle) for each in logs)
    return math.log(spent) > middle + 5 * max(spread, 0.2)


class Watch:
    """The anomalies of one tenant at each look. What is usual is worked out once a minute."""

    def __init__(self, periods: Periods) -> None:
        self._periods = periods
        self._usual: dict[tuple[str, str], Usual | Sequence[float] | None] = {}
        self._learnt = -1

    def look(self, config: Anomalies) -> list[Departure]:
        """What departs from the usual now."""
        if not config.watch:
            return []
        minute = int(self._periods.now.timestamp()) // MINUTE
        if minute != self._learnt:
            self._usual, self._learnt = {}, minute
        found: list[Departure] = []
        for name, signal in SIGNALS.items():
            if name not in config.leave_out:
                found += self._of(name, signal, config.times)
        return found

    def _of(self, name: str, signal: Signal, times: float) -> Iterator[Departure]:
        for kind in signal.series:
            for series in self._periods.names(kind):
                figures = self._departs(name, signal, series, times)
                if figures is not None:
                    yield self._departure(name, signal, series, figures)

    def _departs(self, name: str, signal: Signal, series: str, times: float) -> dict[str, float] | None:
        if signal.kind == "new":
            return self._is_new(series)
        if not self._periods.over(series, _WINDOWS[-1]):
            return None
        usual = self._usual_of(name, signal, series)
        if usual is None:
            return None
        if not isinstance(usual, Usual):
            return self._spends(series, usual, times)
        return self._unusual(signal, series, usual, times)

    def _unusual(self, signal: Signal, series: str, usual: Usual, times: float) -> dict[str, float] | None:
        for seconds in _WINDOWS:
            sums = self._periods.over(series, seconds)
            if signal.kind == "share":
                bad, of = sums.get(signal.bad, 0), sums.get(signal.of, 0)
                if share_departs(usual, bad, of, times):
                    return {"now": round(bad / of, 4), "usual": round(usual.mean, 4), "seconds": seconds, "events": of}
            else:
                n, mean, _ = levels(sums, signal.bad)
                if level_departs(usual, n, mean, times):
                    more = {"now": round(math.exp(mean), 4), "usual": round(math.exp(usual.mean), 4)}
                    return {**more, "seconds": seconds, "events": n}
        return None

    def _usual_of(self, name: str, signal: Signal, series: str) -> Usual | Sequence[float] | None:
        key = (name, series)
        if key not in self._usual:
            self._usual[key] = self._learn(signal, series)
        return self._usual[key]

    def _learn(self, signal: Signal, series: str) -> Usual | Sequence[float] | None:
        if signal.kind == "rate":
            return self._spending(series)
        slots = list(self._before(series))
        if signal.kind == "share":
            counted = [(sums.get(signal.bad, 0), sums.get(signal.of, 0)) for sums in slots]
            return usual_share([each for each in counted if each[1]])
        return usual_level([each for each in (levels(sums, signal.bad) for sums in slots) if each[0]])

    def _before(self, series: str) -> Iterator[Sums]:
        """The hours of the last fourteen days, then the minutes since, up to what is left out."""
        clock = int(self._periods.now.timestamp())
        seam = (clock - 6 * HOUR) // HOUR * HOUR + HOUR
        for start, sums in self._periods.slots(series, "h"):
            if clock - _OLD <= start < seam:
                yield sums
        for start, sums in self._periods.slots(series, "m"):
            if seam <= start < clock - _LEFT_OUT:
                yield sums

    def _spending(self, series: str) -> Sequence[float]:
        """What five minutes came to: in the last six hours, and at this time of day before, by the hour."""
        clock, several = int(self._periods.now.timestamp()), dict[int, float]()
        for start, sums in self._periods.slots(series, "m"):
            if start < clock - _LEFT_OUT:
                several[start // _FIVE] = several.get(start // _FIVE, 0) + sums.get("spent", 0)
        days = [
            sums.get("spent", 0) * _FIVE / HOUR
            for start, sums in self._periods.slots(series, "h")
            if start < clock - 20 * HOUR and (start - clock + 2 * HOUR) % _DAY <= 3 * HOUR
        ]
        return [each for each in (*several.values(), *days) if each > 0]

    def _spends(self, series: str, before: Sequence[float], times: float) -> dict[str, float] | None:
        now = self._periods.over(series, _FIVE - SLOT)
        spent, calls = now.get("spent", 0), now.get("calls", 0)
        if not rate_departs(spent, calls, before, times):
            return None
        usual = statistics.median(before)
        return {"now": round(spent / 1e9, 6), "usual": round(usual / 1e9, 6), "seconds": _FIVE, "events": calls}

    def _is_new(self, series: str) -> dict[str, float] | None:
        """Whether a name was first seen within the hour, more than a day after anything was."""
        first, beginning = self._periods.first(series), self._periods.beginning
        if beginning is None or first - beginning < timedelta(days=1) or self._periods.now - first > _FRESH:
            return None
        return {}

    def _began(self, signal: Signal, series: str, figures: Mapping[str, float]) -> datetime:
        """The first ten seconds of the window that shows it that were more like what is now than like the usual."""
        since = self._periods.now.timestamp() - figures["seconds"]
        edge = (figures["now"] + figures["usual"]) / 2

        def bad(sums: Sums) -> bool:
            if signal.kind == "share":
                return sums.get(signal.bad, 0) > edge * sums.get(signal.of, 0)
            n, mean, _ = levels(sums, signal.bad)
            return n > 0 and math.exp(mean) > edge

        moment = since if signal.kind == "rate" else self._periods.began(series, bad, since // SLOT * SLOT)
        return datetime.fromtimestamp(moment, UTC)

    def _departure(self, name: str, signal: Signal, series: str, figures: Mapping[str, float]) -> Departure:
        kind, _, label = series.partition(":")
        labels = (("feature" if kind == "spender" else kind, label),)
        began = self._began(signal, series, figures) if figures else self._periods.first(series)
        said = f"{name.replace('_', ' ')}: {signal.said} ({' '.join(f'{each}' for each in labels[0])}){_compared(signal, figures)}"
        return Departure(f"anomaly:{name}", signal.severity, labels, said, began, figures)


_AMOUNTS: Mapping[str, Callable[[float], str]] = {
    "latency": lambda ms: f"{ms / 1000:.3g} s",
    "tokens": lambda count: f"{count:,.0f}",
    "cost": lambda nano: f"${nano / 1e9:.3g}",
}
"""How the mean of a turn is told, by what it is of: milliseconds, tokens, nano-dollars."""


def _compared(signal: Signal, figures: Mapping[str, float]) -> str:
    if not figures:
        return ""
    now, usual = figures["now"], figures["usual"]
    if signal.kind == "share":
        return f", {now * 100:.3g} % where {usual * 100:.3g} % are usual"
    if signal.kind == "rate":
        return f", ${now:.4g} in five minutes where ${usual:.4g} are usual"
    amount = _AMOUNTS[signal.bad]
    return f", {amount(now)} where {amount(usual)} are usual"
