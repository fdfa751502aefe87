"""Rollouts looked at again and again, beside serving: what has happened is counted, and what follows from it takes effect."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aver.core.errors import AverError, Conflict
from aver.server.releasing import registry
from aver.store.files import private_directory, try_exclusive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aver.evidence import Ledger
    from aver.releases.rollout.controller import RolloutController
    from aver.releases.rollout.desk import RegistryDesk
    from aver.server.application import Application
    from aver.store import TenantStore

__all__ = ["Roller", "rollout_controller", "rollout_desk"]

_LOOKS = 2.0
"""Seconds between looks: a spike of tokens is to end a rollout within a minute."""
_log = logging.getLogger("aver.rollout")


def rollout_desk(application: Application) -> RegistryDesk:
    """Where the installation's rollouts are kept."""
    from aver.releases.rollout.desk import RegistryDesk

    def books() -> Mapping[str, tuple[TenantStore, Ledger]]:
        opened = [application.tenant(tenant.id) for tenant in application.store.tenants()]
        return {each.store.tenant.id: (each.store, each.ledger) for each in opened}

    return RegistryDesk(registry(application), application.store, books, application.clock)


def rollout_controller(application: Application) -> RolloutController:
    """What looks at them, by the evidence of all tenants."""
    from aver.releases.rollout.controller import RolloutController
    from aver.releases.rollout.reading import EvidenceTraffic

    def ledgers() -> dict[str, Ledger]:
        return {tenant.id: application.tenant(tenant.id).ledger for tenant in application.store.tenants()}

    return RolloutController(rollout_desk(application), EvidenceTraffic(ledgers), application.clock)


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
        controller = await asyncio.to_thread(rollout_controller, self._application)
        while True:
            try:
                await asyncio.to_thread(self._look, controller)
            except Exception as error:  # noqa: BLE001 - one look that breaks must not be the last
                kind = error.slug if isinstance(error, AverError) else type(error).__qualname__
                _log.error("rollouts cannot be looked at", extra={"error": kind})
            await asyncio.sleep(self._looks)

    def _look(self, controller: RolloutController) -> None:
        folder = self._application.settings.data / "releases"
        private_directory(folder)
        try:
            with try_exclusive(folder / "rollouts.lock", "rollouts"):
                for rollout in controller.step():
                    said = {"rollout": rollout.id, "status": rollout.status, "stage": rollout.stage}
                    _log.info("a rollout has moved: %s", rollout.reason, extra=said)
        except Conflict:
            pass  # another replica is at it
