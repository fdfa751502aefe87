"""How a tenant's sources stand, as much of it as whoever asks may know.

Whoever keeps the installation (the role ``admin``) is told of everything: also what failed, who may read how many documents, and how good
those are that they may not read themselves, of which they see titles and paths and no text. Anyone else is told of the sources of the
documents that they may read, and of these documents alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from aver.core import Clock, Principal
from aver.core.errors import NotFound
from aver.knowledge.inspection import Readership, held, quality, readership
from aver.knowledge.quality import STALE_DAYS, Quality
from aver.knowledge.sources.types import SourceState
from aver.knowledge.types import IngestReport
from aver.policy.access import allowed
from aver.store import TenantStore

__all__ = ["SourceOverview", "source_overviews"]


@dataclass(frozen=True, slots=True)
class SourceOverview:
    """How a source stands for whoever asks. ``whole``: all that it holds, else only what they may read, and then ``problem``, ``report`` and
    ``readership`` are ``None``. ``lag`` and ``every`` are in seconds; ``fresh``, ``tried`` and ``problem`` as in
    :class:`~aver.knowledge.sources.types.SourceState`, with ``None`` for what is not."""

    name: str
    kind: str | None
    whole: bool
    documents: int
    every: float | None
    fresh: datetime | None
    lag: float | None
    tried: datetime | None
    problem: str | None
    report: IngestReport | None
    readership: Readership | None
    quality: Quality

    @property
    def is_late(self) -> bool:
        """Whether its schedule has been missed twice."""
        return self.every is not None and self.lag is not None and self.lag > 2 * self.every


def source_overviews(
    store: TenantStore,
    clock: Clock,
    states: list[SourceState],
    principal: Principal,
    *,
    name: str | None = None,
    stale_days: int = STALE_DAYS,
) -> list[SourceOverview]:
    """Of every source in ``states`` that ``principal`` may know of, or of the one called ``name``, for which
    :class:`~aver.core.errors.NotFound` where there is no such source, or it is not theirs to know of."""
    with store.read() as tx:
        mine = None if allowed(principal, "oversee") else held(tx, principal)
        found = [
            _overview(tx, clock.now(), state, principal, mine, stale_days)
            for state in states
            if name in (None, state.name) and (mine is None or mine.get(state.name))
        ]
    if name is not None and not found:
        raise NotFound("There is no such source, or it is not yours", "See them: GET /v1/sources.")
    return found


def _overview(
    tx: Connection,
    now: datetime,
    state: SourceState,
    principal: Principal,
    mine: dict[str, int] | None,
    stale_days: int,
) -> SourceOverview:
    whole = mine is None
    return SourceOverview(
        name=state.name,
        kind=state.kind or None,
        whole=whole,
        documents=state.documents if mine is None else mine[state.name],
        every=state.every or None,
        fresh=state.fresh,
        lag=state.lag(now),
        tried=state.tried,
        problem=(state.problem or None) if whole else None,
        report=state.report if whole else None,
        readership=readership(tx, state.name) if whole else None,
        quality=quality(tx, state.name, now, None if whole else principal, stale_days),
    )
