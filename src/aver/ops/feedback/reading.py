"""Which turns wait for a decision, read off the evidence once, step by step: what is found of a turn follows from its steps alone, however often they are read."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, get_args

from sqlalchemy import Connection, delete, insert, select, update

from aver.agents.store import turns as turn_rows
from aver.core.clock import Clock
from aver.core.errors import Conflict
from aver.core.principal import user_reader
from aver.evidence.clear import ClearStep, clear_steps, clear_turns, place_of
from aver.gateway.feedback import BAD
from aver.ops.feedback import store as tables
from aver.ops.feedback.types import WEIGHTS, Act, Signal
from aver.store import TenantStore

__all__ = ["TriageReader", "row_of"]

_NAME = "evidence"
_LOCK = "feedback"
_STEPS = 10_000
_MOST_BATCHES = 20
"""Batches that one look reads, so that other tenants have their turn."""
_BACK = timedelta(days=30)
"""How far back the first look reads."""
_ONE_IN = 50
"""Of the turns that nothing is known against, one in so many is looked at."""
_QUERY = 400
_NO_USE = ("shadow_of", "evaluation")
"""Facts of turns that nobody asked for themselves."""
_ALWAYS = frozenset({"judged", "reported", "triaged"})


class TriageReader:
    """One tenant's. Blocking. Of several replicas one reads at a time. ``unasked`` are users whose turns are no production."""

    def __init__(self, store: TenantStore, clock: Clock, unasked: Iterable[str] = ()) -> None:
        self._store = store
        self._clock = clock
        self._unasked = tuple(user_reader(each) for each in unasked)

    def catch_up(self, most: int = _MOST_BATCHES) -> bool:
        """Read on, at most so many batches; whether everything there is was read. Where another replica is at it, that is left to it."""
        with suppress(Conflict), self._store.lock(_LOCK):
            return any(not self._step() for _ in range(most))
        return True

    def _step(self) -> bool:
        """Read the next steps; whether there may be more."""
        with self._store.read() as tx:
            cursor = tx.scalar(select(tables.reading.c.cursor).where(tables.reading.c.name == _NAME))
        begun = cursor is not None
        if cursor is None:
            cursor = place_of(self._store, self._clock.now() - _BACK)
        found = clear_steps(self._store, cursor, _STEPS)
        if not found and begun:
            return False
        rows = list(self._rows(found))
        with self._store.begin() as tx:
            _keep(tx, rows)
            values = {"name": _NAME, "cursor": found[-1].seq if found else cursor}
            if begun:
                tx.execute(update(tables.reading).where(tables.reading.c.name == _NAME).values(values))
            else:
                tx.execute(insert(tables.reading), values)
        return len(found) == _STEPS

    def _rows(self, found: Sequence[ClearStep]) -> Iterator[dict[str, Any]]:
        """A row for each turn of which these steps may say something new."""
        wanted = dict.fromkeys(step.turn for step in found if _matters(step))
        wanted |= dict.fromkeys(self._asked_before(found))
        steps = clear_turns(self._store, wanted)
        followed = self._followed(steps)
        unasked = self._subjects()
        for turn, each in steps.items():
            row = row_of(each, followed=turn in followed)
            if row is not None and each[0].subject not in unasked:
                yield row

    def _subjects(self) -> frozenset[str]:
        """What the evidence calls those whose turns are no production."""
        from aver.evidence.keys import Keyring

        with self._store.read() as tx:
            known = Keyring(self._store.tenant.id, self._store.master_key()).ids(tx, self._unasked)
        return frozenset(known.values())

    def _asked_before(self, found: Sequence[ClearStep]) -> Iterator[str]:
        """The turns after which, in their conversations, these were asked."""
        after = {
            (str(step.facts.get("conversation")), int(step.facts["ordinal"]) - 1)
            for step in found
            if step.kind == "admitted" and isinstance(step.facts.get("ordinal"), int) and step.facts["ordinal"] > 1
        }
        conversations = sorted({conversation for conversation, _ in after})
        columns = (turn_rows.c.id, turn_rows.c.conversation, turn_rows.c.ordinal)
        with self._store.read() as tx:
            for start in range(0, len(conversations), _QUERY):
                part = conversations[start : start + _QUERY]
                for row in tx.execute(select(*columns).where(turn_rows.c.conversation.in_(part))):
                    if (row.conversation, row.ordinal) in after:
                        yield row.id

    def _followed(self, steps: Mapping[str, Sequence[ClearStep]]) -> frozenset[str]:
        """Of these turns, those that gave no answer and after which something was asked in their conversations."""
        gave_none = {
            turn: (str(each[0].facts.get("conversation")), int(each[0].facts.get("ordinal") or 0))
            for turn, each in steps.items()
            if each[0].kind == "admitted" and _abstained(each)
        }
        conversations = sorted({conversation for conversation, _ in gave_none.values()})
        last: dict[str, int] = {}
        with self._store.read() as tx:
            for start in range(0, len(conversations), _QUERY):
                part = conversations[start : start + _QUERY]
                query = select(turn_rows.c.conversation, turn_rows.c.ordinal)
                for row in tx.execute(query.where(turn_rows.c.conversation.in_(part))):
                    last[row.conversation] = max(last.get(row.conversation, 0), row.ordinal)
        return frozenset(turn for turn, (place, ordinal) in gave_none.items() if last.get(place, 0) > ordinal)


