"""Alerts while they cannot be written: kept in memory, told on the same routes and on standard error, and left to the desk once it can write again."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aver.core.clock import Clock
from aver.core.errors import AverError
from aver.core.ids import new_id
from aver.ops.alerts.telling import Send
from aver.ops.alerts.types import Alert, Message
from aver.ops.types import Departure, Route
from aver.store import Tenant

__all__ = ["Standby"]

_AGAIN = timedelta(seconds=30)
"""After which a route that did not answer is tried again."""
_log = logging.getLogger("aver.alerts")


@dataclass
class _Standing:
    alert: Alert
    told: set[str] = field(default_factory=set)
    tried: dict[str, datetime] = field(default_factory=dict)


class Standby:
    """One tenant's, in one process. Blocking; used by one thread at a time."""

    def __init__(self, tenant: Tenant, clock: Clock, send: Send) -> None:
        self._tenant = tenant
        self._clock = clock
        self._send = send
        self._standing: dict[str, _Standing] = {}

    def tell(self, departures: Iterable[Departure], routes: Sequence[Route]) -> list[Alert]:
        """Tell each route of what departs and it was not told of yet; the alerts that are fresh. A route that does not answer is tried again."""
        now, fresh = self._clock.now(), []
        for each in departures:
            if each.fingerprint not in self._standing:
                began = min(each.began or now, now)
                alert = Alert(
                    new_id("alert"),
                    each.rule,
                    each.severity,
                    dict(each.labels),
                    each.said,
                    each.figures,
                    began,
                    now,
                    now,
                )
                self._standing[each.fingerprint] = _Standing(alert)
                fresh.append(alert)
                said = {"tenant": self._tenant.id, "alert": alert.id, "rule": alert.rule, "severity": alert.severity}
                _log.error("an alert has fired and cannot be written: %s", alert.said, extra=said)
        for route in routes:
            self._tell(route, now)
        return fresh

    def forget(self) -> None:
        """What departs is on record again, and told from there."""
        self._standing.clear()

    def _tell(self, route: Route, now: datetime) -> None:
        waiting = [
            each
            for each in self._standing.values()
            if route.name not in each.told
            and each.alert.severity in route.severity
            and (not route.features or each.alert.labels.get("feature") in route.features)
            and now - each.tried.get(route.name, now - _AGAIN) >= _AGAIN
        ]
        if not waiting:
            return
        alerts = tuple(each.alert for each in waiting)
        names = (_digest(route.name, *(alert.id for alert in alerts)), _digest(route.name, self._tenant.id, "standby"))
        severity = min((alert.severity for alert in alerts), key=("page", "ticket", "notice").index)
        message = Message(
            f"message_{names[0]}",
            f"thread_{names[1]}",
            "firing",
            severity,
            self._tenant.name,
            now,
            len(alerts),
            0,
            alerts,
        )
        try:
            self._send(route, message)
        except AverError as error:
            for each in waiting:
                each.tried[route.name] = now
            _log.error(
                "an alert could not be told", extra={"route": route.name, "error": error.slug, "cause": error.cause}
            )
            return
        for each in waiting:
            each.told.add(route.name)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
