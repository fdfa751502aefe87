"""What a server looks at beside evidence: its disk, its databases, its clock, its indexes, its sources; and what it does at once about what it finds.

Everything here is safe to do without being asked: a reserve on the disk is given up, a database file that is gone is put back from what is open, an index is made anew
beside the one that is damaged. The clock holds by itself (:class:`~aver.core.clock.SteadyClock`).
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aver.core.clock import SteadyClock
from aver.core.errors import AverError, Conflict, StorageFull
from aver.ops.health.checks import (
    HealthSignal,
    of_clock,
    of_disk,
    of_index,
    of_provider,
    of_records,
    of_source,
    of_store,
    reserve_size,
)
from aver.ops.health.conditions import Conditions
from aver.ops.types import Departure
from aver.server.drills.restoring import restore
from aver.server.drills.undoing import pending, undo
from aver.store import Tenant

if TYPE_CHECKING:
    from aver.server.application import Application
    from aver.server.tenancy import TenantServices

__all__ = ["Health"]

_DEEP = 10.0
"""Seconds between looks that read: at indexes, sources and the newest records."""
_PROBE = 64 * 1024
"""Bytes that are written to see whether anything can be: the disk's own, and taken off again."""
_ROOM = 3
"""How many times its size has to be free before a reserve is made."""
_log = logging.getLogger("aver.health")

T = TypeVar("T")


