"""Who is told of alerts, in messages of a group each: what was told and what stands are held beside each other, and what differs is told.

Nothing is queued, so nothing queued can be lost. Whoever sends a message first claims its group; dies that process, the claim runs out, and the same message is sent
under the same id, by which those who can tell that they have it already.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, insert, select, update

from aver.core.clock import Clock, rfc3339
from aver.core.errors import AverError
from aver.evidence import Draft, Ledger
from aver.ops import store as tables
from aver.ops.alerts.desk import is_silenced
from aver.ops.alerts.rows import alert_of, alerts_of, silences_at
from aver.ops.alerts.types import Alert, Message
from aver.ops.types import Route
from aver.store import TenantStore

__all__ = ["Send", "Teller"]

_log = logging.getLogger("aver.alerts")
_MOST_GROUPS = 20
"""Groups of fresh alerts of one route that are told apart. More is a storm, which is told in one message."""
_MOST_ALERTS = 20
_STORM = "*"
_CLAIM = timedelta(seconds=60)
_PATIENCE = (5, 900)
"""Seconds after the first failure, doubled each time, and at most."""
_GRAVITY = ("page", "ticket", "notice")
_FORGOTTEN = timedelta(days=1)

Send = Callable[[Route, Message], None]
"""Raises :class:`~aver.core.errors.AverError` where the message may not have come through."""


@dataclass(frozen=True, slots=True)
class _Due:
    route: Route
    key: str
    message: Message
    told: tuple[str, ...]
    """The ids of the alerts that are told as standing once it is sent."""


class Teller:
    """One tenant's. Blocking, thread-safe."""

    def __init__(self, store: TenantStore, ledger: Ledger, clock: Clock, send: Send) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._send = send

    def tell(self, routes: Iterable[Route]) -> list[Message]:
        """Send what is due on each route; what was sent. What fails is tried again later, for as long as it stands."""
        sent = []
        for due in self._claim(list(routes)):
            try:
                self._send(due.route, due.message)
            except AverError as error:
                self._failed(due, error)
            else:
                self._sent(due)
                sent.append(due.message)
        return sent

    def problems(self) -> dict[str, str]:
        """By route, what keeps its last message from being sent."""
        with self._store.read() as tx:
            rows = tx.execute(select(tables.groups).where(tables.groups.c.failures > 0))
            return {row.route: row.problem for row in rows}

    def _claim(self, routes: Sequence[Route]) -> list[_Due]:
        now = self._clock.now()
        with self._store.read() as tx:
            if not routes or not (alerts_of(tx, most=1) or tx.execute(select(tables.groups).limit(1)).first()):
                return []
        with self._store.begin() as tx:
            silences = silences_at(tx, now)
            standing = [each for each in alerts_of(tx) if not is_silenced(each, silences)]
            found = [due for route in routes for due in self._due(tx, route, standing, now)]
            self._forget(tx, now)
        return found

    def _due(self, tx: Connection, route: Route, standing: Sequence[Alert], now: datetime) -> Iterator[_Due]:
        rows = {row.key: row for row in tx.execute(select(tables.groups).where(tables.groups.c.route == route.name))}
        told: dict[str, str] = {alert: key for key, row in rows.items() for alert in orjson.loads(row.told)}
        groups = _grouped(route, standing, told)
        for key in sorted({*groups, *(key for key, row in rows.items() if row.told != "[]" or row.since)}):
            alerts, row = groups.get(key, []), rows.get(key)
            before = set(orjson.loads(row.told)) if row else set[str]()
            gone = self._resolved(tx, before - {each.id for each in alerts})
            changed = bool({each.id for each in alerts} - before or gone)
            claimed = self._claim_one(tx, route, key, row, now, changed=changed, standing=bool(alerts))
            if claimed is not None:
                message = self._message(route, key, alerts, gone, now, claimed)
                yield _Due(route, key, message, tuple(each.id for each in alerts))

    def _claim_one(
        self,
        tx: Connection,
        route: Route,
        key: str,
        row: Row[Any] | None,
        now: datetime,
        *,
        changed: bool,
        standing: bool,
    ) -> int | None:
        """The number of the message, where one is due and nobody else has claimed it."""
        since, sent, claimed = (_moment(getattr(row, name, ""), now) for name in ("since", "sent", "claimed"))
        told = row is not None and row.told != "[]"
        if changed and since is None:
            since = now
        values: dict[str, Any] = {"since": rfc3339(since) if changed and since else ""}
        if told and not changed and not standing:  # silenced since: nothing to say, and nothing is told as standing
            values["told"] = "[]"
        due = False
        if changed and since:
            due = now - since >= timedelta(seconds=route.wait) and not (
                told and sent and now - sent < timedelta(seconds=route.interval)
            )
        elif told and standing and sent:
            due = now - sent >= timedelta(seconds=route.repeat)
        if claimed and now < claimed:
            due = False
        if due:
            values["claimed"] = rfc3339(now + _CLAIM)
        if row is None:
            blank = {"told": "[]", "sent": "", "number": 0, "claimed": "", "failures": 0, "problem": ""}
            tx.execute(insert(tables.groups), {"route": route.name, "key": key, **blank, **values})
        elif any(getattr(row, name) != value for name, value in values.items()):
            tx.execute(update(tables.groups).where(*_mine(route.name, key)).values(**values))
        return (row.number if row else 0) if due else None

    def _resolved(self, tx: Connection, ids: Iterable[str]) -> list[Alert]:
        """Those of these that are resolved; others are silenced, or the route has come to leave them out."""
        wanted, found = sorted(ids), list[Alert]()
        of = tables.alerts.c
        for start in range(0, len(wanted), 500):
            query = select(tables.alerts).where(of.id.in_(wanted[start : start + 500]), of.resolved != "")
            found += [alert_of(row) for row in tx.execute(query)]
        return found

    def _message(
        self, route: Route, key: str, alerts: Sequence[Alert], gone: Sequence[Alert], now: datetime, number: int
    ) -> Message:
        tenant = self._store.tenant
        gravest = sorted(alerts or gone, key=lambda each: (_GRAVITY.index(each.severity), each.fired, each.id))
        # An id is of what is told, and how often it was before: tried again, it stays.
        what: list[object] = [
            tenant.id,
            route.name,
            key,
            number,
            max((each.id for each in (*alerts, *gone)), default=""),
        ]
        group: dict[str, str] = {} if key == _STORM else dict(zip(route.group, orjson.loads(key), strict=False))
        return Message(
            f"message_{_digest(what)}",
            f"thread_{_digest(what[:3])}",
            "firing" if alerts else "resolved",
            gravest[0].severity,
            tenant.name,
            now,
            len(alerts),
            len(gone),
            tuple(gravest[:_MOST_ALERTS]),
            group,
        )

    def _sent(self, due: _Due) -> None:
        now, of = self._clock.now(), tables.groups.c
        facts = {
            "event": "told",
            "route": due.route.name,
            "message": due.message.id,
            "status": due.message.status,
            "standing": due.message.standing,
            "gone": due.message.gone,
        }
        values: dict[str, Any] = {
            "told": orjson.dumps(due.told).decode(),
            "sent": rfc3339(now),
            "number": of.number + 1,
        }
        values |= {"claimed": "", "since": "", "failures": 0, "problem": ""}
        with self._store.begin() as tx:
            tx.execute(update(tables.groups).where(*_mine(due.route.name, due.key)).values(**values))
            self._ledger.append_all(tx, [Draft(due.message.id, "alerted", None, facts, {"title": due.message.title})])

    def _failed(self, due: _Due, error: AverError) -> None:
        said = {"route": due.route.name, "error": error.slug, "cause": error.cause}
        _log.error("an alert could not be told", extra=said)
        now, mine = self._clock.now(), _mine(due.route.name, due.key)
        with self._store.begin() as tx:
            failures = (tx.scalar(select(tables.groups.c.failures).where(*mine)) or 0) + 1
            again = min(_PATIENCE[0] * 2 ** min(failures - 1, 10), _PATIENCE[1])
            values = {
                "failures": failures,
                "problem": error.cause[:500],
                "claimed": rfc3339(now + timedelta(seconds=again)),
            }
            tx.execute(update(tables.groups).where(*mine).values(**values))

    def _forget(self, tx: Connection, now: datetime) -> None:
        of = tables.groups.c
        tx.execute(delete(tables.groups).where(of.told == "[]", of.since == "", of.sent < rfc3339(now - _FORGOTTEN)))


