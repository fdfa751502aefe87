"""Switches: what is stopped or held tighter, for whom and why, and a reading of it that is never older than a second."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast, get_args

from sqlalchemy import Connection, Row, delete, insert, select

from aver.core.clock import rfc3339
from aver.core.errors import AverError, InvalidInput, NotFound, Stopped
from aver.core.ids import new_id
from aver.store.control import switches

__all__ = ["Switch", "SwitchKind", "Switches", "lift", "throw", "thrown"]

SwitchKind = Literal["tool", "feature", "model", "provider", "source", "guardrail", "limit", "tenant", "installation"]
"""``guardrail`` is a check, or a profile of checks, that is held stricter than declared; ``limit`` is a budget beside those that are declared."""
_WHOLE = ("tenant", "installation")

_FRESH = 0.25
"""Seconds for which a reading is not made again. The promise is one second, for the slowest of replicas."""
_OLDEST = 0.75
"""Seconds after which a reading says nothing any more."""
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Switch:
    """Something that is stopped: the tool, feature, model, provider or source called ``name``, a tenant, or the whole installation; or a guardrail or a limit
    that is held tighter than declared. With ``tenant`` (an id) it holds for that one alone. ``reason`` is told to users; ``value`` says how much a limit is."""

    id: str
    kind: SwitchKind
    name: str
    tenant: str
    reason: str
    thrown: datetime
    value: str = ""

    def holds(self, tenant: str, named: dict[str, str]) -> bool:
        """Whether it stops what ``named`` says of the tenant with this id, by kind."""
        if self.tenant not in ("", tenant):
            return False
        return self.kind in _WHOLE or named.get(self.kind) == self.name

    def error(self) -> Stopped:
        """What a user is told."""
        what = f"The {self.kind} {self.name!r} is" if self.name else "This is"
        return Stopped(f"{what} stopped by an administrator: {self.reason}", "Wait until it is let go on.")


def throw(
    tx: Connection, kind: SwitchKind, name: str, tenant: str, reason: str, now: datetime, value: str = ""
) -> Switch:
    """Stop something. Thrown again, it stays as it was, with the first reason. Raises :class:`InvalidInput` for what cannot be stopped."""
    if kind not in get_args(SwitchKind):
        raise InvalidInput(
            f"There is nothing like {kind!r:.60} to stop", f"Name one of {', '.join(get_args(SwitchKind))}."
        )
    if (kind not in _WHOLE) != bool(name):
        raise InvalidInput(f"A switch of a {kind} {'needs a' if not name else 'has no'} name", "Say what is to stop.")
    if (kind == "tenant" and not tenant) or (kind == "installation" and tenant):
        raise InvalidInput(f"A switch of the {kind} is for {'one tenant' if kind == 'tenant' else 'all'}", "Say which.")
    if not reason.strip() or len(reason) > _LONGEST or not reason.isprintable():
        raise InvalidInput("Users are told why something is stopped", f"Give a reason of up to {_LONGEST} characters.")
    if (kind == "limit") != bool(value):
        raise InvalidInput(
            "A limit says how much, and nothing else does", "As in: aver mitigation take 'limit feature=NAME to=...'."
        )
    same = (switches.c.kind == kind, switches.c.name == name, switches.c.tenant == tenant)
    row = tx.execute(select(switches).where(*same)).one_or_none()
    if row is not None:
        return _switch(row)
    switch = Switch(new_id("switch"), kind, name, tenant, reason, now, value)
    values = {"id": switch.id, "kind": kind, "name": name, "tenant": tenant, "value": value, "reason": reason}
    tx.execute(insert(switches), values | {"thrown": rfc3339(now)})
    return switch


def lift(tx: Connection, switch: str) -> Switch:
    """Let go on what the switch with this id stopped; :class:`NotFound` when there is none."""
    row = tx.execute(select(switches).where(switches.c.id == switch)).one_or_none()
    if row is None:
        raise NotFound("There is no such switch", "See what is stopped.")
    tx.execute(delete(switches).where(switches.c.id == switch))
    return _switch(row)


def thrown(tx: Connection) -> list[Switch]:
    """Everything that is stopped, oldest first."""
    return [_switch(row) for row in tx.execute(select(switches).order_by(switches.c.id))]


def _switch(row: Row[Any]) -> Switch:
    thrown = datetime.fromisoformat(row.thrown)
    return Switch(row.id, cast(SwitchKind, row.kind), row.name, row.tenant, row.reason, thrown, row.value)


class Switches:
    """What is stopped, as asked before every step. ``read`` is :meth:`~aver.store.Store.switches`; its error passes, because what cannot
    be known to be allowed is not. Thread-safe, and for any event loop."""

    def __init__(self, read: Callable[[], Sequence[Switch]], now: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._now = now
        self._lock = threading.Lock()
        self._known: Sequence[Switch] = ()
        self._asked = float("-inf")
        self._reading = False

    def check(self, tenant: str, *, feature: str = "", model: str = "", tool: str = "", source: str = "") -> None:
        """Raise :class:`Stopped` where one of these is stopped for the tenant with this id. Blocks for one query where the last one is
        older than a quarter of a second."""
        self._refresh()
        self._hold(tenant, {"feature": feature, "model": model, "tool": tool, "source": source})

    def tighter(self, tenant: str, kind: Literal["guardrail", "limit"]) -> tuple[Switch, ...]:
        """What is held tighter for the tenant with this id, by the last reading: never waits."""
        return tuple(each for each in self._known if each.kind == kind and each.tenant in ("", tenant))

    def holds(self, tenant: str, *, feature: str) -> bool:
        """Whether the feature is stopped for the tenant with this id, by the last reading: never waits."""
        return any(each.holds(tenant, {"feature": feature}) for each in self._known)

    async def halt(
        self, tenant: str, *, feature: str = "", model: str = "", provider: str = "", tool: str = ""
    ) -> None:
        """As :meth:`check`, for every call and every piece of a stream: nobody waits for the query, unless the last one is so old that the
        promise of a second would not be kept."""
        await self.refresh()
        self._hold(tenant, {"feature": feature, "model": model, "provider": provider, "tool": tool})

    async def refresh(self) -> None:
        """Have the last reading be one that still counts. Raises what keeps it from being read."""
        age = self._now() - self._asked
        if age >= _OLDEST:
            await asyncio.to_thread(self._refresh)
        elif age >= _FRESH and not self._reading:
            self._reading = True
            asyncio.get_running_loop().run_in_executor(None, self._refresh_quietly)

    def _hold(self, tenant: str, named: dict[str, str]) -> None:
        for each in self._known:
            if each.holds(tenant, named):
                raise each.error()

    def _refresh(self) -> None:
        with self._lock:
            asked = self._now()  # before the query: what is thrown during it is seen next time
            if asked - self._asked >= _FRESH:
                self._known = self._read()
                self._asked = asked

    def _refresh_quietly(self) -> None:
        try:
            self._refresh()
        except AverError:
            pass  # whoever asks once the last reading is too old is told
        finally:
            self._reading = False
