"""Rollouts looked at again and again, beside serving: what has happened is counted, and what follows from it takes effect."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from aver.core.errors import AverError, Conflict
from aver.store.files import private_directory, try_exclusive

if TYPE_CHECKING:
    from aver.releases.rollout.controller import RolloutController
    from aver.server.application import Application

__all__ = ["Roller"]

_LOOKS = 2.0
"""Seconds between looks: a spike of tokens is to end a rollout within a minute."""
_log = logging.getLogger("aver.rollout")


class Roller:
    """One process's. Of several whoever has the lock looks, so that evidence is read once; and should two look all the same, the revisions of what
    they save let one of them be heard. Used within one event loop."""

    def __init__(self, application: Application, looks: float = _LOOKS) -> None:
        self._application = application
        self._looks = looks
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, where an environment is served."""
        if self._application.settings.environment:
            self._looking = asyncio.create_task(self._run())

    async def close(self) -> None:
        """What is under way ends by itself: all of it is saved, or none."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _run(self) -> None:
        from aver.server.rolling import controller

        rollouts = await asyncio.to_thread(controller, self._application)
        while True:
            try:
                await asyncio.to_thread(self._look, rollouts)
            except Exception as error:  # noqa: BLE001 - one look that breaks must not be the last
                kind = error.slug if isinstance(error, AverError) else type(error).__qualname__
                _log.error("rollouts cannot be looked at", extra={"error": kind})
            await asyncio.sleep(self._looks)

    def _look(self, rollouts: RolloutController) -> None:
        folder = self._application.settings.data / "releases"
        private_directory(folder)
        with suppress(Conflict), try_exclusive(folder / "rollouts.lock", "rollouts"):  # where another is at it
            for rollout in rollouts.step():
                said = {"rollout": rollout.id, "status": rollout.status, "stage": rollout.stage}
                _log.info("a rollout has moved: %s", rollout.reason, extra=said)
