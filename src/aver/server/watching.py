"""Objectives held against evidence, again and again, beside serving; and what follows from it told."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from aver.core.errors import AverError
from aver.ops.service import Operations

if TYPE_CHECKING:
    from aver.server.application import Application

__all__ = ["Watcher"]

_LOOKS = 5.0
"""Seconds between looks: what begins is to be seen within half a minute."""
_log = logging.getLogger("aver.operations")


class Watcher:
    """One process's. Looking, acting and telling are apart, so that a route that does not answer, or an index that is made anew, keeps nothing from being seen. Of several processes whoever has a tenant's
    lock looks at it, and whoever claims a message sends it. Used within one event loop."""

    def __init__(self, application: Application, looks: float = _LOOKS) -> None:
        self._application = application
        self._looks = looks
        self._closing = threading.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run(each)) for each in (_look, _mitigate, _tell)]

    async def close(self) -> None:
        """What is under way ends by itself: all of it is saved, or none."""
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, act: Callable[[Operations], None]) -> None:
        while True:
            await asyncio.sleep(self._looks)
            try:
                await asyncio.to_thread(self._all, act)
            except Exception as error:  # noqa: BLE001 - one look that breaks must not be the last
                _tell_of(error, "")

    def _all(self, act: Callable[[Operations], None]) -> None:
        if self._application.bundle().objectives is None:
            if act is not _look:
                return
            act = Operations.read  # nothing is promised, and pages tell what there is all the same
        for tenant in self._application.store.tenants():
            if self._closing.is_set():
                return
            try:
                act(self._application.tenant(tenant.id).operations)
            except Exception as error:  # noqa: BLE001 - one tenant that breaks must not keep the others from being looked at
                _tell_of(error, tenant.id)


def _look(operations: Operations) -> None:
    changes = operations.look()
    for alert in changes.fired[:20]:
        said = {"tenant": operations.tenant, "alert": alert.id, "rule": alert.rule, "severity": alert.severity}
        _log.warning("an alert has fired: %s", alert.said, extra=said)
    for alert in changes.resolved[:20]:
        _log.info("an alert is resolved: %s", alert.said, extra={"tenant": operations.tenant, "alert": alert.id})


def _mitigate(operations: Operations) -> None:
    for each in operations.mitigate():
        said = {"tenant": operations.tenant, "mitigation": each.id, "incident": each.incident, "status": each.status}
        _log.warning("something was done of itself: %s", each.action, extra=said)


def _tell(operations: Operations) -> None:
    operations.tell()


def _tell_of(error: Exception, tenant: str) -> None:
    kind = error.slug if isinstance(error, AverError) else type(error).__qualname__
    _log.error("operations cannot be looked at", extra={"tenant": tenant, "error": kind})
