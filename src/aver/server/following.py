"""Following the sources of every tenant, as their schedules say and as events ask, beside serving."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from aver.core.errors import AverError, Conflict
from aver.server.application import Application

if TYPE_CHECKING:
    from aver.knowledge.sources import Sources

__all__ = ["Follower"]

_LOOKS = 10.0
"""Seconds between looks for sources that are due."""
_log = logging.getLogger("aver.sources")


class Follower:
    """Two threads, each of which follows one source at a time: one those that are due, of every tenant; the other those that an event
    told this process of, so that a deletion does not wait for somebody's first crawl. Of several processes, whoever has a source's lock
    follows it. Events are remembered with their sources: what one process was told, another may do."""

    def __init__(self, application: Application, looks: float = _LOOKS) -> None:
        self._application = application
        self._looks = looks
        self._closing = threading.Event()
        self._woken: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="aver-sources", daemon=True)
        self._second = threading.Thread(target=self._run_asked, name="aver-sources-asked", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._second.start()

    def wake(self, tenant: str) -> None:
        """An event told of a source of the tenant with this id."""
        self._woken.put(tenant)

    def close(self) -> None:
        """Nothing new is begun. What is under way ends with the process: whatever it did not finish is done the next time."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(self._looks):
            for tenant in self._application.store.tenants():
                self._follow(tenant.id)

    def _run_asked(self) -> None:
        waiting: set[str] = set()
        while not self._closing.is_set():
            with suppress(queue.Empty):
                waiting.add(self._woken.get(timeout=self._looks))
            waiting = {tenant for tenant in waiting if self._follow(tenant, asked=True)}

    def _follow(self, tenant: str, *, asked: bool = False) -> bool:
        """Whether events are left that nothing was done about yet."""
        try:
            following = self._application.tenant(tenant).sources
            self._follow_due(tenant, following, following.due(asked=asked))
            return following.has_waiting()
        except AverError as error:
            _log.error("the sources of a tenant cannot be looked at", extra={"tenant": tenant, "error": error.slug})
            return False

    def _follow_due(self, tenant: str, following: Sources, due: Sequence[str]) -> None:
        for name in due:
            if self._closing.is_set():
                return
            try:
                report = following.follow(name)
            except Conflict:
                continue  # somebody else is at it
            except Exception as error:  # noqa: BLE001 - one source that breaks must not end the following of the others
                kind = error.slug if isinstance(error, AverError) else type(error).__qualname__
                _log.error("a source could not be followed", extra={"tenant": tenant, "error": kind})
            else:
                done = {"added": report.added, "changed": report.changed, "deleted": report.deleted}
                _log.info("a source was followed", extra={"tenant": tenant, **done, "failed": len(report.failed)})
