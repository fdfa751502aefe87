"""Letting go of content whose time is up: what is left of it keeps its place in the chain, and a step says what went.

Where an erasure destroys a person's key, this takes the content of single steps. Its SHA-256 stays, which is all that the chain holds of
it; every step whose content is gone is named by a later step ``disposed``, so nobody can take content away unseen.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from aver.evidence.record import REMAINDER, remainder
from aver.evidence.store import steps

__all__ = ["Due", "Missing", "due_steps", "last_before", "let_go", "spans_in"]

_DISORDER = 10_000
"""Steps."""
MOST_SPANS = 100
"""Spans that one step names: with the longest numbers its facts stay under their bound."""


class Due(NamedTuple):
    """A step that still has content, in clear."""

    seq: int
    turn: str
    kind: str
    subject: str


def due_steps(tx: Connection, tenant: str, kinds: Collection[str], after: int, upto: int, most: int) -> tuple[Due, ...]:
    """The first ``most`` steps of these kinds that have content, behind the sequence number ``after`` and up to ``upto``, in order."""
    wanted = (steps.c.tenant == tenant, steps.c.seq > after, steps.c.seq <= upto, steps.c.kind.in_(kinds))
    there = func.length(steps.c.content) != REMAINDER
    query = select(steps.c.seq, steps.c.turn, steps.c.kind, steps.c.subject).where(*wanted, there)
    return tuple(Due(*row) for row in tx.execute(query.order_by(steps.c.seq).limit(most)))


def last_before(tx: Connection, tenant: str, moment: str, after: int) -> int:
    """The last step behind ``after`` before which, itself included, none happened at ``moment`` (RFC 3339) or later; ``after`` where that is
    none. Found by halving: a chain is in the order of time but for the clocks of its processes, and what is out of order within the last
    10,000 steps waits for its neighbours."""
    mine = (steps.c.tenant == tenant, steps.c.seq > after)
    low, high = after, int(tx.execute(select(func.max(steps.c.seq)).where(*mine)).scalar() or after)
    while low < high:
        middle = (low + high + 1) // 2
        at = tx.execute(select(steps.c.at).where(steps.c.tenant == tenant, steps.c.seq == middle)).scalar()
        low, high = (middle, high) if str(at) < moment else (low, middle - 1)
    near = (*mine, steps.c.seq > low - _DISORDER, steps.c.seq <= low, steps.c.at >= moment)
    early = tx.execute(select(func.min(steps.c.seq)).where(*near)).scalar()
    return low if early is None else int(early) - 1


def let_go(tx: Connection, tenant: str, seqs: Sequence[int]) -> list[dict[str, Any]]:
    """Replace the content of these steps, in order, by what is left of it. The facts of the steps ``disposed`` that have to say so, for
    whoever appends them in the same transaction."""
    mine = (steps.c.tenant == tenant, steps.c.seq.in_(seqs))
    there = func.length(steps.c.content) != REMAINDER
    rows = tx.execute(select(steps.c.seq, steps.c.content).where(*mine, there).order_by(steps.c.seq)).all()
    if not rows:
        return []
    place = update(steps).where(steps.c.tenant == bindparam("of"), steps.c.seq == bindparam("number"))
    values = [{"of": tenant, "number": row.seq, "left": remainder(bytes(row.content))} for row in rows]
    tx.execute(place.values(content=bindparam("left")), values)
    spans = list(_spans([row.seq for row in rows]))
    return [
        {
            "spans": [number for span in some for number in span],
            "steps": sum(last - first + 1 for first, last in some),
        }
        for some in (spans[at : at + MOST_SPANS] for at in range(0, len(spans), MOST_SPANS))
    ]


def spans_in(facts: str) -> Iterator[tuple[int, int]]:
    """The first and last step of each span that a step ``disposed`` names."""
    said: Mapping[str, Any] = json.loads(facts)
    numbers = said.get("spans") or []
    yield from zip(numbers[::2], numbers[1::2], strict=True)


def _spans(seqs: Sequence[int]) -> Iterator[tuple[int, int]]:
    first = last = seqs[0]
    for seq in seqs[1:]:
        if seq != last + 1:
            yield first, last
            first = seq
        last = seq
    yield first, last


class Missing:
    """Steps without content that no step has explained yet, as spans."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    @property
    def first(self) -> int | None:
        return self._firsts[0] if self._firsts else None

    def add(self, seq: int) -> None:
        """The next one; they come in order."""
        if self._lasts and self._lasts[-1] == seq - 1:
            self._lasts[-1] = seq
        else:
            self._firsts.append(seq)
            self._lasts.append(seq)

    def explain(self, first: int, last: int) -> int | None:
        """Take the span out; the first of it that is not missing, if any is not."""
        at = bisect_right(self._firsts, first) - 1
        if at < 0 or self._lasts[at] < first:
            return first
        begins, ends = self._firsts[at], self._lasts[at]
        if ends < last:
            return ends + 1
        rest = [(begins, first - 1), (last + 1, ends)]
        rest = [each for each in rest if each[0] <= each[1]]
        self._firsts[at : at + 1] = [each[0] for each in rest]
        self._lasts[at : at + 1] = [each[1] for each in rest]
        return None
