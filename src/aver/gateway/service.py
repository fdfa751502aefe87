"""The gateway: one call to a model, answered by the last resort when the model cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aver.core.errors import ProviderError, StreamTruncated
from aver.gateway.types import ChatDelta, ChatRequest, Mode, Provider

__all__ = ["Gateway", "Reply"]


class Reply:
    """A reply that has begun. Iterate it once; close it when leaving early, and the provider stops writing.

    ``provider`` and ``mode`` are those of whoever answers; ``fallback_from`` is ``SLUG NAME`` of the error and the provider that
    should have answered, or ``None``.
    """

    def __init__(
        self, provider: Provider, first: ChatDelta, rest: AsyncIterator[ChatDelta], *, fallback_from: str | None
    ) -> None:
        self.provider: str = provider.name
        self.mode: Mode = provider.mode
        self.fallback_from = fallback_from
        self._first = first
        self._rest = rest

    async def __aiter__(self) -> AsyncIterator[ChatDelta]:
        """The deltas, the last with ``finish`` set. Raises :class:`~aver.core.errors.ProviderError` when the reply breaks off: nobody
        takes over in the middle of a sentence."""
        try:
            yield self._first
            finished = self._first.finish is not None
            async for delta in self._rest:
                finished = finished or delta.finish is not None
                yield delta
            if not finished:
                raise _without_end(self.provider)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Stop the provider; nothing more is read."""
        close = getattr(self._rest, "aclose", None)
        if close is not None:
            await close()


class Gateway:
    """Sends a request to ``primary`` and, when that fails before its first token, to ``last_resort``."""

    def __init__(self, primary: Provider, last_resort: Provider) -> None:
        self._primary = primary
        self._last_resort = last_resort

    @property
    def primary(self) -> Provider:
        return self._primary

    async def open(self, request: ChatRequest) -> Reply:
        """The reply, its first delta in hand. Raises :class:`~aver.core.errors.ProviderError` when the last resort fails too."""
        if self._primary is self._last_resort:
            return await _begin(self._primary, request)
        try:
            return await _begin(self._primary, request)
        except ProviderError as error:
            return await self.fall_back(request, error)

    async def fall_back(self, request: ChatRequest, error: ProviderError) -> Reply:
        """The last resort's reply, in place of one that broke off with ``error`` before anybody saw any of it."""
        return await _begin(self._last_resort, request, fallback_from=f"{error.slug} {self._primary.name}")

    async def close(self) -> None:
        """Closes both providers."""
        await self._primary.close()
        if self._last_resort is not self._primary:
            await self._last_resort.close()


async def _begin(provider: Provider, request: ChatRequest, *, fallback_from: str | None = None) -> Reply:
    deltas = aiter(provider.stream(request))
    try:
        first = await anext(deltas)
    except StopAsyncIteration:
        raise _without_end(provider.name) from None
    return Reply(provider, first, deltas, fallback_from=fallback_from)


def _without_end(provider: str) -> StreamTruncated:
    return StreamTruncated(f"The answer of {provider} broke off", "Ask again; what was written so far is not whole.")
