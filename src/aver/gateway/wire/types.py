"""The two sides of a wire protocol. A *door* is what callers speak to Aver, a *dialect* what Aver speaks to a provider; a family may
have either or both. Both are pure: bytes in, records out, no network.

Within one family nothing is translated: the caller's body goes out as it came in but for the model's name, and
:attr:`~aver.gateway.types.ChatDelta.raw` comes back as it was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aver.core.errors import AverError, ProviderError
from aver.gateway.types import ChatDelta, ChatRequest, Completion, Family, Usage

__all__ = [
    "ChatDialect",
    "Door",
    "EmbedDialect",
    "Embeddings",
    "EmbeddingsRequest",
    "Endpoint",
    "HttpRequest",
    "RerankDialect",
    "RerankRequest",
    "Reranked",
    "Signer",
    "StreamReader",
    "StreamWriter",
]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is and what it is called there. ``options`` are the provider's own: ``api_version``, ``project``, ``location``,
    ``region``."""

    base_url: str
    model: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class HttpRequest:
    """A POST to a provider, before it is signed. ``dropped`` names fields of the caller's that this provider has no place for."""

    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()


class StreamReader(Protocol):
    """Reads one streamed reply."""

    done: bool
    """Whether the reply's own end marker was read."""
    read: list[ChatDelta]
    """What the last :meth:`feed` read, also when it raised in the middle of its chunk."""

    def feed(self, chunk: bytes) -> list[ChatDelta]:
        """The deltas that ``chunk``, cut anywhere, completes. Raises :class:`~aver.core.errors.ProviderError` on bytes that are not the
        protocol's (``malformed``) and on an error that the provider reports within its stream."""


class ChatDialect(Protocol):
    """How a family is asked for text."""

    family: Family

    def request(self, chat: ChatRequest, endpoint: Endpoint, *, stream: bool) -> HttpRequest:
        """The call for another family's caller, or Aver's own. Raises :class:`~aver.core.errors.RequestRejected` for a part that this
        family cannot be told: leaving out an image or a tool would change the question."""

    def forward(
        self, body: Mapping[str, Any], endpoint: Endpoint, *, stream: bool, max_tokens: int | None = None
    ) -> HttpRequest:
        """The call for a caller of this very family: ``body`` with the endpoint's model in it and the usage asked for, unknown fields
        and all. ``max_tokens`` bounds the output where the caller set no bound, or a higher one. ``body`` is not changed."""

    def completion(self, body: bytes) -> Completion:
        """A whole reply. Raises :class:`~aver.core.errors.ProviderError` when it is none."""

    def reader(self, *, asked_usage: bool) -> StreamReader:
        """For a reply's stream. ``asked_usage`` is whether the caller of this very family wanted the usage in it: when not, what was
        added for Aver's own accounts has no ``raw``."""

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """The class of failure behind an error status, in the provider's own words, shortened, without keys. ``headers`` have lower-case
        names; ``Retry-After`` in seconds or as a date becomes ``retry_after``."""


class StreamWriter(Protocol):
    """Writes one streamed reply to a caller.

    A delta whose ``raw`` is not ``None`` is shown as it is; the writer only keeps count of what it held, so that deltas of another
    provider can follow when the first one broke off: same id, same model, the open block continued.
    """

    def write(self, deltas: Sequence[ChatDelta]) -> bytes:
        """What the caller reads for these deltas, beginning the reply when they are the first."""

    def end(self) -> bytes:
        """What ends a whole reply (``data: [DONE]``, ``message_stop``), which readers never give as ``raw``."""

    def fail(self, error: AverError) -> bytes:
        """What ends a reply that broke off, so that no client takes it for whole."""


class Door(Protocol):
    """How callers of a family ask."""

    family: Family

    def chat(self, body: Mapping[str, Any]) -> ChatRequest:
        """The caller's request in Aver's terms. Raises :class:`~aver.core.errors.InvalidInput` naming the field that is wrong."""

    def completion(
        self, completion: Completion, body: Mapping[str, Any], *, reply_id: str, model: str, created: int
    ) -> bytes:
        """A whole reply. ``reply_id`` and ``model`` name it; ``created`` is in seconds since 1970."""

    def writer(self, body: Mapping[str, Any], *, reply_id: str, model: str, created: int) -> StreamWriter:
        """For a streamed reply to the request ``body``, which says whether the usage is wanted in it."""

    def error(self, error: AverError, request_id: str) -> bytes:
        """The body of an error answer to the call of this id; its status is ``error.status``."""


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """Texts to turn into vectors. ``purpose`` is ``document``, ``query`` or nothing, for models that tell them apart."""

    texts: tuple[str, ...]
    dimensions: int | None = None
    purpose: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Embeddings:
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None = None
    model: str = ""


class EmbedDialect(Protocol):
    family: Family
    most: int
    """Texts that one call takes."""

    def request(self, embeddings: EmbeddingsRequest, endpoint: Endpoint) -> HttpRequest: ...

    def embeddings(self, body: bytes) -> Embeddings: ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError: ...


@dataclass(frozen=True, slots=True)
class RerankRequest:
    query: str
    documents: tuple[str, ...]
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Reranked:
    """``(index, relevance)`` by falling relevance."""

    results: tuple[tuple[int, float], ...]
    usage: Usage | None = None


class RerankDialect(Protocol):
    family: Family

    def request(self, rerank: RerankRequest, endpoint: Endpoint) -> HttpRequest: ...

    def reranked(self, body: bytes) -> Reranked: ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError: ...


class Signer(Protocol):
    """Puts a credential on a request."""

    async def sign(self, request: HttpRequest) -> None:
        """Adds the headers (or, for a family that wants it there, changes the address). Never logs what it adds."""

    def secrets(self) -> Iterable[str]:
        """What must not be shown should a provider repeat it in an error."""
