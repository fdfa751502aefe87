"""Objectives held against evidence, and what is around the process looked at, again and again, beside serving; and what follows from it told."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from aver.core.errors import AverError
from aver.ops.alerts.sending import Sender
from aver.ops.health.standby import Standby

if TYPE_CHECKING:
    from aver.ops.service import Operations
    from aver.server.application import Application
    from aver.store import Tenant

__all__ = ["Watcher"]

_LOOKS = 5.0
"""Seconds between looks: what begins is to be seen within half a minute."""
_HEALTH = 2.0
"""Seconds between looks around the process, which cost a few calls of the system."""
_log = logging.getLogger("aver.operations")


class Watcher:
    """One process's. Looking, acting and telling are apart, so that a route that does not answer, or an index that is made anew, keeps nothing from
    being seen. Of several processes whoever has a tenant's lock looks at it, and whoever claims a message sends it. Used within one event loop."""

    def __init__(self, application: Application, looks: float = _LOOKS) -> None:
        self._application = application
        self._looks = looks
        self._closing = threading.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._standbys: dict[str, Standby] = {}
        self._own = ThreadPoolExecutor(1, "aver-health")
        """What looks around the process waits for nobody."""
        self._fired = (asyncio.Event(), asyncio.Event())
        """Set when an alert has fired: once for what is done about it, once for what is told of it."""

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        act, tell = self._fired
        self._tasks = [
            asyncio.create_task(self._run(self._look, self._looks)),
            asyncio.create_task(self._run(self._mitigate, self._looks, act)),
            asyncio.create_task(self._run(self._tell, self._looks, tell)),
            asyncio.create_task(self._run(self._wait, self._looks)),
            asyncio.create_task(self._run(self._health, min(_HEALTH, self._looks), own=self._own)),
        ]

    async def close(self) -> None:
        """What is under way ends by itself: all of it is saved, or none."""
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._own.shutdown(wait=False)

    async def _run(
        self,
        act: Callable[[], None],
        every: float,
        woken: asyncio.Event | None = None,
        own: ThreadPoolExecutor | None = None,
    ) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for((woken or asyncio.Event()).wait(), every)
            if woken is not None:
                woken.clear()
            try:
                await self._loop.run_in_executor(own, act)
            except Exception as error:  # noqa: BLE001 - one look that breaks must not be the last
                _tell_of(error, "")

    def _health(self) -> None:
        self._application.health.look()

    def _look(self) -> None:
        """Where nothing is promised, evidence is counted all the same, so that whoever looks at figures does not wait for it."""
        self._all(self._look_at if self._promised else lambda tenant: self._operations(tenant).read())

    def _mitigate(self) -> None:
        if self._promised:
            self._all(self._mitigate_at)

    def _tell(self) -> None:
        if self._promised:
            self._all(lambda tenant: self._operations(tenant).tell())

    def _wait(self) -> None:
        """Find the turns that wait for somebody's decision."""
        self._all(lambda tenant: self._application.tenant(tenant.id).triage.catch_up())

    @property
    def _promised(self) -> bool:
        return self._application.bundle().objectives is not None

    def _operations(self, tenant: Tenant) -> Operations:
        return self._application.tenant(tenant.id).operations

    def _all(self, act: Callable[[Tenant], object]) -> None:
        for tenant in self._application.health.tenants():
            if self._closing.is_set():
                return
            try:
                act(tenant)
            except Exception as error:  # noqa: BLE001 - one tenant that breaks must not keep the others from being looked at
                _tell_of(error, tenant.id)

    def _look_at(self, tenant: Tenant) -> None:
        try:
            operations = self._operations(tenant)
            changes = operations.look()
        except AverError as error:
            self._application.health.unusable(tenant.id, error.cause)
            self._stand_by(tenant)
            raise
        self._application.health.unusable(tenant.id, "")
        if changes.fired:
            for event in self._fired:
                self._loop.call_soon_threadsafe(event.set)
        if tenant.id in self._standbys:
            self._standbys.pop(tenant.id).forget()
        for alert in changes.fired[:20]:
            said = {"tenant": operations.tenant, "alert": alert.id, "rule": alert.rule, "severity": alert.severity}
            _log.warning("an alert has fired: %s", alert.said, extra=said)
        for alert in changes.resolved[:20]:
            _log.info("an alert is resolved: %s", alert.said, extra={"tenant": operations.tenant, "alert": alert.id})

    def _mitigate_at(self, tenant: Tenant) -> None:
        operations = self._operations(tenant)
        for each in operations.mitigate():
            said = {
                "tenant": operations.tenant,
                "mitigation": each.id,
                "incident": each.incident,
                "status": each.status,
            }
            _log.warning("something was done of itself: %s", each.action, extra=said)

    def _stand_by(self, tenant: Tenant) -> None:
        """Tell of what is known in memory, where it cannot be written that it was told."""
        application, objectives = self._application, self._application.bundle().objectives
        if tenant.id not in self._standbys:
            send = Sender(application.secret, application.clock)
            self._standbys[tenant.id] = Standby(tenant, application.clock, send)
        routes = tuple(objectives.routes.values()) if objectives else ()
        self._standbys[tenant.id].tell(application.health.conditions.of(tenant.id), routes)


def _tell_of(error: Exception, tenant: str) -> None:
    kind = error.slug if isinstance(error, AverError) else type(error).__qualname__
    _log.error("operations cannot be looked at", extra={"tenant": tenant, "error": kind})
