"""Sums as they are kept: by ten seconds for the last minutes, by minute for the last days and by hour for longer, for each series; those of the scorecard by the
hour and by the day. Written once for each step of evidence, whoever reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, or_, select, update

from aver.core.clock import rfc3339
from aver.core.errors import Conflict
from aver.ops import store as tables
from aver.ops.scorecard.counting import COARSE
from aver.ops.sums import Sums, add

__all__ = ["DAY", "HOUR", "MINUTE", "SLOT", "Book", "Position", "Taken"]

SLOT, MINUTE, HOUR, DAY = 10, 60, 3600, 86_400
_SPANS = {"s": SLOT, "m": MINUTE, "h": HOUR, "d": DAY, "ch": HOUR, "cd": DAY}
"""By the name of each span its seconds. The scorecard has its own two, so that whoever looks every few seconds does not read them."""
_KEPT = {"s": 900, "m": 8 * DAY, "h": 400 * DAY, "d": 400 * DAY, "ch": 400 * DAY, "cd": 1500 * DAY}
_AHEAD = 2 * MINUTE
"""Seconds that sums may lie ahead of the clock."""
_STARTS_A_QUERY = 500
_NAME = "evidence"

Taken = dict[tuple[int, str], Sums]
"""Sums by the ten seconds they are of, which begin at seconds of the Unix epoch, and their series."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far evidence was counted: the last step's place, and the latest moment."""

    cursor: int = 0
    revision: int = 0
    watermark: int = 0
    sampled: int = 0
    epoch: int = 0


class Book:
    """The sums of one tenant in its database. Each method takes the caller's transaction."""

    def position(self, tx: Connection) -> Position:
        row = tx.execute(select(tables.reading).where(tables.reading.c.name == _NAME)).one_or_none()
        if row is None:
            return Position()
        return Position(row.cursor, row.revision, row.watermark, row.sampled, row.epoch)

    def keep(
        self,
        tx: Connection,
        was: Position,
        now: Position,
        taken: Mapping[tuple[int, str], Sums],
        fresh: Mapping[str, tuple[int, int]],
        clock: int,
    ) -> Position:
        """Add what was counted from one position to the next. ``fresh`` are series that nobody knew, each with its moment and its step; ``clock`` is the time.
        Raises :class:`~aver.core.errors.Conflict` when somebody else has counted on from ``was``, and then nothing is added."""
        if self.position(tx) != was:
            raise Conflict("Another replica has counted on meanwhile", "Look again.")
        after = replace(now, revision=was.revision + 1)
        for span, size in _SPANS.items():
            kept = {
                key: each
                for key, each in taken.items()
                if key[0] >= clock - _KEPT[span] and key[1].startswith(COARSE) == span.startswith("c")
            }
            self._add(tx, span, _by_span(kept, size), after.revision)
        self._name(tx, fresh)
        self._prune(tx, clock)
        if self._straighten(tx, clock, after.revision):
            after = replace(after, epoch=was.epoch + 1)
        values = {name: getattr(after, name) for name in Position.__slots__}
        if was.revision:
            tx.execute(update(tables.reading).where(tables.reading.c.name == _NAME).values(**values))
        else:
            tx.execute(insert(tables.reading), {"name": _NAME, **values})
        return after

    def rows(
        self, tx: Connection, span: str, since: int, changed: int = 0, kinds: Iterable[str] = ()
    ) -> Iterable[tuple[int, str, Sums]]:
        """The sums of a span from a moment on that were changed behind a revision: their moment, their series. With ``kinds``, such as ``model``, those of series
        of these kinds alone."""
        of = tables.sums.c
        query = select(of.start, of.series, of.sums).where(of.span == span, of.start >= since)
        if wanted := [of.series.startswith(f"{kind}:", autoescape=True) for kind in kinds]:
            query = query.where(or_(*wanted))
        for row in tx.execute(query.where(of.changed > changed) if changed else query):
            yield row.start, row.series, orjson.loads(row.sums)

    def series(self, tx: Connection) -> dict[str, datetime]:
        """Every series by its name, with when it was first counted."""
        of = tables.series.c
        return {row.name: datetime.fromisoformat(row.first) for row in tx.execute(select(of.name, of.first))}

    def _add(self, tx: Connection, span: str, taken: Mapping[tuple[int, str], Sums], revision: int) -> None:
        of = tables.sums.c
        starts = sorted({start for start, _ in taken})
        known: dict[tuple[int, str], Sums] = {}
        for first in range(0, len(starts), _STARTS_A_QUERY):
            wanted = (of.span == span, of.start.in_(starts[first : first + _STARTS_A_QUERY]))
            for row in tx.execute(select(of.start, of.series, of.sums).where(*wanted)):
                if (row.start, row.series) in taken:
                    known[row.start, row.series] = orjson.loads(row.sums)
        fresh, more = [], []
        for (start, name), values in taken.items():
            value = {"span": span, "start": start, "series": name, "changed": revision}
            if (start, name) in known:
                more.append(value | {"sums": _json(add(known[start, name], values))})
            else:
                fresh.append(value | {"sums": _json(values)})
        if more:
            keys = [(of.span == span) & (of.start == each["start"]) & (of.series == each["series"]) for each in more]
            for key, each in zip(keys, more, strict=True):
                tx.execute(update(tables.sums).where(key).values(sums=each["sums"], changed=revision))
        if fresh:
            tx.execute(insert(tables.sums), fresh)

    def _name(self, tx: Connection, fresh: Mapping[str, tuple[int, int]]) -> None:
        known = self.series(tx) if fresh else {}
        rows = [
            {"name": name, "first": rfc3339(datetime.fromtimestamp(moment, UTC)), "seq": seq}
            for name, (moment, seq) in fresh.items()
            if name not in known
        ]
        if rows:
            tx.execute(insert(tables.series), rows)

    def _straighten(self, tx: Connection, clock: int, revision: int) -> bool:
        """Move what lies ahead of the clock to now: the clock of who recorded it ran ahead, or was put back since. Whether there was any."""
        of, moved = tables.sums.c, False
        for span, size in _SPANS.items():
            present = clock // size * size
            ahead = (of.span == span, of.start > clock + _AHEAD)
            rows = tx.execute(select(of.series, of.sums).where(*ahead)).all()
            if not rows:
                continue
            tx.execute(delete(tables.sums).where(*ahead))
            taken: Taken = {}
            for row in rows:
                add(taken.setdefault((present, row.series), {}), orjson.loads(row.sums))
            self._add(tx, span, taken, revision)
            moved = True
        return moved

    def _prune(self, tx: Connection, clock: int) -> None:
        of = tables.sums.c
        for span, kept in _KEPT.items():
            tx.execute(delete(tables.sums).where(of.span == span, of.start < clock - kept))


def _by_span(taken: Mapping[tuple[int, str], Sums], size: int) -> Taken:
    found: Taken = {}
    for (start, name), values in taken.items():
        add(found.setdefault((start // size * size, name), {}), values)
    return found


def _json(values: Any) -> str:
    return orjson.dumps(values).decode()