class Health:
    """One process's. :meth:`look` is called again and again by one thread; what it found may be asked for by any."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.conditions = Conditions(application.clock)
        self._data = application.settings.data
        self._tenants: Sequence[Tenant] = ()
        self._looked_deep = float("-inf")
        self._began = time.monotonic()
        self._reserves = False
        self._drilled = False
        self.free = 0
        """Bytes of the disk, as of the last look."""

    @property
    def offset(self) -> float:
        """Seconds by which the system's clock is ahead, while it is not believed."""
        clock = self._application.clock
        return clock.offset if isinstance(clock, SteadyClock) else 0.0

    def keep_reserve(self) -> None:
        """Keep a part of the disk for when it is full, from now on, and know whom to tell should the database be gone at the first look."""
        self._reserves = True
        self.tenants()
        self._take_back()  # what fills the disk may be a drill's
        self._disk()

    def tenants(self) -> Sequence[Tenant]:
        """All, as last known where that cannot be read now."""
        with suppress(AverError):
            self._tenants = self._application.store.tenants()
        return self._tenants

    def require_room(self, tenant: str) -> None:
        """Raises :class:`~aver.core.errors.StorageFull` while the disk is short: documents can wait, evidence cannot."""
        if self.conditions.stands("disk", tenant):
            raise StorageFull(
                "Nothing is taken in while the disk of the data is short", "Free some space; it goes on by itself."
            )

    def late(self, tenant: str) -> frozenset[str]:
        """The sources of a tenant that are behind."""
        return frozenset(dict(each.labels)["source"] for each in self.conditions.standing("source", tenant))

    def unusable(self, tenant: str, problem: str) -> None:
        """Somebody could not record what they had to, and why; or could, with nothing."""
        self._note("records", [of_records(problem)], tenant)

    def look(self) -> None:
        """Look at everything that is due."""
        deep = time.monotonic() - self._looked_deep >= _DEEP
        if deep:
            self._looked_deep = time.monotonic()
        self._take_back()
        self._disk()
        self._note("store", [of_store(self._application.store.problem())])
        self._recover("", self._application.store.recover)
        ahead = 0.0
        for tenant in self.tenants():
            try:
                services = self._application.tenant(tenant.id)
            except AverError as error:
                self._note("store", [of_store(error.cause)], tenant.id)
                continue
            self._store(services)
            if self.conditions.stands("store", tenant.id):
                continue
            self._attempt(tenant.id, partial(self._sources, services))
            if deep:
                ahead = max(ahead, self._attempt(tenant.id, partial(self._deep, services)) or 0.0)
        if deep or self.offset:
            self._note("clock", [of_clock(self.offset, ahead)])
        self._providers()

    def _take_back(self) -> None:
        try:
            if undo(self._data, partial(restore, self._application)):
                _log.warning("what a drill had left was taken back")
            elif pending(self._data) != self._drilled:
                self._drilled = not self._drilled
                _log.warning("a drill in place %s", "is under way" if self._drilled else "is over")
        except AverError as error:  # at the next look
            _log.error("what a drill had left cannot be taken back", extra={"error": error.slug, "cause": error.cause})

    def _attempt(self, tenant: str, look: Callable[[], T]) -> T | None:
        try:
            return look()
        except AverError as error:
            _log.error("a tenant cannot be looked at", extra={"tenant": tenant, "error": error.slug})
            return None

    def _deep(self, services: TenantServices) -> float:
        """Seconds by which the newest record is ahead of the clock."""
        if not self._application.alone:
            self._index(services)
        newest = services.ledger.newest()
        return (newest - self._application.clock.now()).total_seconds() if newest else 0.0

    def _providers(self) -> None:
        """Models that are left alone because they fail, whichever release asks them."""
        found: dict[str, Departure] = {}
        for each in self._application.servings.at_work():
            models = each.gateway.status()["models"] if "gateway" in vars(each) else {}
            found |= {
                name: of_provider(name, str(status["provider"]))
                for name, status in models.items()
                if status["breaker"] != "closed"
            }
        self._note("provider", list(found.values()))

    def _disk(self) -> None:
        usage, reserve = shutil.disk_usage(self._data), self._data / "reserve"
        size = reserve_size(self._application.settings.reserve_mb, usage.total) if self._reserves else 0
        self.free = usage.free
        given_up = size if not reserve.exists() else 0
        if given_up and usage.free >= _ROOM * size and not self.conditions.stands("disk"):
            self._make_reserve(size)
            given_up = 0
        found = of_disk(usage.free, usage.total, self._unwritable(), given_up)
        if found is not None and size and not given_up:
            reserve.unlink(missing_ok=True)
            _log.warning("the reserve on the disk was given up", extra={"bytes": size})
        self._note("disk", [found])

    def _make_reserve(self, size: int) -> None:
        made = self._data / f".reserve.{os.getpid()}"
        try:
            handle = os.open(made, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, size)
            finally:
                os.close(handle)
            made.rename(self._data / "reserve")
        except OSError as error:
            made.unlink(missing_ok=True)
            _log.warning("no reserve could be made on the disk", extra={"error": os.strerror(error.errno or 0)})

    def _unwritable(self) -> str:
        """Why nothing can be written, if that is so."""
        probe = self._data / f".probe.{os.getpid()}"
        try:
            handle = os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, _PROBE)
            finally:
                os.close(handle)
        except OSError as error:
            return f"nothing can be written ({error.strerror})"
        finally:
            with suppress(OSError):
                probe.unlink(missing_ok=True)
        return ""

    def _store(self, services: TenantServices) -> None:
        tenant, problem = services.store.tenant.id, services.store.problem()
        self._note("store", [of_store(problem)], tenant)
        self._recover(tenant, services.store.recover)

    def _recover(self, tenant: str, recover: Callable[[], bool]) -> None:
        """Put back what is gone, where that can be done."""
        if not self.conditions.standing("store", tenant):
            return
        try:
            done = recover()
        except AverError as error:
            _log.error(
                "a database file could not be put back",
                extra={"tenant": tenant, "error": error.slug, "cause": error.cause},
            )
            return
        if done:
            _log.warning("a database file was put back", extra={"tenant": tenant})
            self._note("store", [], tenant)

    def _index(self, services: TenantServices) -> None:
        tenant, life = services.store.tenant.id, services.knowledge.index
        problem = life.glance()
        self._note("index", [of_index(problem)], tenant)
        if problem:
            with suppress(Conflict):  # another process is at it
                made = life.rebuild()
                _log.warning("an index was made anew", extra={"tenant": tenant, "documents": made.documents})
                self._note("index", [of_index(life.glance())], tenant)

    def _sources(self, services: TenantServices) -> None:
        if self._application.alone:
            return
        # Nothing was followed while nothing was served: that is no fault of a source's.
        now, longest = self._application.clock.now(), time.monotonic() - self._began
        found = [
            of_source(each.name, min(lag, longest), each.every, each.problem)
            for each in services.sources.states()
            if each.kind and (lag := each.lag(now)) is not None
        ]
        self._note("source", found, services.store.tenant.id)

    def _note(self, signal: HealthSignal, found: Sequence[Departure | None], tenant: str = "") -> None:
        for each in self.conditions.note(signal, found, tenant):
            _log.error("%s", each.said, extra={"tenant": tenant, "rule": each.rule})
