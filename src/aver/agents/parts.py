"""What a turn works with: what its tenant has, and what its release brings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aver.agents.conversations import Conversations
from aver.agents.pin import UNPINNED, Pin
from aver.agents.release import Release
from aver.agents.reranking import MakeCall
from aver.core import Clock, Principal
from aver.evidence import Ledger
from aver.gateway.service import Gateway
from aver.gateway.types import Embedder, Message
from aver.guard import NOTHING, Guard
from aver.knowledge.reranking import Reranker
from aver.store import TenantStore

if TYPE_CHECKING:
    from aver.knowledge.service import Knowledge

__all__ = ["Caution", "Halt", "Lend", "Parts", "Question", "Released", "always"]


class Halt(Protocol):
    """Raises :class:`~aver.core.errors.Stopped` where a switch stops the feature for the tenant with this id:
    :meth:`~aver.store.Switches.halt`."""

    async def __call__(self, tenant: str, *, feature: str) -> None: ...


Caution = Callable[[Sequence[str]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked in a turn, so that it can be asked again. ``conversation`` is empty where it began one."""

    principal: Principal
    text: str
    conversation: str
    said: Sequence[Message]
    limit: int | None
    turn: str


@dataclass(frozen=True, slots=True)
class Released:
    """What a release brings to a turn. ``reranker`` makes, of the turn's way to call models, what orders the passages a second time."""

    release: Release
    gateway: Gateway
    reranker: Callable[[MakeCall], Reranker] | None = None
    guard: Callable[[], Guard] = lambda: NOTHING
    """The guard of the moment; a turn keeps the one that it begins with."""
    pin: Pin = UNPINNED
    watch: Callable[[Question], None] | None = None
    """Is told of each turn once it is admitted."""

    @property
    def digest(self) -> str:
        """Of the release that the turn is under: the frozen one, else the assistant's settings."""
        return self.pin.release or self.release.digest


Lend = Callable[[Principal, str], AbstractAsyncContextManager[Released]]
"""Which release a principal's turn in a conversation is under. It is open for as long as the context is; asked once a turn."""


def always(released: Released) -> Lend:
    """One release for everybody."""

    @asynccontextmanager
    async def lend(_principal: Principal, _conversation: str) -> AsyncIterator[Released]:
        yield released

    return lend


@dataclass(frozen=True, slots=True)
class Parts:
    """What a turn works with. ``embedder`` judges nearness of meaning in verification; ``caution`` says what a reader has to know of documents by their
    ids, in sentences."""

    store: TenantStore
    ledger: Ledger
    knowledge: Knowledge
    clock: Clock
    embedder: Embedder
    conversations: Conversations
    released: Released
    halt: Halt | None = None
    caution: Caution = lambda _: ()

    @property
    def release(self) -> Release:
        return self.released.release

    @property
    def gateway(self) -> Gateway:
        return self.released.gateway
