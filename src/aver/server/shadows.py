"""Shadow traffic as it is served: some of the questions that the release in force answers are answered by a candidate too, unseen by anybody.

A shadow can do nothing: the assistant reads, and its evidence, which says whose shadow it is, is all that it leaves. What agents do is never done
twice. Its calls count in the tenant's budgets like any others.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from aver.agents.pin import Pin
from aver.releases.rollout.assignment import CONTROL, HOLDOUT, Assigned
from aver.releases.rollout.reading import values_of
from aver.releases.rollout.shadow import Shadowed, Shadows

if TYPE_CHECKING:
    from aver.agents.parts import Question
    from aver.evidence import Draft
    from aver.releases.rollout.state import Rollout, Variant
    from aver.server.application import Application
    from aver.server.tenancy import TenantServices

__all__ = ["Shadowing"]

_FRESH = 2.0
"""Seconds for which what shadows have cost elsewhere is not read again."""


class Shadowing:
    """One process's. Used within one event loop."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._spending = _Spending(application)
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self, rollout: Rollout, pin: Pin) -> Callable[[Question], None] | None:
        """What is told of the turns under ``pin``, and has some of them answered again; ``None`` where the rollout wants no shadows of them."""
        wanted = rollout.status == "running" and rollout.plan.shadow is not None
        if not wanted or pin.assigned.get("arm") not in (CONTROL, HOLDOUT):
            return None
        return partial(self._asked, rollout, Assigned(pin.release, **pin.assigned))

    async def settle(self) -> None:
        """Wait for those that run."""
        await asyncio.gather(*self._tasks)
        for shadows in self._spending.shadows.values():
            await shadows.settle()

    async def close(self) -> None:
        """Leave those that run."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for shadows in self._spending.shadows.values():
            await shadows.close()

    def _asked(self, rollout: Rollout, assigned: Assigned, question: Question) -> None:
        task = asyncio.create_task(self._offer(rollout, assigned, question))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _offer(self, rollout: Rollout, assigned: Assigned, question: Question) -> None:
        services = await self._application.services(question.principal.tenant)
        shadows = await asyncio.to_thread(self._spending.of, services)
        ask = partial(self._answer, rollout, services, question)
        shadows.offer(rollout, assigned, question.turn, question.principal.subject, ask)

    async def _answer(
        self, rollout: Rollout, services: TenantServices, question: Question, variant: Variant
    ) -> Shadowed:
        """The question answered by a release that is tried."""
        pin = Pin(variant.digest, rollout.environment, shadow_of=question.turn)
        with await self._application.servings.lend_pinned(pin) as lent:
            pin = await lent.serving.flagged(pin, question.principal, question.conversation)
            released = lent.serving.released(services.store.tenant.name, pin)
            answer = await services.assistant.shadow(question, released)
        steps = await asyncio.to_thread(services.ledger.turn, answer.turn)
        return Shadowed(values_of(steps), answer.answer, answer.turn)


class _Spending:
    """What the shadows of each rollout have cost by the evidence of all tenants, which every process adds to."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._cursors: dict[str, int] = {}
        self._usd: defaultdict[str, float] = defaultdict(float)
        self._read = float("-inf")
        self.shadows: dict[str, Shadows] = {}
        """By tenant's id: each puts its shadows on record with its own."""

    def of(self, services: TenantServices) -> Shadows:
        """Those of a tenant, with what all have cost read again. Blocking."""
        now = time.monotonic()
        if now - self._read >= _FRESH:
            self._read = now
            for tenant in self._application.store.tenants():
                ledger = self._application.tenant(tenant.id).ledger
                for step in ledger.of_kind("shadowed", after=self._cursors.get(tenant.id, 0)):
                    self._cursors[tenant.id] = step.seq
                    self._usd[str(step.facts["rollout"])] += float(step.facts.get("cost_usd") or 0.0)
        tenant_id = services.store.tenant.id
        if tenant_id not in self.shadows:
            self.shadows[tenant_id] = Shadows(partial(_record, services), lambda rollout: self._usd[rollout])
        return self.shadows[tenant_id]


def _record(services: TenantServices, draft: Draft) -> None:
    with services.store.begin() as tx:
        services.ledger.append_all(tx, [draft])
