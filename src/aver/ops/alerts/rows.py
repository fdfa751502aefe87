"""Alerts and silences as rows, and what is put on record of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from aver.core.clock import rfc3339
from aver.evidence import Draft
from aver.evidence.facts import clear_name
from aver.ops import store as tables
from aver.ops.alerts.types import Alert, Silence

__all__ = ["alert_of", "alerts_of", "recorded", "silences_at", "values_of"]

_LABELS = ("feature", "model", "key", "tool", "source", "objective", "mitigation")


def alert_of(row: Row[Any]) -> Alert:
    return Alert(
        row.id,
        row.rule,
        row.severity,
        orjson.loads(row.labels),
        row.said,
        orjson.loads(row.figures),
        datetime.fromisoformat(row.began),
        datetime.fromisoformat(row.fired),
        datetime.fromisoformat(row.seen),
        datetime.fromisoformat(row.resolved) if row.resolved else None,
        row.incident,
    )


def values_of(alert: Alert, fingerprint: str) -> dict[str, Any]:
    return {
        "id": alert.id,
        "fingerprint": fingerprint,
        "rule": alert.rule,
        "severity": alert.severity,
        "labels": orjson.dumps(dict(alert.labels), option=orjson.OPT_SORT_KEYS).decode(),
        "said": alert.said,
        "figures": orjson.dumps(dict(alert.figures)).decode(),
        "began": rfc3339(alert.began),
        "fired": rfc3339(alert.fired),
        "seen": rfc3339(alert.seen),
        "resolved": rfc3339(alert.resolved) if alert.resolved else "",
        "incident": alert.incident,
    }


def alerts_of(tx: Connection, *, standing: bool = True, most: int = 0) -> list[Alert]:
    """Those that stand, oldest first; or all, newest first, ``most`` of them."""
    of = tables.alerts.c
    if standing:
        query = select(tables.alerts).where(of.resolved == "").order_by(of.fired, of.id)
    else:
        query = select(tables.alerts).order_by(of.fired.desc(), of.id.desc())
    return [alert_of(row) for row in tx.execute(query.limit(most) if most else query)]


def silences_at(tx: Connection, now: datetime | None = None) -> list[Silence]:
    """All silences, oldest first; with ``now``, those that hold then."""
    found = [
        Silence(
            row.id,
            orjson.loads(row.matches),
            datetime.fromisoformat(row.since),
            datetime.fromisoformat(row.until),
        )
        for row in tx.execute(select(tables.silences).order_by(tables.silences.c.id))
    ]
    return [each for each in found if now is None or each.since <= now < each.until]


def recorded(alert: Alert, event: str) -> Draft:
    """The step ``alerted`` for what happened to an alert."""
    facts = {
        "alert": alert.id,
        "event": event,
        "rule": clear_name(alert.rule),
        "severity": alert.severity,
        "incident": alert.incident or None,
        **{name: clear_name(alert.labels[name]) for name in _LABELS if name in alert.labels},
        **{f"figure.{name}": value for name, value in alert.figures.items()},
    }
    body = {"said": alert.said, "labels": dict(alert.labels), "began": rfc3339(alert.began)}
    return Draft(alert.id, "alerted", None, facts, body)
