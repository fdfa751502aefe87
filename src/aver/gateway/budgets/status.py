"""What has been spent of each budget, from the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from aver.core.clock import rfc3339
from aver.gateway.budgets.grants import GrantStore
from aver.gateway.budgets.keeper import HEARTBEAT
from aver.gateway.config.types import Unit

__all__ = ["Spending", "spending"]

_DEAD = timedelta(seconds=4 * HEARTBEAT)


@dataclass(frozen=True, slots=True)
class Spending:
    """One budget in one window for one ``value`` of its ``per``, such as ``user:ada``. Amounts in requests, tokens or nano-dollars."""

    budget: str
    unit: Unit
    period: str
    """``2026-11``, ``2026-11-24``, ``2026-11-24T05``, ``2026-11-24T05:06`` or ``ever``."""
    value: str
    limit: int
    """As last applied."""
    used: int
    reserved: int
    """Held by running processes, for calls under way and calls to come."""
    abandoned: int
    """Held by processes that were not heard of for two minutes. It counts as spent: nobody knows what their calls cost."""


def spending(store: GrantStore, now: datetime) -> list[Spending]:
    """Every window on record, in the order of its key. What running processes used within the last seconds may still be in
    ``reserved``."""
    alive_since = rfc3339(now - _DEAD)
    found = []
    for key, group in groupby(store.grants(), key=lambda grant: grant.key):
        grants = list(group)
        alive = [grant for grant in grants if grant.seen >= alive_since]
        held = sum(grant.granted - grant.settled for grant in alive)
        total = sum(grant.granted - grant.settled for grant in grants)
        limit = max(grants, key=lambda grant: grant.seen).limit
        used = sum(grant.settled for grant in grants)
        found.append(Spending(key.budget, key.unit, key.period, key.value, limit, used, held, total - held))
    return found
