"""What a process asks of the shared store, in one atomic exchange: room to spend, and room given back.

A grant is room in one budget's window that one holder (a process) may spend without asking again. The store keeps, for each holder,
what it was granted in all and how much of that it has used; the sum of what is granted never exceeds the limit. A holder's line
states its whole position, not a change, so a message that was lost, or arrives twice, does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from aver.gateway.config.types import Unit

__all__ = ["MOST", "SHARE", "Answer", "Grant", "GrantKey", "GrantStore", "Line", "given"]

MOST = 2**53 - 1
"""The largest limit there is (9,007,199 US dollars in nano-dollars): what every store counts exactly. A larger one is taken as this."""
SHARE = 8
"""More than what is needed now is granted only up to this part of what is left, so grants shrink as the limit nears."""


class GrantKey(NamedTuple):
    """One budget in one window for one value of its ``per``, as in ``user:ada``."""

    budget: str
    unit: Unit
    period: str
    """The window's beginning, as precise as the period is long: ``2026-11`` is a month, ``2026-11-24T05:06`` a minute, or ``ever``."""
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """A holder's position in one window, and what more it wants. The store sets its record of the holder to ``granted`` plus what it
    gives."""

    key: GrantKey
    limit: int
    seq: int
    """Rises with each line of a holder; one that arrives after a later one is ignored."""
    granted: int
    settled: int
    reserved: int
    expires: str
    """RFC 3339: when the record may be deleted."""
    need: int = 0
    least: int = 0
    """Less than ``need`` is of use, but less than this is not."""
    wanted: int = 0
    opened: bool = False
    """The holder had a record. Where there is none any more it was forgotten, and is made again only for a new need."""
    leave: bool = False
    """The holder has settled all and gives up the rest: its use is added to what holders before it used."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``given`` more; ``room`` is what nobody holds afterwards; ``idle`` what other holders had neither used nor reserved when they
    last said so."""

    given: int
    room: int
    idle: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What the store knows of one holder in one window. The holder ``""`` stands for all who left."""

    key: GrantKey
    holder: str
    limit: int
    granted: int
    settled: int
    reserved: int
    seen: str


class GrantStore(Protocol):
    """Where grants are kept, for one tenant. Blocking; safe across threads and processes."""

    def exchange(self, holder: str, lines: Sequence[Line], now: datetime) -> list[Answer]:
        """All lines in one atomic step. Raises :class:`~aver.core.errors.Unavailable` when the store cannot be reached."""

    def grants(self) -> list[Grant]:
        """Everything on record."""

    def forget(self, value: str) -> None:
        """Delete every record of a value of ``per``, ``user:NAME`` as a rule, for an erasure."""

    def close(self) -> None: ...


def given(line: Line, room: int) -> int:
    """How much of ``room`` a line gets: what it needs and a share more, all that is left where that is of use, or nothing."""
    if line.need and room >= line.need:
        return max(line.need, min(line.wanted, room // SHARE))
    return room if line.need and room >= line.least else 0
