"""The tools that the bundle declares, open for as long as somebody works with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aver.agents.tools import Toolbox, ToolsConfig, open_tools
from aver.core.clock import Clock
from aver.gateway.credentials.types import SecretSource
from aver.server.bundle import Bundle

__all__ = ["Toolboxes"]

_FRESH = 5.0
"""Seconds for which origins are not asked again what they offer."""


@dataclass(slots=True)
class _Open:
    config: ToolsConfig
    toolbox: Toolbox
    asked: float
    users: int = 0


class Toolboxes:
    """One toolbox, opened when it is first wanted, and another once other tools are declared: the old one is closed when the last turn that
    works with it has rested. Used within one event loop at a time, like the gateway."""

    def __init__(self, declared: Callable[[], Bundle], secrets: SecretSource, clock: Clock) -> None:
        self._declared = declared
        self._secrets = secrets
        self._clock = clock
        self._current: _Open | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Toolbox]:
        """The tools as they are declared now, and as their origins describe them now or did within seconds.

        Raises :class:`~aver.core.errors.SettingsError` for approvals of servers that cannot be read.
        """
        async with self._opening:
            current = await self._fresh()
            current.users += 1
        try:
            yield current.toolbox
        finally:
            current.users -= 1
            if current is not self._current and not current.users:
                await current.toolbox.close()

    async def close(self) -> None:
        """Close what is open, within the event loop that opened it."""
        current, self._current = self._current, None
        if current is not None:
            await current.toolbox.close()
        self._opening = asyncio.Lock()

    async def _fresh(self) -> _Open:
        bundle, now = self._declared(), self._clock.monotonic()
        config = bundle.tools or ToolsConfig()
        current = self._current
        if current is None or current.config != config:
            toolbox = await open_tools(config, bundle.folder or Path(), self._secrets)
            self._current = _Open(config, toolbox, now)
            if current is not None and not current.users:
                await current.toolbox.close()
            return self._current
        if now - current.asked >= _FRESH:
            await current.toolbox.refresh()
            current.asked = now
        return current
