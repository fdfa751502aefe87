"""A streamed reply as its caller reads it."""

from __future__ import annotations

import asyncio
from typing import Protocol, Self

from aver.gateway.calling.gathering import gather, scatter
from aver.gateway.calling.handling import Handling
from aver.gateway.calling.telling import Telling
from aver.gateway.calls import CallRecord
from aver.gateway.types import ChatDelta, Completion, Mode

__all__ = ["Alone", "Reply", "Teller"]


class Teller(Protocol):
    """Where a reply comes from, and who keeps its record."""

    @property
    def record(self) -> CallRecord:
        """The caller's."""

    @property
    def handling(self) -> Handling:
        """The call that is made."""

    async def read(self) -> list[ChatDelta] | None:
        """The next deltas; nothing at the end."""

    async def end(self, error: BaseException | None = None) -> None:
        """The caller is done, or left."""


class Reply:
    """A reply under way. Iterate it once, batch by batch; :meth:`aclose` it when leaving early, and the provider stops writing.

    ``record`` is filled in as it goes, and handed to the call's sink before the iteration ends.
    """

    __slots__ = ("_ended", "_teller")

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._ended = False

    @property
    def record(self) -> CallRecord:
        return self._teller.record

    @property
    def model(self) -> str:
        """Who answers, or answered last."""
        record = self._teller.handling.record
        return record.attempts[-1].model if record.attempts else record.asked

    @property
    def mode(self) -> Mode:
        return self._teller.handling.mode

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[ChatDelta]:
        """The deltas of one network read. Raises :class:`~aver.core.errors.StreamTruncated` when the reply broke off and nobody could go
        on with it, :class:`~aver.core.errors.BudgetExceeded` when there is no room for more of it."""
        if self._ended:
            raise StopAsyncIteration
        try:
            deltas = await self._teller.read()
        except BaseException as error:
            await self._end(error)
            raise
        if deltas:
            return deltas
        await self._end(None)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Nothing more is read. After the end it does nothing."""
        await self._end(asyncio.CancelledError())

    async def _end(self, error: BaseException | None) -> None:
        if not self._ended:
            self._ended = True
            await self._teller.end(error)


class Alone:
    """A :class:`Teller` of a call with one caller."""

    __slots__ = ("_deltas", "_kept", "_telling", "handling")

    def __init__(self, handling: Handling, source: Telling | Completion) -> None:
        self.handling = handling
        self._telling = source if isinstance(source, Telling) else None
        self._deltas = scatter(source) if isinstance(source, Completion) else None
        self._kept: list[ChatDelta] | None = [] if handling.keeps else None

    @property
    def record(self) -> CallRecord:
        return self.handling.record

    async def read(self) -> list[ChatDelta]:
        deltas = await self._telling.read() if self._telling is not None else self._whole()
        if self._kept is not None:
            if deltas:
                self._kept += deltas
            elif self._kept:
                await self.handling.keep(gather(self._kept))
        return deltas

    async def end(self, error: BaseException | None = None) -> None:
        if error is not None and self._telling is not None:
            self._telling.leave(error)
        self.handling.end(error)

    def _whole(self) -> list[ChatDelta]:
        """A reply that is there already, once."""
        deltas, self._deltas = self._deltas or [], None
        if deltas:
            self.record.finish = deltas[-1].finish
        return deltas
