"""Agents at work for the people who ask them, each turn under the release that it was begun under."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aver.core.ids import new_id
from aver.core.labels import ANYTHING, Label

if TYPE_CHECKING:
    from aver.agents.acting import Acting, AgentConfig
    from aver.core.principal import Principal
    from aver.server.application import Application
    from aver.server.tenancy import TenantServices

__all__ = ["at_work", "begin", "offered"]


async def offered(application: Application, services: TenantServices, principal: Principal) -> Sequence[AgentConfig]:
    """The agents that ``principal`` may use."""
    with await application.servings.lend(principal) as lent:
        serving = lent.serving
        if not serving.bundle().agents:
            return ()
        return await asyncio.to_thread(lambda: serving.agents.offered(services, principal))


async def begin(
    application: Application,
    services: TenantServices,
    principal: Principal,
    agent: str,
    task: str,
    conversation: str | None = None,
    traceparent: str = "",
    label: Label = ANYTHING,
) -> str:
    """Admit a turn of the agent of this name; its id. It goes on wherever Aver is served. ``traceparent`` is the trace that the caller is in, ``label`` what the
    caller says of the task. Raises :class:`~aver.core.errors.NotFound` where
    there is no such agent, or none for ``principal``, and as :meth:`~aver.agents.acting.Acting.begin` does."""
    entered = conversation or new_id("conversation")
    with await application.servings.lend(principal, entered) as lent:
        agents = lent.serving.agents
        config = agents.find(services, principal, agent)
        pin = await lent.serving.flagged(lent.pin, principal, entered)
        async with agents.acting(services, agent, pin) as acting:
            said = (config.output, entered, traceparent, label)
            return await asyncio.to_thread(acting.begin, principal, task, conversation, *said)


@asynccontextmanager
async def at_work(application: Application, services: TenantServices, turn: str) -> AsyncIterator[Acting]:
    """The agent whose turn it is, under the release of the turn. Raises what keeps that release from being opened: no other takes its place,
    since what the turn has done was done under its rules."""
    agent, pin = await asyncio.to_thread(lambda: (services.journal.agent(turn), services.journal.pin(turn)))
    with await application.servings.lend_pinned(pin) as lent:
        async with lent.serving.agents.acting(services, agent, lent.pin) as acting:
            yield acting
