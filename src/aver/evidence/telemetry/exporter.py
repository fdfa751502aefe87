"""What hands telemetry over to a receiver, by the OpenTelemetry protocol over HTTP.

Nothing waits for it: what comes in is queued, what does not fit the queue is counted and let go, and so is what the receiver refuses.
Which failures are tried again, and when, is the protocol's (https://opentelemetry.io/docs/specs/otlp/#failures).
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from aver.core.clock import Clock
from aver.core.settings import TelemetrySettings
from aver.evidence.telemetry import otlp
from aver.evidence.telemetry.meter import Measured
from aver.evidence.telemetry.names import Attributes, translator
from aver.evidence.telemetry.traces import now_of
from aver.evidence.telemetry.types import Event, Signal, Span

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

__all__ = ["Exporter"]

_MOST = 8192
"""Items that wait at most; of those before them a batch is being sent."""
_BATCH = 512
_LINGER = 1.0
"""Seconds that items are waited for, so that they travel together."""
_TRANSIENT = frozenset({429, 502, 503, 504})
_PATIENCE = 60.0
"""Seconds of waiting after which a batch is given up."""
_CONNECT, _READ = 5.0, 10.0
_CONTENT_TYPES = {"protobuf": "application/x-protobuf", "json": "application/json"}

_log = logging.getLogger(__name__)


class Exporter:
    """Sends from a thread of its own, which begins with the first item. ``measured`` is asked for all measurements every ``interval``
    seconds; ``dropped`` is told of what was let go, by tenant and signal."""

    def __init__(
        self,
        settings: TelemetrySettings,
        resource: Attributes,
        clock: Clock,
        measured: Callable[[], Measured],
        dropped: Callable[[str, Signal, int], None],
    ) -> None:
        self._settings = settings
        self._resource = resource
        self._version = str(resource.get("service.version", ""))
        self._clock = clock
        self._began = now_of(clock)
        self._measured = measured
        self._dropped = dropped
        self._translate = translator(settings.conventions)
        self._queue: deque[Span | Event] = deque()
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._patience = _PATIENCE
        self._thread: threading.Thread | None = None
        self._pool: PoolManager | None = None
        self._failing = False

    def put(self, items: Iterable[Span | Event]) -> None:
        """Send these when it can be done. Does not wait."""
        wanted = self._settings.signals
        given = [each for each in items if ("traces" if isinstance(each, Span) else "logs") in wanted]
        with self._lock:
            room = max(0, _MOST - len(self._queue))
            self._queue.extend(given[:room])
        self._let_go(given[room:])
        if given or "metrics" in wanted:
            self._begin()
            self._woken.set()

    def close(self, seconds: float = 5.0) -> None:
        """Send what waits, and the measurements, for at most about ``seconds``; then let the rest go."""
        self._patience = 0.0
        self._closing.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._lock:
            left = list(self._queue)
            self._queue.clear()
        self._let_go(left)
        if self._pool is not None:
            self._pool.clear()

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="aver-telemetry-sender", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        due = self._clock.monotonic() + self._settings.interval
        while not self._closing.is_set():
            self._woken.wait(max(0.0, due - self._clock.monotonic()) if "metrics" in self._settings.signals else None)
            self._closing.wait(_LINGER if len(self._queue) < _BATCH else 0)
            self._woken.clear()
            self._send_queued()
            if self._clock.monotonic() >= due:
                self._send_metrics()
                due = self._clock.monotonic() + self._settings.interval
        self._send_queued()
        self._send_metrics()

    def _send_queued(self) -> None:
        while True:
            with self._lock:
                batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
            if not batch:
                return
            common = (self._resource, self._version, self._translate)
            spans = [each for each in batch if isinstance(each, Span)]
            events = [each for each in batch if isinstance(each, Event)]
            if spans and not self._send("traces", otlp.traces(spans, *common)):
                self._let_go(spans)
            if events and not self._send("logs", otlp.logs(events, *common)):
                self._let_go(events)

    def _send_metrics(self) -> None:
        measured = self._measured()
        if measured and "metrics" in self._settings.signals:
            between = (self._began, now_of(self._clock))
            # The next time tells the same and more: one that is lost takes nothing with it.
            self._send("metrics", otlp.metrics(measured, between, self._resource, self._version, self._translate))

    def _send(self, signal: Signal, tree: otlp.Tree) -> bool:
        """Whether the receiver has taken it, with a warning in the log the first time that it does not."""
        body = otlp.encoded(signal, tree, self._settings.protocol)
        waited, pause = 0.0, 1.0
        while True:
            status, after, problem = self._post(signal, body)
            if not problem:
                if self._failing:
                    _log.info("telemetry is taken again")
                self._failing = False
                return True
            if not self._failing:
                _log.warning("telemetry is not taken", extra={"signal": signal, "status": status, "error": problem})
            self._failing = True
            pause = after if after is not None else pause
            if status not in (0, *_TRANSIENT) or waited + pause > self._patience:
                return False
            self._closing.wait(pause)
            waited, pause = waited + pause, pause * 2

    def _post(self, signal: Signal, body: bytes) -> tuple[int, float | None, str]:
        """The status (0 where there was none), the seconds that the receiver wants to be left alone, and what was wrong, if anything."""
        from urllib3.exceptions import HTTPError

        headers = {"Content-Type": _CONTENT_TYPES[self._settings.protocol], **dict(self._settings.headers)}
        try:
            answer: BaseHTTPResponse = self._connections().request(
                "POST", f"{self._settings.endpoint}/v1/{signal}", body=body, headers=headers, redirect=False
            )
        except HTTPError as error:
            return 0, None, type(error).__name__
        if answer.status >= 300:  # a redirection would carry the headers elsewhere
            after = answer.headers.get("Retry-After", "")
            return answer.status, float(after) if after.isdecimal() and len(after) < 6 else None, "refused"
        if self._settings.protocol == "protobuf" and (refused := otlp.rejected(answer.data)):
            _log.warning("telemetry is taken in part", extra={"signal": signal, "failed": refused})
        return answer.status, None, ""

    def _connections(self) -> PoolManager:
        if self._pool is None:
            from urllib3 import PoolManager, Timeout

            self._pool = PoolManager(retries=False, timeout=Timeout(connect=_CONNECT, read=_READ))
        return self._pool

    def _let_go(self, items: Iterable[Span | Event]) -> None:
        counted = Counter((each.tenant, "traces" if isinstance(each, Span) else "logs") for each in items)
        for (tenant, signal), number in counted.items():
            self._dropped(tenant, "traces" if signal == "traces" else "logs", number)
