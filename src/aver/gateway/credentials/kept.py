"""A value from elsewhere, fetched when it is first needed and again in the background before its time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Generic, TypeVar

from aver.core.clock import Clock
from aver.core.errors import AverError, ProviderError
from aver.gateway.credentials.types import Fetched

__all__ = ["Kept"]

T = TypeVar("T")
_RETRY = 30.0
"""Seconds between attempts to refresh a value that is still good."""
_SPARE = 2.0
"""Seconds in which a source that just failed is not asked again: every call in them has the same error."""


class Kept(Generic[T]):
    """Many callers cause one fetch. When a refresh fails, the old value is kept for as long as it is worth something."""

    def __init__(self, fetch: Callable[[], Awaitable[Fetched[T]]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._fetched: Fetched[T] | None = None
        self._refresh_at = -inf
        self._expires_at = -inf
        self._error: AverError | None = None
        self._fetching: asyncio.Task[None] | None = None

    def now(self) -> T | None:
        """The value, or ``None`` when :meth:`get` has something to do."""
        if self._fetched is not None and self._clock.monotonic() < self._refresh_at:
            return self._fetched.value
        return None

    def known(self) -> T | None:
        """The value that was fetched last, be it old."""
        return self._fetched.value if self._fetched else None

    async def get(self) -> T:
        """Raises what fetching raises, when there is no value that is worth something."""
        now = self._clock.monotonic()
        if self._fetched is not None and now < self._refresh_at:
            return self._fetched.value
        if self._fetched is not None and now < self._expires_at and not self._fetched.quick:
            self._begin()
            return self._fetched.value
        if self._error is None or now >= self._refresh_at:
            # Shielded: a caller who leaves does not take the value from the others.
            await asyncio.shield(self._begin())
        if self._fetched is not None:
            return self._fetched.value
        assert self._error is not None
        raise self._error.with_traceback(None)

    def _begin(self) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        if self._fetching is None or self._fetching.done() or self._fetching.get_loop() is not loop:
            self._fetching = loop.create_task(self._run(), name="refresh of a credential")
        return self._fetching

    async def _run(self) -> None:
        try:
            fetched = await self._fetch()
        except AverError as error:
            self._failed(error)
        except Exception:  # noqa: BLE001 - its text might hold what must not be shown
            self._failed(ProviderError("A credential could not be fetched", "Check where it is kept."))
        else:
            now = self._clock.monotonic()
            self._fetched, self._error = fetched, None
            self._refresh_at, self._expires_at = now + fetched.refresh, now + fetched.expires

    def _failed(self, error: AverError) -> None:
        now = self._clock.monotonic()
        self._error = error
        if now < self._expires_at:
            self._refresh_at = min(now + _RETRY, self._expires_at)
        else:
            self._fetched, self._refresh_at = None, now + _SPARE
