"""Retention applied again and again, beside serving."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

from aver.core.errors import AverError, Conflict

if TYPE_CHECKING:
    from aver.server.application import Application

__all__ = ["Keeper"]

_LOOKS = 600.0
"""Seconds between looks. A class falls due once a day, so most of them find nothing and cost two queries."""
_log = logging.getLogger("aver.governance")


class Keeper:
    """One process's. Of several, whoever has a tenant's lock lets its content go. Used within one event loop."""

    def __init__(self, application: Application, looks: float = _LOOKS) -> None:
        self._application = application
        self._looks = looks
        self._closing = threading.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """What is under way ends by itself: all of a transaction is saved, or none."""
        self._closing.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._looks)
            try:
                await asyncio.to_thread(self.apply)
            except Exception as error:  # noqa: BLE001 - one look that breaks must not be the last
                _tell_of(error, "")

    def apply(self) -> None:
        """Let go what is due of every tenant. Blocking."""
        for tenant in self._application.store.tenants():
            if self._closing.is_set():
                return
            try:
                services = self._application.tenant(tenant.id)
                if not services.declared.now().retention:
                    continue
                for each in services.governance.retention.apply():
                    if each.count:
                        said = {"tenant": tenant.id, "class": each.name, "count": each.count, "held": each.held}
                        _log.info("content was let go", extra=said)
            except Conflict:  # another process is at it
                continue
            except Exception as error:  # noqa: BLE001 - one tenant that breaks must not keep the others from it
                _tell_of(error, tenant.id)


def _tell_of(error: Exception, tenant: str) -> None:
    kind = error.slug if isinstance(error, AverError) else type(error).__qualname__
    _log.error("retention cannot be applied", extra={"tenant": tenant, "error": kind})
