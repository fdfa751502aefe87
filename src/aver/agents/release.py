"""The pinned release: one digest for everything that decides how the assistant behaves."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property

from aver import __version__
from aver.agents.prompt import INSTRUCTIONS
from aver.agents.support import Thresholds
from aver.core import canonical_json, sha256_hex

__all__ = ["Release"]


@dataclass(frozen=True)
class Release:
    """The assistant as it is released. Two with one ``digest`` answer the same question over the same passages alike."""

    model: str
    """The provider's name, ``family:model``."""
    embedder: str
    name: str = "assistant"
    instructions: str = INSTRUCTIONS
    passages: int = 8
    """How many passages are looked at for one question."""
    history: int = 4
    """How many earlier turns of a conversation are read."""
    max_tokens: int = 800
    temperature: float = 0.0
    context_tokens: int = 3000
    """About how many tokens of passages, with what stands around them, a model that writes is given."""
    reranker: str = ""
    """Who orders the passages a second time, if anybody."""
    rewriter: str = ""
    """The model or route that words a question in other ways for the search, if any."""
    patience: float = 1.0
    """Seconds that rewording and reranking may take each; then the turn goes on without."""
    longest_question: int = 8000
    """In characters."""
    index: str = ""
    """The recipe an index must have been made with, embedder and analyzer; empty for whatever it was made with."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    software: str = __version__

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of every field, hexadecimal."""
        return sha256_hex(canonical_json(asdict(self)))
