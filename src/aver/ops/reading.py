"""One pass over evidence: each step is counted once, by its place in the chain, whoever reads, however often, and whatever clocks do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from aver.core.clock import Clock
from aver.evidence.clear import ClearStep, clear_steps, clear_turns
from aver.evidence.rows import head_of
from aver.ops.book import MINUTE, SLOT, Book, Position, Taken
from aver.ops.measuring import ENDS, call_sums, is_alone, turn_sums
from aver.ops.scorecard.counting import event_entries, turn_entries
from aver.ops.sums import Sums, add, count_value
from aver.ops.turns.index import TurnIndex
from aver.store import TenantStore

__all__ = ["EvidenceReader", "Lags"]

_STEPS = 20_000
"""Steps that are read before what they came to is kept."""
_AHEAD = 60
"""Seconds that a step's moment may lie ahead of the reader's clock."""
_MOST_SERIES = 2000
"""Names of one kind that are counted by themselves; more, and they are ``other`` together. Callers choose the labels of their calls."""

Lags = Callable[[], Mapping[str, float]]
"""Seconds for which each source may lag behind now, by its name."""


class EvidenceReader:
    """Counts one tenant's evidence on. Blocking; one at a time, and should two read the same, one of them is heard."""

    def __init__(self, store: TenantStore, clock: Clock, lags: Lags = dict) -> None:
        self._store = store
        self._clock = clock
        self._lags = lags
        self._book = Book()
        self._index = TurnIndex(store)
        self._known: set[str] = set()

    def behind(self) -> int:
        """How many steps nobody has counted yet."""
        with self._store.read() as tx:
            counted = min(self._book.position(tx).cursor, self._index.cursor(tx))
            return head_of(tx, self._store.tenant.id).seq - counted

    def step(self) -> bool:
        """Count the next steps; whether there may be more. Raises :class:`~aver.core.errors.Conflict` when somebody else did at the same time."""
        with self._store.read() as tx:
            was = self._book.position(tx)
            indexed = self._index.cursor(tx)
            if not self._known:
                self._known = set(self._book.series(tx))
        if indexed < was.cursor:
            return self._index_again(indexed, was.cursor)
        clock = int(self._clock.now().timestamp())
        found = clear_steps(self._store, was.cursor, _STEPS)
        counted = _Counted(clock, min(was.watermark, clock), self._known)
        counted.take(found, self._begun_before(found))
        sampled = self._sample(counted, was, clock)
        if not found and sampled == was.sampled:
            return False
        rows = self._index.describe(found)
        now = replace(was, cursor=found[-1].seq if found else was.cursor, watermark=counted.watermark, sampled=sampled)
        with self._store.begin() as tx:
            self._book.keep(tx, was, now, counted.taken, counted.fresh, clock)
            self._index.keep(tx, indexed, now.cursor, rows)
        self._known |= counted.fresh.keys()
        return len(found) == _STEPS

    def catch_up(self) -> None:
        """Count everything there is."""
        while self.step():
            pass

    def _index_again(self, indexed: int, counted: int) -> bool:
        """Take into the index of turns what was counted and is not there, such as after its tables were emptied."""
        found = [step for step in clear_steps(self._store, indexed, _STEPS) if step.seq <= counted]
        rows = self._index.describe(found)
        with self._store.begin() as tx:
            self._index.keep(tx, indexed, found[-1].seq, rows)
        return True

    def _begun_before(self, found: Sequence[ClearStep]) -> Mapping[str, list[ClearStep]]:
        """All steps of the turns that end in ``found`` and were admitted before it."""
        begun = {step.turn for step in found if step.kind == "admitted"}
        return clear_turns(self._store, (step.turn for step in found if step.kind in ENDS and step.turn not in begun))

    def _sample(self, counted: _Counted, was: Position, clock: int) -> int:
        """Count every source's lag, once a minute. A minute at which nobody looked has no sample: nobody knows."""
        minute = clock // MINUTE
        if minute == was.sampled:
            return was.sampled
        for lag in self._lags().values():
            sums: Sums = {}
            count_value(sums, "lag", lag)
            counted.count("feature:", clock, 0, sums)
        return minute


class _Counted:
    """What was counted in one go. Moments go by the chain's order: one that lies before what was counted already, or ahead of the clock, is of a clock
    that is off, and its step counts for the nearest moment that it may have been of."""

    def __init__(self, clock: int, watermark: int, known: Iterable[str]) -> None:
        self.taken: Taken = {}
        self.fresh: dict[str, tuple[int, int]] = {}
        self.watermark = watermark
        self._clock = clock
        self._names = set(known)
        self._kinds: dict[str, int] = {}
        for name in self._names:
            kind = name.partition(":")[0]
            self._kinds[kind] = self._kinds.get(kind, 0) + 1

    def take(self, found: Sequence[ClearStep], begun_before: Mapping[str, list[ClearStep]]) -> None:
        turns: dict[str, list[ClearStep]] = {}
        for step in found:
            moment = self._moment(step.at)
            for name, sums in (*call_sums(step), *event_entries(step)):
                self.count(name, moment, step.seq, sums)
            if is_alone(step):
                self._turn([step], moment, step.seq)
                continue
            turns.setdefault(step.turn, []).append(step)
            if step.kind in ENDS:
                self._turn(begun_before.get(step.turn) or turns.pop(step.turn), moment, step.seq)

    def count(self, name: str, moment: int, seq: int, sums: Sums) -> None:
        name = self._allowed(name, moment, seq)
        add(self.taken.setdefault((moment // SLOT * SLOT, name), {}), sums)

    def _turn(self, steps: Sequence[ClearStep], moment: int, seq: int) -> None:
        feature, sums = turn_sums(steps)
        if sums:
            self.count(f"feature:{feature}", moment, seq, sums)
            for name, more in turn_entries(steps, feature, sums):
                self.count(name, moment, seq, more)

    def _moment(self, at: str) -> int:
        try:
            moment = int(datetime.fromisoformat(at).timestamp())
        except (ValueError, TypeError):  # changed outside Aver: whoever verifies the chain is told
            moment = 0
        if moment > self._clock + _AHEAD:
            moment = self._clock
        self.watermark = max(self.watermark, moment)
        return self.watermark

    def _allowed(self, name: str, moment: int, seq: int) -> str:
        if name in self._names:
            return name
        kind = name.partition(":")[0]
        if self._kinds.get(kind, 0) >= _MOST_SERIES:
            name = f"{kind}:other"
        if name not in self._names:
            self._names.add(name)
            self._kinds[kind] = self._kinds.get(kind, 0) + 1
            self.fresh[name] = (moment, seq)
        return name
