"""Going on with the turns of agents, beside serving."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

from aver.agents.acting import Outcome
from aver.core.errors import AverError, Conflict
from aver.core.principal import Principal
from aver.evidence import Step
from aver.server.acting import at_work

if TYPE_CHECKING:
    from aver.server.application import Application, TenantServices

__all__ = ["Runner", "follow"]

_LOOKS = 2.0
"""Seconds between looks for turns that can go on."""
_AT_ONCE = 64
"""Turns that one process goes on with at a time; others wait, or go on elsewhere."""
_FOLLOWED = 0.25
"""Seconds between looks at the evidence of a turn that somebody watches."""
_log = logging.getLogger("aver.agents")


class Runner:
    """One process's. What it began goes on whether or not anybody waits for it: turns outlive their callers. It looks for those of every
    tenant that can go on and that nobody holds: after an approval, an expiry, or the death of a process. Used within one event loop."""

    def __init__(self, application: Application, looks: float = _LOOKS) -> None:
        self._application = application
        self._looks = looks
        self._at: dict[str, asyncio.Task[Outcome]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._woken = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, within the event loop that serves."""
        self._room, self._woken = asyncio.Semaphore(_AT_ONCE), asyncio.Event()
        self._looking = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Somebody has answered, or wants a turn to end: look now."""
        self._woken.set()

    def go_on(self, services: TenantServices, turn: str) -> asyncio.Task[Outcome]:
        """Go on with a turn, once however often it is asked for. The task raises as :meth:`~aver.agents.acting.Acting.run` does; shield it
        to wait for it."""
        task = self._at.get(turn)
        if task is None:
            task = self._at[turn] = asyncio.create_task(self._go_on(services, turn))
            task.add_done_callback(lambda done: self._ended(turn, done))
        return task

    async def close(self) -> None:
        """Leave every turn where it stands, once an effect under way has ended."""
        tasks = [*self._at.values(), *([self._looking] if self._looking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - one look that breaks must not be the last
                _log.error("turns cannot be looked for", extra={"error": _kind(error)})
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._looks)
            self._woken.clear()

    async def _look(self) -> None:
        if not await asyncio.to_thread(self._application.servings.any_agents):
            return
        await asyncio.to_thread(self._application.mistakes)
        for tenant in await asyncio.to_thread(self._application.store.tenants):
            services = await self._application.services(tenant.id)
            for turn in await asyncio.to_thread(_due, services):
                self.go_on(services, turn)

    async def _go_on(self, services: TenantServices, turn: str) -> Outcome:
        async with self._room, at_work(self._application, services, turn) as acting:
            return await acting.run(turn)

    def _ended(self, turn: str, task: asyncio.Task[Outcome]) -> None:
        del self._at[turn]
        if task.cancelled() or (error := task.exception()) is None or isinstance(error, Conflict):
            return
        _log.error("a turn cannot go on now", extra={"turn": turn, "error": _kind(error)})


async def follow(services: TenantServices, principal: Principal, turn: str) -> AsyncIterator[Step]:
    """The steps of one's own turn, those that are there and each as it is recorded, by whichever process, until it has ended or waits.

    Raises :class:`~aver.core.errors.NotFound` for another's turn.
    """
    seen = 0
    while True:
        # In this order: what is recorded in between is seen the next time.
        rests = (await asyncio.to_thread(services.turns.outcome, principal, turn)).status != "running"
        for step in await asyncio.to_thread(services.turns.evidence, principal, turn):
            if step.seq > seen:
                seen = step.seq
                yield step
        if rests:
            return
        await asyncio.sleep(_FOLLOWED)


def _due(services: TenantServices) -> list[str]:
    services.approvals.expire()
    return services.journal.due()


def _kind(error: BaseException) -> str:
    return error.slug if isinstance(error, AverError) else type(error).__qualname__
