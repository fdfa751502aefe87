"""A model that answers within this process, called as any other."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aver.core.settings import ModelTimeouts
from aver.gateway.calling.gathering import gather
from aver.gateway.config.types import Model, ProviderConfig
from aver.gateway.prices.types import Rates
from aver.gateway.transport import Transport, close_later
from aver.gateway.types import ChatDelta, Completion, Provider, Usage
from aver.gateway.upstream import Asking, Upstream, UpstreamStream
from aver.gateway.waits import Waits

__all__ = ["BuiltinUpstream"]

_FREE = Rates(0, 0)


class BuiltinUpstream(Upstream):
    """An :class:`~aver.gateway.upstream.Upstream` without a wire. It costs nothing."""

    def __init__(self, provider: Provider) -> None:
        name = provider.name
        super().__init__(
            ProviderConfig("builtin", "openai", ""), Model(name, "builtin", name, rates=_FREE), Transport()
        )
        self.builtin = provider
        self.mode = provider.mode

    async def complete(self, asking: Asking) -> Completion:
        stream = await self.open(asking)
        deltas: list[ChatDelta] = []
        while batch := await stream.read():
            deltas += batch
        return gather(deltas, family="builtin")

    async def open(self, asking: Asking) -> UpstreamStream:
        return _BuiltinStream(aiter(self.builtin.stream(asking.chat or asking.call.chat)), asking)


class _BuiltinStream(UpstreamStream):
    __slots__ = ("_deltas",)

    def __init__(self, deltas: AsyncIterator[ChatDelta], asking: Asking) -> None:
        super().__init__(_Nothing(), Waits(ModelTimeouts(), asking.total, silent=False), asking, None)
        self._deltas = deltas

    async def read(self) -> list[ChatDelta]:
        if self._over:
            return []
        delta = await anext(self._deltas, None)
        return self._ended() if delta is None else self._noted([delta])

    def _owes_words(self) -> bool:
        return False  # it writes nothing where nothing answers

    def _checked(self, reported: Usage | None) -> Usage:
        if reported is None:
            return super()._checked(None)
        self.usage = reported
        return reported

    def close(self) -> None:
        self._over = True
        close_later(self._deltas)


class _Nothing:
    """The exchange of what is exchanged with nobody."""

    async def read(self) -> bytes:
        return b""

    def done(self) -> None: ...

    def close(self) -> None: ...
