"""Alerts of one tenant: fired once, however many look and however often, and resolved once; each on record in the transaction that makes it so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Protocol

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from aver.core.clock import Clock, rfc3339
from aver.core.errors import InvalidInput, NotFound
from aver.core.ids import new_id
from aver.evidence import Draft, Ledger
from aver.ops import store as tables
from aver.ops.alerts.rows import alert_of, alerts_of, recorded, silences_at, values_of
from aver.ops.alerts.types import Alert, Changes, Silence
from aver.ops.types import Departure
from aver.store import TenantStore

__all__ = ["AlertDesk", "Opener", "is_silenced"]

_QUIET = timedelta(minutes=5)
"""For how long a departure has to be gone before its alert is resolved: one that comes and goes is one alert."""
_STALE = timedelta(seconds=30)
"""For how long nothing is written of an alert that only still stands."""
_PART = 500
"""Alerts that are written in one transaction."""
_LONGEST = timedelta(days=90)
_WORDS = frozenset({"rule", "severity", "feature", "model", "key", "tool", "source", "objective", "mitigation"})


class Opener(Protocol):
    """What incidents do with alerts (:class:`aver.ops.incidents.desk.IncidentDesk`), in the alerts' own transaction."""

    def attach(self, tx: Connection, fired: Sequence[Alert], now: datetime) -> list[Alert]:
        """The alerts, each with the incident that it opened or belongs to, if any."""
        ...

    def relieve(self, tx: Connection, resolved: Sequence[Alert], now: datetime) -> None:
        """Say that these are over of incidents of which no alert stands any more."""
        ...


