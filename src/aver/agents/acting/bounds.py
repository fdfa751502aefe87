"""When a turn may go on: what bounds it, what stops it, who cancels it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from aver.agents.acting.running import Running
from aver.agents.blocking import whole
from aver.core.errors import Forbidden, LimitReached, NotFound, ProviderError, Stopped, Unauthenticated

__all__ = ["Ends", "may_go_on", "watched", "within_limits"]

T = TypeVar("T")

_LOOKS = 0.25
"""Seconds between looks for whether to go on, while a model or a reading tool is at work."""
_SHAPES = 3
"""Attempts at an answer that is one."""


class Ends(Exception):
    """The turn is to be aborted, for the error it carries."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug = slug


def may_go_on(running: Running) -> None:
    """Raise where the turn is cancelled, where its asker may not act any more, or where something it needs is stopped. Blocking."""
    if running.parts.journal.cancelled(running.state.turn):
        raise Ends("cancelled", "It was cancelled.")
    try:
        running.parts.identify(running.principal)
        running.stopped("")
    except (Forbidden, NotFound, Stopped, Unauthenticated) as error:
        raise Ends(error.slug, f"{error.cause}.") from error


def within_limits(running: Running) -> None:
    state, limits = running.state, running.parts.agent.limits
    for spent, most, what in (
        (len(state.replies), limits.steps, "replies of the model"),
        (state.seconds, limits.seconds, "seconds of work"),
        (state.tokens, limits.tokens, "tokens"),
        (state.nano_usd / 1e9, limits.nano_usd / 1e9, "US dollars"),
    ):
        if spent >= most:
            raise Ends(LimitReached.slug, f"It may take {most:g} {what}, and they are used up.")
    if len(state.replies) >= _SHAPES and all(reply.note and not reply.actions for reply in state.replies[-_SHAPES:]):
        raise Ends(ProviderError.slug, f"The model gave no answer in {_SHAPES} attempts. {state.replies[-1].note}")


async def watched(running: Running, work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Do ``work`` that changes nothing, and leave it as soon as the turn is not to go on, or its time is up."""
    task = asyncio.ensure_future(work)
    clock = running.parts.journal.clock
    until = clock.monotonic() + seconds
    try:
        while not (await asyncio.wait({task}, timeout=_LOOKS))[0]:
            await whole(may_go_on, running)
            if clock.monotonic() >= until:
                raise Ends(LimitReached.slug, "The time for it is used up.")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
