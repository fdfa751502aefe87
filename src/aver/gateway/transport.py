"""What carries requests to providers, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from aver.gateway.waits import Waits
from aver.gateway.wire.types import HttpRequest

if TYPE_CHECKING:
    from aver.gateway.connections import Connections

__all__ = ["Poster", "Response", "Transport", "close_later"]


class Response(Protocol):
    """What came back, its status known and its body unread."""

    @property
    def status(self) -> int: ...

    @property
    def kind(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def read(self) -> bytes: ...

    async def body(self) -> bytes: ...

    async def refusal(self) -> bytes: ...

    def done(self) -> None: ...

    def close(self) -> None: ...


class Poster(Protocol):
    """Whatever carries a request to a provider."""

    async def post(self, request: HttpRequest, waits: Waits, connect: float) -> Response: ...


class Transport:
    """Connections, kept and reused within each event loop. How many there are is for whoever admits calls to bound. Nothing of HTTP is imported before the
    first request, or :meth:`warm`: most commands ask no provider."""

    def __init__(self) -> None:
        self._connections: Connections | None = None

    def warm(self) -> Connections:
        """Everything that the first request would wait for."""
        if self._connections is None:
            from aver.gateway.connections import Connections

            self._connections = Connections()
        return self._connections

    async def post(self, request: HttpRequest, waits: Waits, connect: float) -> Response:
        """The response, its status and headers known, its body unread.

        Raises :class:`~aver.core.errors.ProviderTimeout` when there is none in time, and :class:`~aver.core.errors.ProviderError` when
        there is no connection, or it breaks.
        """
        return await (self._connections or self.warm()).post(request, waits, connect)

    async def close(self) -> None:
        """Closes what this event loop opened."""
        here = asyncio.get_running_loop()
        await asyncio.gather(*(task for task in _closing if task.get_loop() is here), return_exceptions=True)
        if self._connections is not None:
            await self._connections.close()


_closing: set[asyncio.Task[None]] = set()


def close_later(stream: AsyncIterator[Any]) -> None:
    """Close a generator that was left early, as soon as the event loop gets to it; :meth:`Transport.close` waits for that."""
    if isinstance(stream, AsyncGenerator):
        task = asyncio.ensure_future(_close(stream))
        _closing.add(task)
        task.add_done_callback(_closing.discard)


async def _close(stream: AsyncGenerator[Any]) -> None:
    await stream.aclose()
