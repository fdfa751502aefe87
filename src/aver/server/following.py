"""Following the sources of every tenant as their schedules say, beside serving."""

from __future__ import annotations

import logging
import threading

from aver.core.errors import AverError, Conflict
from aver.server.application import Application

__all__ = ["Follower"]

_LOOKS = 10.0
"""Seconds between looks for sources that are due."""
_log = logging.getLogger("aver.sources")


class Follower:
    """One thread that follows one source at a time. Of several processes, whoever has a tenant's lock does."""

    def __init__(self, application: Application, looks: float = _LOOKS) -> None:
        self._application = application
        self._looks = looks
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aver-sources", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Nothing new is begun. What is under way ends with the process: whatever it did not finish is done the next time."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.wait(self._looks):
            for tenant in self._application.store.tenants():
                self._follow(tenant.id)

    def _follow(self, tenant: str) -> None:
        try:
            following = self._application.tenant(tenant).sources
            due = following.due()
        except AverError as error:
            _log.error("the sources of a tenant cannot be looked at", extra={"tenant": tenant, "error": error.slug})
            return
        for name in due:
            if self._closing.is_set():
                return
            try:
                report = following.follow(name)
            except Conflict:
                return  # another process is at it
            except Exception as error:  # noqa: BLE001 - one source that breaks must not end the following of the others
                kind = error.slug if isinstance(error, AverError) else type(error).__qualname__
                _log.error("a source could not be followed", extra={"tenant": tenant, "error": kind})
            else:
                done = {"added": report.added, "changed": report.changed, "deleted": report.deleted}
                _log.info("a source was followed", extra={"tenant": tenant, **done, "failed": len(report.failed)})
