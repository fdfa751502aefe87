"""Chains told outside again and again, beside serving."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from aver.core.errors import AverError, Conflict
from aver.store.files import try_exclusive

if TYPE_CHECKING:
    from aver.governance.anchors.service import Anchors
    from aver.server.application import Application

__all__ = ["Anchorer"]

_LOOKS = 30.0
"""Seconds between looks at what is due."""
_log = logging.getLogger("aver.evidence")


class Anchorer:
    """One process's; of several whoever has the lock anchors. Used within one event loop."""

    def __init__(self, application: Application, looks: float = _LOOKS) -> None:
        self._application = application
        self._looks = min(looks, application.settings.anchors.every)
        self._closing = threading.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, where a place is declared."""
        anchors = self._application.settings.anchors
        if anchors.file or anchors.s3.bucket or anchors.timestamp.url or anchors.witness.url:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        self._closing.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._looks)
            try:
                await asyncio.to_thread(self._all)
            except Exception as error:  # noqa: BLE001 - one look that breaks must not be the last
                _tell_of(error, "")

    def _all(self) -> None:
        lock = self._application.settings.data / "anchors.lock"
        with suppress(Conflict), try_exclusive(lock, "anchors"):  # where another is at it
            for tenant in self._application.store.tenants():
                if self._closing.is_set():
                    return
                try:
                    self._one(tenant.id, self._application.tenant(tenant.id).anchors)
                except Exception as error:  # noqa: BLE001 - one tenant that breaks must not keep the others from being anchored
                    _tell_of(error, tenant.id)

    def _one(self, tenant: str, anchors: Anchors) -> None:
        if not anchors.due(self._application.settings.anchors.every):
            return
        for each in anchors.anchor():
            if each.problem:
                said = {"tenant": tenant, "place": each.kind, "cause": each.problem}
                _log.error("the chain cannot be anchored outside", extra=said)


def _tell_of(error: Exception, tenant: str) -> None:
    kind = error.slug if isinstance(error, AverError) else type(error).__qualname__
    _log.error("the chain cannot be anchored outside", extra={"tenant": tenant, "error": kind})