class AlertDesk:
    """Blocking, thread-safe."""

    def __init__(self, store: TenantStore, ledger: Ledger, clock: Clock, opener: Opener | None = None) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._opener = opener

    def look(self, departures: Iterable[Departure]) -> Changes:
        """Fire what departs and has no alert yet; resolve what has been back for five minutes. Many are taken in parts, so that turns wait for none of it."""
        now = self._clock.now()
        found = {each.fingerprint: each for each in departures}
        with self._store.read() as tx:
            of = tables.alerts.c
            rows = tx.execute(select(of.fingerprint, of.seen).where(of.resolved == ""))
            seen = {row.fingerprint: datetime.fromisoformat(row.seen) for row in rows}
        due = [key for key in found if key not in seen or not timedelta() <= now - seen[key] < _STALE]
        gone = [key for key, moment in seen.items() if key not in found and not timedelta() <= now - moment < _QUIET]
        fired, resolved = list[Alert](), list[Alert]()
        for part in _parts([*due, *gone]):
            # One writer at a time: whoever comes second reads what the first has fired.
            with self._store.begin() as tx:
                standing = _standing(tx, part)
                fresh = [found[key] for key in part if key in found and key not in standing]
                fired += self._fire(tx, fresh, now)
                self._still(tx, standing, found, now)
                resolved += self._resolve(tx, [each for key, each in standing.items() if key not in found], now)
        return Changes(tuple(fired), tuple(resolved))

    def alerts(self, *, standing: bool = True, most: int = 0) -> list[Alert]:
        """Those that stand, oldest first; or all there ever were, newest first."""
        with self._store.read() as tx:
            return alerts_of(tx, standing=standing, most=most)

    def silences(self) -> list[Silence]:
        """Those that hold now."""
        with self._store.read() as tx:
            return silences_at(tx, self._clock.now())

    def silence(self, matches: dict[str, str], lasting: timedelta, *, by: str, reason: str) -> Silence:
        """Tell nobody of alerts whose labels all match, for a while. Raises :class:`~aver.core.errors.InvalidInput` for what matches everything by mistake."""
        unknown = sorted(matches.keys() - _WORDS)
        if not matches or unknown:
            what = f"{unknown[0][:60]!r} is no label" if unknown else "It says of no label what it has to be"
            raise InvalidInput(what, f"Say it of {', '.join(sorted(_WORDS))}, as in severity=ticket.")
        if not timedelta() < lasting <= _LONGEST:
            raise InvalidInput("A silence lasts up to 90 days", "Say how long, as in 2h.")
        if not reason.strip() or len(reason) > 500:
            raise InvalidInput("A silence has a reason of up to 500 characters", "Say why.")
        now = self._clock.now()
        found = Silence(new_id("silence"), dict(matches), now, now + lasting)
        values = {"id": found.id, "matches": orjson.dumps(found.matches).decode()}
        facts = {"event": "silenced", "silence": found.id, "seconds": lasting.total_seconds()}
        body = {"matches": dict(matches), "by": by, "reason": reason}
        with self._store.begin() as tx:
            moments = {"since": rfc3339(found.since), "until": rfc3339(found.until)}
            tx.execute(insert(tables.silences), values | moments)
            self._ledger.append_all(tx, [Draft(found.id, "alerted", None, facts, body)])
        return found

    def unsilence(self, silence: str, *, by: str) -> None:
        """End a silence before its time; :class:`~aver.core.errors.NotFound` when there is none such."""
        with self._store.begin() as tx:
            if not tx.execute(delete(tables.silences).where(tables.silences.c.id == silence)).rowcount:
                raise NotFound("There is no such silence", "See which there are: aver alerts silences")
            facts = {"event": "unsilenced", "silence": silence}
            self._ledger.append_all(tx, [Draft(silence, "alerted", None, facts, {"by": by})])

    def _fire(self, tx: Connection, fresh: Sequence[Departure], now: datetime) -> list[Alert]:
        if not fresh:
            return []
        made = [
            Alert(
                new_id("alert"),
                each.rule,
                each.severity,
                dict(each.labels),
                each.said,
                each.figures,
                min(each.began or now, now),
                now,
                now,
            )
            for each in fresh
        ]
        fired = self._opener.attach(tx, made, now) if self._opener else made
        rows = [values_of(alert, each.fingerprint) for alert, each in zip(fired, fresh, strict=True)]
        tx.execute(insert(tables.alerts), rows)
        self._ledger.append_all(tx, [recorded(alert, "fired") for alert in fired])
        return fired

    def _still(self, tx: Connection, standing: dict[str, Alert], found: dict[str, Departure], now: datetime) -> None:
        """Note that alerts still stand, seldom; and, where the clock was put back, that they did not in the future."""
        rows = []
        for key, alert in standing.items():
            if key in found and not timedelta() <= now - alert.seen < _STALE:
                each = found[key]
                figures = orjson.dumps(dict(each.figures)).decode()
                rows.append({"row": alert.id, "now": rfc3339(now), "what": each.said, "numbers": figures})
            elif alert.seen > now:
                figures = orjson.dumps(dict(alert.figures)).decode()
                rows.append({"row": alert.id, "now": rfc3339(now), "what": alert.said, "numbers": figures})
        if rows:
            change = update(tables.alerts).where(tables.alerts.c.id == bindparam("row"))
            change = change.values(seen=bindparam("now"), said=bindparam("what"), figures=bindparam("numbers"))
            tx.execute(change, rows)

    def _resolve(self, tx: Connection, gone: Sequence[Alert], now: datetime) -> list[Alert]:
        resolved = [replace(each, resolved=now) for each in gone if now - each.seen >= _QUIET]
        if resolved:
            change = update(tables.alerts).where(tables.alerts.c.id == bindparam("row")).values(resolved=rfc3339(now))
            tx.execute(change, [{"row": each.id} for each in resolved])
            self._ledger.append_all(tx, [recorded(each, "resolved") for each in resolved])
            if self._opener:
                self._opener.relieve(tx, resolved, now)
        return resolved


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _PART] for start in range(0, len(keys), _PART))


def _standing(tx: Connection, keys: Sequence[str]) -> dict[str, Alert]:
    of = tables.alerts.c
    rows = tx.execute(select(tables.alerts).where(of.fingerprint.in_(keys), of.resolved == ""))
    return {row.fingerprint: alert_of(row) for row in rows}


def is_silenced(alert: Alert, silences: Iterable[Silence]) -> bool:
    """Whether one of the silences matches."""
    known = alert.known
    return any(
        all(fnmatchcase(known.get(name, ""), pattern) for name, pattern in each.matches.items()) for each in silences
    )
