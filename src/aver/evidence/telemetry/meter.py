"""What measurements came to, by tenant, since the process began."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from aver.evidence.telemetry.instruments import INSTRUMENTS, Instrument
from aver.evidence.telemetry.names import Attributes
from aver.evidence.telemetry.types import Points

__all__ = ["Measured", "Meter"]

_MOST = 2000
"""Series of one instrument and tenant: OpenTelemetry's default limit. What would be one more is counted under ``otel.metric.overflow``."""

Key = tuple[str | bool, ...]
Measured = list[tuple[Instrument, list[Points]]]


@dataclass(slots=True)
class _Series:
    total: float = 0.0
    counts: list[int] = field(default_factory=list)


class Meter:
    """Thread-safe."""

    def __init__(self) -> None:
        self._tenants: dict[str, dict[str, dict[Key, _Series]]] = {}
        self._lock = threading.Lock()

    def add(self, tenant: str, name: str, value: float, attributes: Mapping[str, object]) -> None:
        """Count ``value`` for the instrument ``name`` under those of ``attributes`` that it knows."""
        instrument = INSTRUMENTS[name]
        key: Key = tuple(str(attributes.get(each) or "") for each in instrument.attributes)
        with self._lock:
            found = self._tenants.setdefault(tenant, {}).setdefault(name, {})
            series = found.get(key)
            if series is None:
                key = key if len(found) < _MOST else _OVERFLOW
                series = found.setdefault(key, _Series(counts=[0] * (len(instrument.bounds) + 1)))
            series.total += value
            if instrument.bounds:
                series.counts[bisect_left(instrument.bounds, value)] += 1

    def of(self, tenant: str) -> Measured:
        """All of one tenant."""
        with self._lock:
            found = self._tenants.get(tenant, {})
            return [(INSTRUMENTS[name], _points(INSTRUMENTS[name], series, tenant)) for name, series in found.items()]

    def all(self) -> Measured:
        """All there is, in one list of points for each instrument."""
        found: dict[str, list[Points]] = {}
        with self._lock:
            for tenant, instruments in self._tenants.items():
                for name, series in instruments.items():
                    found.setdefault(name, []).extend(_points(INSTRUMENTS[name], series, tenant))
        return [(INSTRUMENTS[name], points) for name, points in found.items()]


_OVERFLOW: Key = (True,)


def _points(instrument: Instrument, series: Mapping[Key, _Series], tenant: str) -> list[Points]:
    points = []
    for key, each in series.items():
        named: Attributes = {"aver.tenant.name": tenant}
        if key == _OVERFLOW:
            named["otel.metric.overflow"] = True
        else:
            named |= {name: value for name, value in zip(instrument.attributes, key, strict=True) if value}
        points.append(Points(named, each.total, tuple(each.counts) if instrument.bounds else ()))
    return points
