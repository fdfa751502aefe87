"""The answers of one tenant that were given before."""

from __future__ import annotations

import asyncio
import hmac
import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from aver.core import Clock, new_id, rfc3339
from aver.evidence.keys import Keyring
from aver.evidence.store import subjects
from aver.gateway.cache.bound import interval
from aver.gateway.cache.counts import Counts, Pool, Report, add, differed, reports
from aver.gateway.cache.entry import Entry, keepable, open_entry, seal_entry
from aver.gateway.cache.likeness import MEASURED, NEAR, same_answer
from aver.gateway.cache.partition import Asked, asked
from aver.gateway.cache.store import cached_answers
from aver.gateway.cache.types import Access, Found
from aver.gateway.calls import Call
from aver.gateway.config.types import CachePolicy
from aver.gateway.types import Completion, Embedder
from aver.store import TenantStore

__all__ = ["TenantCache"]

_CANDIDATES = 8
"""Newest entries looked at in one search; older answers to the same request are not missed for long."""
_A_SWEEP = 64
"""Answers kept by this process between two sweeps."""


class _Kept(NamedTuple):
    id: str
    is_exact: bool
    entry: Entry


class TenantCache:
    """A :class:`~aver.gateway.cache.types.Cache`.

    Every search reads the tenant's tables, by one indexed query: what another process kept is found at once, and what was erased,
    revoked or swept is gone at once. A semantic hit is a request whose question has the very form of an earlier one (see
    :mod:`~aver.gateway.cache.wording`) and a near vector; no index of vectors is kept in memory, and a miss embeds nothing.

    Semantic hits are answered afresh and compared (``shadowed``) until the upper end of the interval of wrong ones is at most
    ``policy.wrong``; from then on a share ``policy.shadow`` still is, and serving stops when the bound no longer holds.
    """

    def __init__(
        self,
        store: TenantStore,
        embedder: Callable[[], Embedder] | None,
        access: Access,
        clock: Clock,
        *,
        most: int = 100_000,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """``embedder`` is asked for when first needed; without one there are no semantic hits. At most about ``most`` answers are
        kept, the least recently given going first."""
        self._store = store
        self._embedder = embedder
        self._access = access
        self._clock = clock
        self._most = most
        self._draw = draw
        self._counts = Counts()
        self._used: set[str] = set()
        self._unswept = 0
        self._lock = threading.Lock()

    @cached_property
    def _keys(self) -> Keyring:
        return Keyring(self._store.tenant.id, self._store.master_key())

    @cached_property
    def _pepper(self) -> bytes:
        return hmac.digest(self._store.master_key(), b"aver cached requests", "sha256")

    async def find(self, call: Call, route: str, policy: CachePolicy) -> Found:
        """Within a millisecond or so for the same request again, plus the embedding of one question for a semantic hit."""
        if not _caches(call, policy):
            return Found("off")
        return await asyncio.to_thread(self._find, call, route, policy)

    async def keep(self, call: Call, route: str, policy: CachePolicy, completion: Completion) -> None:
        """Keep what :func:`~aver.gateway.cache.entry.keepable` says can be given again; anything else is let go in silence."""
        if _caches(call, policy) and keepable(completion):
            await asyncio.to_thread(self._keep, call, route, policy, completion)

    async def compare(self, call: Call, route: str, entry: str, completion: Completion) -> None:
        """Count a shadowed hit right or wrong; an entry that is gone by now, or a fresh answer that is not whole, counts nothing."""
        if keepable(completion):
            await asyncio.to_thread(self._compare, _pool(call, route), entry, completion.text)

    def report(self) -> list[Report]:
        """What the cache did, by route, configuration and release. Blocking."""
        with self._store.begin() as tx:
            self._counts.write(tx)
            return reports(tx)

    def _find(self, call: Call, route: str, policy: CachePolicy) -> Found:
        names = asked(call, route, policy, self._pepper)
        if names is None:
            return Found("off")
        pool = _pool(call, route)
        found = self._search(call, policy, names, pool)
        self._counts.note(pool, found.verdict)
        return found

    def _search(self, call: Call, policy: CachePolicy, names: Asked, pool: Pool) -> Found:
        with self._store.read() as tx:
            kept = self._candidates(tx, names, policy)
            wrong, compared = differed(tx, pool) if any(not each.is_exact for each in kept) else (0, 0)
        refused = False
        for each in kept:
            if not each.is_exact and not self._near(names.question, each.entry):
                continue
            if each.entry.documents and not self._access(call.principal, each.entry.documents):
                refused = True
                continue
            if each.is_exact:
                return self._given(each, "exact")
            if _trusted(policy, wrong, compared) and self._draw() >= policy.shadow:
                return self._given(each, "semantic")
            return Found("shadowed", entry=each.id)
        return Found("refused" if refused else "miss")

    def _candidates(self, tx: Connection, names: Asked, policy: CachePolicy) -> list[_Kept]:
        """What may answer, the same request before the same form, the newest first."""
        now = self._clock.now()
        columns = cached_answers.c
        same = columns.exact == names.exact if policy.exact else None
        alike = columns.form == names.form if names.form and self._embedder else None
        wanted = [each for each in (same, alike) if each is not None]
        if not wanted:
            return []
        live = columns.expires > rfc3339(now)
        query = select(cached_answers).where(or_(*wanted), live).order_by(columns.created.desc()).limit(_CANDIDATES)
        rows = tx.execute(query).all()
        keys = self._keys.open(tx, {row.subject for row in rows}) if rows else {}
        found = []
        for row in rows:
            is_exact = bool(policy.exact) and row.exact == names.exact
            key = keys.get(row.subject)
            if key is None or not _lives(row, now, policy.exact if is_exact else policy.semantic):
                continue
            entry = open_entry(key, row._asdict(), self._store.tenant.id, row.content)
            if entry is not None:
                found.append(_Kept(row.id, is_exact, entry))
        return sorted(found, key=lambda each: not each.is_exact)

    def _near(self, question: str, entry: Entry) -> bool:
        if entry.vector is None or self._embedder is None:
            return False
        vector = self._embedder().embed([question])[0]
        return float(vector @ entry.vector) >= NEAR

    def _given(self, kept: _Kept, verdict: Any) -> Found:
        with self._lock:
            self._used.add(kept.id)
        return Found(verdict, kept.entry.completion, kept.id)

    def _keep(self, call: Call, route: str, policy: CachePolicy, completion: Completion) -> None:
        names = asked(call, route, policy, self._pepper)
        if names is None:
            return
        alike = names.form and self._embedder
        vector = self._embedder().embed([names.question])[0] if alike and self._embedder else None
        now = self._clock.now()
        row: dict[str, Any] = {
            "id": new_id("answer"),
            "exact": names.exact,
            "form": names.form if alike else "",
            "created": rfc3339(now),
            "expires": rfc3339(now + timedelta(seconds=max(policy.exact, policy.semantic if alike else 0.0))),
            "used": rfc3339(now),
        }
        entry = Entry(completion, call.documents, vector)
        name = call.principal.subject
        with self._store.begin() as tx:
            key = self._keys.provide(tx, [name])[name]
            row["subject"] = key.subject
            row["content"] = seal_entry(key, row, self._store.tenant.id, entry)
            tx.execute(insert(cached_answers), row)
            self._counts.write(tx)
            self._tidy(tx, now)

    def _tidy(self, tx: Connection, now: datetime) -> None:
        with self._lock:
            used, self._used = self._used, set()
            self._unswept += 1
            due = self._unswept >= min(_A_SWEEP, self._most)
            if due:
                self._unswept = 0
        columns = cached_answers.c
        for some in _by(500, sorted(used)):
            tx.execute(update(cached_answers).where(columns.id.in_(some)).values(used=rfc3339(now)))
        if not due:
            return
        gone = or_(columns.expires <= rfc3339(now), columns.subject.not_in(select(subjects.c.id)))
        tx.execute(delete(cached_answers).where(gone))
        excess = tx.execute(select(func.count()).select_from(cached_answers)).scalar_one() - self._most
        if excess > 0:
            oldest = select(columns.id).order_by(columns.used, columns.id).limit(excess)
            tx.execute(delete(cached_answers).where(columns.id.in_(oldest)))

    def _compare(self, pool: Pool, entry: str, fresh: str) -> None:
        with self._store.read() as tx:
            row = tx.execute(select(cached_answers).where(cached_answers.c.id == entry)).one_or_none()
            key = row and self._keys.open(tx, [row.subject]).get(row.subject)
        kept = row and key and open_entry(key, row._asdict(), self._store.tenant.id, row.content)
        if not kept or self._embedder is None:
            return
        verdict = "agreed" if same_answer(kept.completion.text, fresh, self._embedder()) else "differed"
        with self._store.begin() as tx:
            add(tx, pool, Counter({verdict: 1}))


def _caches(call: Call, policy: CachePolicy) -> bool:
    return call.operation == "chat" and not call.no_store and (policy.exact > 0 or policy.semantic > 0)


def _pool(call: Call, route: str) -> Pool:
    return Pool(route, call.config, call.release)


def _lives(row: Row[Any], now: datetime, seconds: float) -> bool:
    return bool(row.created > rfc3339(now - timedelta(seconds=seconds)))


def _trusted(policy: CachePolicy, wrong: int, compared: int) -> bool:
    before_wrong, before = MEASURED if policy.prior else (0, 0)
    return interval(wrong + before_wrong, compared + before)[1] <= policy.wrong


def _by(size: int, ids: list[str]) -> list[list[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]