def _grouped(route: Route, standing: Sequence[Alert], told: Mapping[str, str]) -> dict[str, list[Alert]]:
    """The alerts of a route by their group: that in which they were told, or else that of their labels, unless there is a storm."""
    groups: dict[str, list[Alert]] = {}
    fresh: dict[str, list[Alert]] = {}
    for alert in standing:
        if alert.severity not in route.severity:
            continue
        if route.features and alert.labels.get("feature") not in route.features:
            continue
        if alert.id in told:
            groups.setdefault(told[alert.id], []).append(alert)
        else:
            key = orjson.dumps([alert.known.get(name, "") for name in route.group]).decode()
            fresh.setdefault(key, []).append(alert)
    storm = len(fresh) > _MOST_GROUPS
    for key, alerts in fresh.items():
        groups.setdefault(_STORM if storm else key, []).extend(alerts)
    return groups


def _moment(text: str | None, now: datetime) -> datetime | None:
    """A moment that was written down. One that lies further ahead than anything is put off for is of a clock that has been put back, and is now."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found <= now + timedelta(seconds=_PATIENCE[1]) else now


def _mine(route: str, key: str) -> tuple[Any, ...]:
    return (tables.groups.c.route == route, tables.groups.c.key == key)


def _digest(what: Sequence[object]) -> str:
    return hashlib.sha256(orjson.dumps(list(what))).hexdigest()[:32]
