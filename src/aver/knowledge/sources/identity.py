"""Who Aver is to a cloud, asked for by code that blocks: a token or keys, fetched when they are first needed and again before their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any, Generic, TypeVar

from aver.core.clock import Clock
from aver.core.errors import ProviderDenied, ProviderError, SourceDenied, Unavailable
from aver.gateway.credentials.types import Fetched

__all__ = ["Identity"]

T = TypeVar("T")


class Identity(Generic[T]):
    """For one thread at a time, in which no event loop runs. What ``fetch`` does before it awaits may block."""

    def __init__(self, fetch: Callable[[], Coroutine[Any, Any, Fetched[T]]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._fetched: Fetched[T] | None = None
        self._refresh_at = -inf
        self._expires_at = -inf

    def get(self, *, anew: bool = False) -> T:
        """The value; ``anew`` when the last one was refused. One that is still good serves on while a newer one cannot be had.

        Raises :class:`~aver.core.errors.SourceDenied` where there is none to be had, and :class:`~aver.core.errors.Unavailable` where
        there is none now.
        """
        now = self._clock.monotonic()
        if self._fetched is not None and not anew and now < self._refresh_at:
            return self._fetched.value
        try:
            fetched = asyncio.run(self._fetch())
        except ProviderError as error:
            if self._fetched is not None and not anew and now < self._expires_at:
                return self._fetched.value
            kind = SourceDenied if isinstance(error, ProviderDenied) else Unavailable
            raise kind(error.cause, error.next_step) from error
        self._fetched, self._refresh_at, self._expires_at = fetched, now + fetched.refresh, now + fetched.expires
        return fetched.value
