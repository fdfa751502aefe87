"""What is done again and again beside serving, for one tenant after another."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from aver.core.errors import AverError, Conflict

if TYPE_CHECKING:
    from aver.server.application import Application, TenantServices

__all__ = ["Recurring"]


class Recurring:
    """One process's. ``act`` is for one tenant, blocks, and raises :class:`~aver.core.errors.Conflict` where another process is at it; ``failed`` is what the log
    says where it breaks, which keeps neither the other tenants nor the next time from it. Used within one event loop."""

    def __init__(
        self,
        application: Application,
        act: Callable[[str, TenantServices], None],
        every: float,
        log: logging.Logger,
        failed: str,
    ) -> None:
        self._application = application
        self._act = act
        self._every = every
        self._log = log
        self._failed = failed
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

    def once(self) -> None:
        """For every tenant now. Blocking."""
        for tenant in self._application.store.tenants():
            if self._closing.is_set():
                return
            try:
                self._act(tenant.id, self._application.tenant(tenant.id))
            except Conflict:
                continue
            except Exception as error:  # noqa: BLE001 - one tenant that breaks must not keep the others from it
                self._tell_of(error, tenant.id)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await asyncio.to_thread(self.once)
            except Exception as error:  # noqa: BLE001 - one time that breaks must not be the last
                self._tell_of(error, "")

    def _tell_of(self, error: Exception, tenant: str) -> None:
        kind = error.slug if isinstance(error, AverError) else type(error).__qualname__
        self._log.error(self._failed, extra={"tenant": tenant, "error": kind})
