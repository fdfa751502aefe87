"""API keys, remembered for a moment: looking one up in the database for every call would cost more than the call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from aver.core.errors import Unauthenticated
from aver.core.principal import Principal
from aver.store import Store

__all__ = ["Caller", "KeyCache"]

_LIFETIME = 0.5
"""Seconds. A key that another process revoked is refused within a second; one revoked here, at once."""
_MOST = 10_000


class Caller(NamedTuple):
    """Whom an API key stands for, and the key's id."""

    principal: Principal
    key: str


class KeyCache:
    def __init__(self, store: Store, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._keys: dict[bytes, tuple[float, Caller]] = {}

    async def find(self, secret: bytes) -> Caller:
        """The caller with this secret; :class:`~aver.core.errors.Unauthenticated` when there is none."""
        now = self._monotonic()
        found = self._keys.get(secret)
        if found is not None and found[0] > now:
            return found[1]
        if not secret:
            raise Unauthenticated("The request carries no API key", "Send the header Authorization: Bearer aver_...")
        self._keys.pop(secret, None)
        key = await asyncio.to_thread(self._store.authenticate, secret.decode("utf-8", "replace"))
        if len(self._keys) >= _MOST:
            self._keys.clear()
        caller = Caller(key.principal, key.id)
        self._keys[secret] = (now + _LIFETIME, caller)
        return caller

    def forget(self) -> None:
        """A key was revoked."""
        self._keys.clear()
