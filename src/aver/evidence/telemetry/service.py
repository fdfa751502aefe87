"""Telemetry: a reading of evidence as it is made, for whoever watches the installation.

It is told of steps after they have committed, in clear and without content, and never the other way about: nothing in evidence depends on
it, sampling leaves out traces and no step, and what it loses is in the evidence still.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence

from aver.core.clock import Clock
from aver.core.ids import new_id
from aver.core.settings import TelemetrySettings
from aver.evidence.telemetry.exporter import Exporter
from aver.evidence.telemetry.gathering import Gathering
from aver.evidence.telemetry.meter import Measured, Meter
from aver.evidence.telemetry.names import Attributes
from aver.evidence.telemetry.types import Event, Signal, Span
from aver.evidence.types import Seen
from aver.store.types import Tenant

__all__ = ["Telemetry"]

_MOST = 65_536
"""Steps that wait to be looked at."""
_EVERY = 0.5
"""Seconds between looks."""

_log = logging.getLogger(__name__)


class Telemetry:
    """Thread-safe. Without an endpoint in ``settings`` nothing leaves, and there are measurements alone."""

    def __init__(self, settings: TelemetrySettings, clock: Clock, version: str, environment: str = "") -> None:
        self._meter = Meter()
        self._gathering = Gathering(self._meter, settings.sample, settings.wishes)
        self._waiting: deque[tuple[Tenant, Sequence[Seen]]] = deque()
        self._steps = 0
        self._queueing = threading.Lock()
        self._looking = threading.Lock()
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._broken = False
        resource: Attributes = {
            "service.name": settings.service,
            "service.version": version,
            "service.instance.id": new_id("process"),
        }
        if environment:
            resource["deployment.environment.name"] = environment
        self._exporter = (
            Exporter(settings, resource, clock, self._all, self._dropped) if settings.endpoint is not None else None
        )

    def watch(self, tenant: Tenant, seen: Sequence[Seen]) -> None:
        """Take steps that were chained: a :data:`~aver.evidence.types.Watch`. What finds no room is counted and let go."""
        with self._queueing:
            room = self._steps < _MOST
            if room:
                self._steps += len(seen)
                self._waiting.append((tenant, seen))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="aver-telemetry", daemon=True)
                self._thread.start()
        if not room:
            self._dropped(tenant.name, "traces", len(seen))
        elif not self._woken.is_set():
            self._woken.set()

    def say(self, event: Event) -> None:
        """Send a line of a log, if logs are sent."""
        if self._exporter is not None:
            self._exporter.put([event])

    def measured(self, tenant: str) -> Measured:
        """What was measured of the tenant with this name, up to now."""
        self._look()
        return self._meter.of(tenant)

    def close(self) -> None:
        """Look at what waits, and give the receiver a few seconds to take it."""
        self._closing.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
        self._look()
        if self._exporter is not None:
            with self._looking:
                self._exporter.put(self._gathering.rest())
            self._exporter.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._woken.wait()
            self._closing.wait(_EVERY)
            self._woken.clear()
            self._look()

    def _look(self) -> None:
        with self._looking:
            made: list[Span | Event] = []
            while self._waiting:
                tenant, seen = self._waiting.popleft()
                with self._queueing:
                    self._steps -= len(seen)
                for each in seen:
                    made += self._taken(tenant, each)
            if made and self._exporter is not None:
                self._exporter.put(made)

    def _taken(self, tenant: Tenant, seen: Seen) -> list[Span | Event]:
        try:
            return list(self._gathering.take(tenant, seen))
        except Exception as error:  # noqa: BLE001 - a step that cannot be read as it was meant must not end the reading
            if not self._broken:
                _log.error("a step cannot be told", extra={"error": type(error).__name__})
            self._broken = True
            self._dropped(tenant.name, "traces", 1)
            return []

    def _all(self) -> Measured:
        self._look()
        return self._meter.all()

    def _dropped(self, tenant: str, signal: Signal, number: int) -> None:
        self._meter.add(tenant, "aver.telemetry.dropped", number, {"aver.telemetry.signal": signal})