def row_of(steps: Sequence[ClearStep], *, followed: bool = False) -> dict[str, Any] | None:
    """The row of a turn, from its steps in order; ``None`` for what is no turn that somebody asked. ``followed``: it gave no answer, and was asked again."""
    admitted = steps[0]
    if admitted.kind not in ("admitted", "called") or any(admitted.facts.get(each) for each in _NO_USE):
        return None
    signals = _signals(steps, followed=followed)
    weights = sorted((WEIGHTS[each] for each in signals), reverse=True)
    judged = [step.facts for step in steps if step.kind == "judged"]
    reason = str(judged[-1].get("reason") or "") if judged and "bad" in signals else ""
    decided = [step for step in steps if step.kind == "triaged"]
    last = decided[-1] if decided else None
    # What is said after somebody decided asks for another decision.
    reopened = last is not None and any(step.seq > last.seq and _accuses(step) for step in steps)
    return {
        "turn": admitted.turn,
        "at": admitted.at,
        "feature": str(admitted.facts.get("feature") or ""),
        "release": str(admitted.facts.get("release") or ""),
        "signals": f" {' '.join(signals)} ",
        "reason": reason,
        "rank": sum(weights[:1]) + len(weights[1:]) + 5 * (reason == "unsafe"),
        "waits": int(bool(signals) and (last is None or reopened)),
        "act": _act(last),
        "of": str(last.facts.get("of") or "") if last else "",
        "decided": last.at if last else "",
    }


def _signals(steps: Sequence[ClearStep], *, followed: bool) -> list[Signal]:
    last = next((step for step in reversed(steps) if step.kind == "judged"), None)
    found: dict[Signal, bool] = {
        "ticket": any(step.kind == "reported" for step in steps),
        "bad": last is not None and _accuses(last),
        "again": followed,
        "unsupported": any(_unsupported(step) for step in steps) and not _abstained(steps),
        "sampled": _is_sampled(steps[0].turn) and steps[0].kind == "admitted",
    }
    return [each for each in get_args(Signal) if found[each]]


def _matters(step: ClearStep) -> bool:
    """Whether a step alone may have its turn wait, or no longer."""
    if step.kind == "sealed":
        return _is_sampled(step.turn)
    return step.kind in _ALWAYS or _unsupported(step)


def _accuses(step: ClearStep) -> bool:
    score = step.facts.get("score")
    return step.kind == "reported" or (step.kind == "judged" and isinstance(score, int | float) and score < BAD)


def _unsupported(step: ClearStep) -> bool:
    if step.kind != "verified":
        return False
    claims, supported = step.facts.get("claims", step.facts.get("sentences")), step.facts.get("supported")
    return isinstance(claims, int) and isinstance(supported, int) and claims > supported


def _abstained(steps: Iterable[ClearStep]) -> bool:
    return any(step.kind == "responded" and step.facts.get("abstained") for step in steps)


def _is_sampled(turn: str) -> bool:
    """By its id alone, so that every reader takes the same."""
    return zlib.crc32(turn.encode()) % _ONE_IN == 0


def _act(step: ClearStep | None) -> str:
    act = step.facts.get("act") if step else None
    return str(act) if act in get_args(Act) else ""


def _keep(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(rows), _QUERY):
        part = rows[start : start + _QUERY]
        tx.execute(delete(tables.items).where(tables.items.c.turn.in_([row["turn"] for row in part])))
        worth = [row for row in part if row["signals"].strip() or row["act"]]
        if worth:
            tx.execute(insert(tables.items), worth)
