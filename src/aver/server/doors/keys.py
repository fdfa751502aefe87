"""API keys, remembered for a moment: looking one up in the database for every call would cost more than the call."""

from __future__ import annotations

import asyncio
import logging
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
_log = logging.getLogger("aver.identity")


class Caller(NamedTuple):
    """Whom an API key stands for, and the key's id."""

    principal: Principal
    key: str


class KeyCache:
    def __init__(self, store: Store, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._keys: dict[bytes, tuple[float, Caller]] = {}
        self._asking: dict[bytes, asyncio.Task[Caller]] = {}

    async def find(self, secret: bytes) -> Caller:
        """The caller with this secret; :class:`~aver.core.errors.Unauthenticated` when there is none."""
        now = self._monotonic()
        found = self._keys.get(secret)
        if found is not None and found[0] > now:
            return found[1]
        if not secret:
            raise Unauthenticated("The request carries no API key", "Send the header Authorization: Bearer aver_...")
        self._keys.pop(secret, None)
        asking = self._asking.get(secret)
        if asking is None:
            asking = self._asking[secret] = asyncio.create_task(self._ask(secret, now))
            asking.add_done_callback(lambda done: self._told(secret, done))
        # Shielded: a caller who leaves does not take the answer from the others.
        return await asyncio.shield(asking)

    def forget(self) -> None:
        """A key was revoked: what is known of any, and what is being asked, may be about it."""
        self._asking.clear()
        self._keys.clear()

    async def _ask(self, secret: bytes, now: float) -> Caller:
        """Of the database, once for all calls with this secret that came meanwhile."""
        key = await asyncio.to_thread(self._store.authenticate, secret.decode("utf-8", "replace"))
        if key.reason:
            _log.warning("access by breaking the glass", extra={"tenant": key.tenant, "key": key.id})
        caller = Caller(key.principal, key.id)
        if self._asking.get(secret) is asyncio.current_task():
            if len(self._keys) >= _MOST:
                self._keys.clear()
            self._keys[secret] = (now + _LIFETIME, caller)
        return caller

    def _told(self, secret: bytes, done: asyncio.Task[Caller]) -> None:
        if self._asking.get(secret) is done:
            del self._asking[secret]
        if not done.cancelled():
            done.exception()  # every caller has it already, or left
