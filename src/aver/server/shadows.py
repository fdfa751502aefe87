"""Shadow traffic: some of the questions that the release in force answers are answered by a candidate too, unseen by anybody.

A shadow can do nothing: the assistant reads, and its evidence, which says whose shadow it is, is all that it leaves. What agents do is never done
twice. Its calls count in the tenant's budgets like any others, and all shadows of a rollout together may cost what its plan says; those under
way when that is spent are brought to their end.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from aver.core.errors import AverError
from aver.store.files import exclusive, private_directory

if TYPE_CHECKING:
    from pathlib import Path

    from aver.agents.parts import Question
    from aver.agents.pin import Pin
    from aver.releases.rollout.state import Rollout, Variant
    from aver.server.application import Application

__all__ = ["Shadows"]

_log = logging.getLogger("aver.rollout")


class Shadows:
    """One process's. Used within one event loop."""

    def __init__(self, application: Application, draw: Callable[[], float] = random.random) -> None:
        self._application = application
        self._draw = draw
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self, rollout: Rollout | None, pin: Pin) -> Callable[[Question], None]:
        """What is told of the turns under ``pin``: asks some of them again, where the rollout wants that."""
        wanted = rollout is not None and rollout.status == "running" and rollout.plan.shadow is not None
        if rollout is None or not wanted or pin.release != rollout.control:
            return _nobody
        return partial(self._asked, rollout)

    async def close(self) -> None:
        """Leave those under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _asked(self, rollout: Rollout, question: Question) -> None:
        shadow, tried = rollout.plan.shadow, [each for each in rollout.variants if not each.stopped]
        if shadow is None or not tried or len(self._tasks) >= shadow.at_once or self._draw() * 100 >= shadow.percent:
            return
        task = asyncio.create_task(self._answer(rollout, self._choose(tried), shadow.usd, question))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _choose(self, tried: list[Variant]) -> Variant:
        return tried[int(self._draw() * len(tried)) % len(tried)]

    async def _answer(self, rollout: Rollout, variant: Variant, usd: float, question: Question) -> None:
        from aver.agents.pin import Pin

        application, account = self._application, self._account(rollout)
        place = {"rollout": rollout.id, "arm": "shadow", "stage": rollout.stage, "group": 0, "compared": False}
        pin = Pin(variant.digest, rollout.environment, place, shadow_of=question.turn)
        try:
            if await asyncio.to_thread(_spent, account) >= usd:
                return
            services = await application.services(question.principal.tenant)
            with await application.servings.lend_pinned(pin) as lent:
                released = lent.serving.released(services.store.tenant.name, pin)
                answer = await services.assistant.shadow(question, released)
            await asyncio.to_thread(_spent, account, answer.usage.cost_usd or 0.0)
        except AverError as error:
            # What it had cost by then is on record with the turn, and little.
            _log.info("a shadow came to nothing", extra={"rollout": rollout.id, "error": error.slug})

    def _account(self, rollout: Rollout) -> Path:
        """What shadows of a rollout have cost, in US dollars, over all processes of the installation."""
        return self._application.settings.data / "releases" / "shadows" / rollout.id


def _spent(account: Path, more: float = 0.0) -> float:
    """What is on the account with ``more`` put to it. Blocking."""
    private_directory(account.parent)
    with exclusive(account.with_suffix(".lock")):
        spent = (float(account.read_text()) if account.exists() else 0.0) + more
        if more:
            account.write_text(repr(spent))
    return spent


def _nobody(_: Question) -> None: ...
