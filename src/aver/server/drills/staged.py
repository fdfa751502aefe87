"""A fault that a process which serves brings about itself, for as long as whoever drills in place lives: a provider that fails or is slow, a source that cannot be read."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

from aver.core.errors import ProviderError, Unavailable
from aver.gateway.transport import Response, Transport
from aver.gateway.waits import Waits
from aver.gateway.wire.types import HttpRequest
from aver.server.drills.undoing import Staged, staged

__all__ = ["Staging", "StagingTransport"]

_LOOKS = 0.5
"""Seconds for which what was found holds."""
_ENDS = "It ends with the drill."


class Staging:
    """What is staged in a data directory, looked at again and again. Thread-safe."""

    def __init__(self, data: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._now = now
        self._lock = threading.Lock()
        self._found: Staged | None = None
        self._looked = float("-inf")

    def current(self) -> Staged | None:
        """The fault that is staged now, if there is one: half a second old at most. A look costs one call of the system."""
        with self._lock:
            if self._now() - self._looked >= _LOOKS:
                self._looked, self._found = self._now(), staged(self._data)
            return self._found

    def check_source(self, tenant: str, source: str) -> None:
        """Raises :class:`~aver.core.errors.Unavailable` while the source of this name of the tenant with this id is not to be read."""
        if (found := self.current()) and (found.kind, found.tenant, found.name) == ("source", tenant, source):
            raise Unavailable("A drill in place has this source be out of reach", _ENDS)


class StagingTransport(Transport):
    """What carries requests to providers, but for the one whose address a drill has named."""

    def __init__(self, staging: Staging) -> None:
        super().__init__()
        self._staging = staging

    async def post(self, request: HttpRequest, waits: Waits, connect: float) -> Response:
        found = self._staging.current()
        if found is not None and found.kind != "source" and request.url.startswith(found.name):
            await self._meet(found, waits)
        return await super().post(request, waits, connect)

    async def _meet(self, fault: Staged, waits: Waits) -> None:
        if fault.kind == "outage":
            raise ProviderError("The model provider answers with errors, as a drill in place has it", _ENDS)
        try:
            async with asyncio.timeout_at(waits.first):
                await asyncio.sleep(fault.seconds)
        except TimeoutError as error:
            raise waits.error() from error
