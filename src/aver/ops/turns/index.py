"""The index of turns as it is written: by the pass over evidence, in the transaction in which that counts, turn by turn and each of them whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from aver.core.errors import Conflict
from aver.evidence.clear import ClearStep, clear_turns
from aver.knowledge.store import documents
from aver.ops.measuring import is_alone
from aver.ops.store import reading
from aver.ops.turns import store as tables
from aver.ops.turns.describing import TOLD, documents_of, micros, moment, row_of, sets_of
from aver.ops.turns.numbers import BLOCK, Integers, flags, integers, packed
from aver.ops.turns.types import TurnRow
from aver.store import TenantStore

__all__ = ["SEVERAL", "VALUES", "TurnIndex", "read_row"]

SEVERAL = ("models", "providers", "tools", "checks", "sources", "marks")
VALUES = ("at", "ended", "nano", "tokens", "micros")
_NAME = "turns"
"""The row of ``ops_reading`` that says how far the index goes."""
_A_QUERY = 500

_Numbered = tuple[int, TurnRow]


class TurnIndex:
    """Of one tenant."""

    def __init__(self, store: TenantStore) -> None:
        self._store = store

    def cursor(self, tx: Connection) -> int:
        """The place of the last step that it knows; 0 where there is no index."""
        return tx.scalar(select(reading.c.cursor).where(reading.c.name == _NAME)) or 0

    def describe(self, found: Sequence[ClearStep]) -> list[TurnRow]:
        """The rows of the turns that these steps are of, in the order in which they began."""
        whole: dict[str, list[ClearStep]] = {}
        for step in found:
            if step.kind in TOLD:
                whole.setdefault(step.turn, []).append(step)
        begun = {step.turn for step in found if step.kind == "admitted" or is_alone(step)}
        before = clear_turns(self._store, (turn for turn in whole if turn not in begun))
        whole |= {turn: [step for step in steps if step.kind in TOLD] for turn, steps in before.items()}
        known = self._sources({turn: documents_of(steps) for turn, steps in whole.items()})
        rows = ((row_of(steps), known.get(turn, ())) for turn, steps in whole.items())
        return sorted((replace(row, sources=sources) for row, sources in rows if row), key=lambda row: row.first)

    def keep(self, tx: Connection, was: int, now: int, rows: Sequence[TurnRow]) -> None:
        """Take in these turns and go on from one place in the chain to the next. Raises :class:`~aver.core.errors.Conflict` when somebody else has gone on from
        ``was``, and then nothing is taken in."""
        if self.cursor(tx) != was:
            raise Conflict("Another replica has read on meanwhile", "Look again.")
        known = self._known(tx, [row.id for row in rows if row.first <= was])
        count = (tx.scalar(select(func.max(tables.turns.c.n))) + 1) if _any(tx) else 0
        fresh = list(enumerate((row for row in rows if row.id not in known), count))
        changed = [(known[row.id][0], row, known[row.id][1]) for row in rows if row.id in known]
        changed = [(n, row, before) for n, row, before in changed if row != before]
        if fresh:
            tx.execute(insert(tables.turns), [{"n": n, **_columns(row)} for n, row in fresh])
        if changed:
            query = update(tables.turns).where(tables.turns.c.n == bindparam("place"))
            tx.execute(query, [{"place": n, **_columns(row)} for n, row, _ in changed])
        self._keep_sets(tx, fresh, changed)
        self._keep_values(tx, [*fresh, *((n, row) for n, row, _ in changed)])
        if not tx.execute(update(reading).where(reading.c.name == _NAME).values(cursor=now)).rowcount:
            row = {"name": _NAME, "cursor": now, "revision": 0, "watermark": 0, "sampled": 0, "epoch": 0}
            tx.execute(insert(reading), row)

    def _sources(self, several: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        """By turn, the sources of its documents."""
        wanted, names = sorted({each for found in several.values() for each in found}), dict[str, str]()
        with self._store.read() as tx:
            for start in range(0, len(wanted), _A_QUERY):
                part = documents.c.id.in_(wanted[start : start + _A_QUERY])
                names.update(
                    (row.id, row.source) for row in tx.execute(select(documents.c.id, documents.c.source).where(part))
                )
        return {
            turn: tuple(sorted({names[each] for each in found if each in names}))
            for turn, found in several.items()
            if found
        }

    def _known(self, tx: Connection, ids: Sequence[str]) -> dict[str, _Numbered]:
        found: dict[str, _Numbered] = {}
        for start in range(0, len(ids), _A_QUERY):
            query = select(tables.turns).where(tables.turns.c.id.in_(ids[start : start + _A_QUERY]))
            found |= {row.id: (row.n, read_row(row)) for row in tx.execute(query)}
        return found

    def _keep_sets(
        self, tx: Connection, fresh: Iterable[_Numbered], changed: Iterable[tuple[int, TurnRow, TurnRow]]
    ) -> None:
        """Put turns into the sets that they are in now, and take them out of those that they were in."""
        blocks: dict[int, dict[str, tuple[list[int], list[int]]]] = {}

        def note(n: int, name: str, *, into: bool) -> None:
            blocks.setdefault(n // BLOCK, {}).setdefault(name, ([], []))[not into].append(n % BLOCK)

        for n, row in fresh:
            for name in sets_of(row):
                note(n, name, into=True)
        for n, row, before in changed:
            now, then = sets_of(row), sets_of(before)
            for name in now - then:
                note(n, name, into=True)
            for name in then - now:
                note(n, name, into=False)
        of = tables.sets.c
        for block, several in blocks.items():
            kept = _kept(tx, select(of.name, of.members).where(of.block == block), of.name, list(several))
            rows = []
            for name, (added, removed) in several.items():
                found = flags(kept[name]) if name in kept else np.zeros(BLOCK, np.bool_)
                found[removed] = False
                found[added] = True
                rows.append({"name": name, "block": block, "members": packed(found)})
            _put(tx, tables.sets, "members", rows, kept)

    def _keep_values(self, tx: Connection, rows: Iterable[_Numbered]) -> None:
        blocks: dict[int, list[_Numbered]] = {}
        for n, row in rows:
            blocks.setdefault(n // BLOCK, []).append((n % BLOCK, row))
        of = tables.values.c
        for block, several in blocks.items():
            kept = _kept(tx, select(of.name, of.numbers).where(of.block == block), of.name, list(VALUES))
            offsets = [n for n, _ in several]
            values = {
                "at": [moment(row.at) for _, row in several],
                "ended": [moment(row.ended) for _, row in several],
                "nano": [row.nano for _, row in several],
                "tokens": [row.tokens for _, row in several],
                "micros": [micros(row.ms) for _, row in several],
            }
            put = []
            for name, numbers in values.items():
                before = integers(kept[name]) if name in kept else np.zeros(0, np.int64)
                after: Integers = np.zeros(max(len(before), max(offsets) + 1), np.int64)
                after[: len(before)] = before
                after[offsets] = numbers
                put.append({"name": name, "block": block, "numbers": after.astype("<i8").tobytes()})
            _put(tx, tables.values, "numbers", put, kept)


def read_row(row: Row[Any]) -> TurnRow:
    """A row of the table."""
    several: dict[str, Any] = {name: tuple(found) for name, found in orjson.loads(row.several).items()}
    single: dict[str, Any] = {
        name: value for name, value in row._asdict().items() if name not in ("n", "several", "tenant")
    }
    return TurnRow(**single, **several)


def _columns(row: TurnRow) -> dict[str, Any]:
    """A row as the table has it."""
    several = {name: getattr(row, name) for name in SEVERAL}
    single = {name: getattr(row, name) for name in TurnRow.__slots__ if name not in SEVERAL}
    return {**single, "several": orjson.dumps(several).decode()}


def _any(tx: Connection) -> bool:
    return tx.execute(select(tables.turns.c.n).limit(1)).first() is not None


def _kept(tx: Connection, query: Any, column: Any, names: Sequence[str]) -> dict[str, bytes]:
    """What is kept under these names, by name."""
    found: dict[str, bytes] = {}
    for start in range(0, len(names), _A_QUERY):
        found.update((row[0], row[1]) for row in tx.execute(query.where(column.in_(names[start : start + _A_QUERY]))))
    return found


def _put(tx: Connection, table: Any, column: str, rows: Sequence[dict[str, Any]], kept: Mapping[str, bytes]) -> None:
    fresh = [row for row in rows if row["name"] not in kept]
    changed = [row for row in rows if row["name"] in kept and kept[row["name"]] != row[column]]
    if fresh:
        tx.execute(insert(table), fresh)
    if changed:
        query = update(table).where(table.c.name == bindparam("which"), table.c.block == bindparam("where"))
        query = query.values({column: bindparam("what")})
        tx.execute(query, [{"which": row["name"], "where": row["block"], "what": row[column]} for row in changed])
