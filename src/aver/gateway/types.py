"""What the rest of Aver says to a model, and what it hears back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["ChatDelta", "ChatRequest", "Embedder", "Message", "Mode", "Passage", "Provider", "Usage"]

Mode = Literal["extractive", "generated"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A numbered source a model may cite as ``[number]``."""

    number: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call. ``messages`` is what a language model reads; ``question`` and ``passages`` say the same in parts, for the
    extractive model, which reads no prose."""

    messages: tuple[Message, ...]
    question: str = ""
    passages: tuple[Passage, ...] = ()
    max_tokens: int = 800
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """``None`` when the price is unknown: never zero by default for a paid model."""
    estimated: bool = False
    """Whether the tokens were worked out from the text because the provider did not say."""


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """A piece of a reply. The last one carries ``finish`` and the usage; a stream that ends without it was truncated."""

    text: str = ""
    finish: Literal["stop", "length", "content_filter"] | None = None
    usage: Usage | None = None


class Provider(Protocol):
    """A model that answers. Raises :class:`~aver.core.errors.ProviderError` and nothing else."""

    name: str
    """``family:model``, as recorded in evidence."""
    mode: Mode

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The reply as it is written; ends with a delta whose ``finish`` is set, or raises."""

    async def close(self) -> None: ...


class Embedder(Protocol):
    """Turns texts into unit vectors whose dot product is their cosine similarity. Thread-safe, blocking."""

    name: str
    """Identifies the vectors: an index made under one name is never searched under another."""
    dimension: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape ``(len(texts), dimension)``, rows of length 1."""
