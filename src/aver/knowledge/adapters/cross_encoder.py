"""Reranking on this machine, with a cross-encoder of sentence-transformers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from aver.core.errors import MissingExtra, Unavailable

__all__ = ["CrossEncoderReranker"]


class CrossEncoderReranker:
    """A :class:`~aver.knowledge.reranking.Reranker`. ``model`` is a path or a name that sentence-transformers knows; it is loaded when
    first used, which takes seconds. What is cut off at its deadline runs to its end in its thread, and the next call waits for it.
    """

    def __init__(self, model: str) -> None:
        self.name = f"cross-encoder:{model}"
        self._model = model
        self._lock = threading.Lock()
        self._loaded: Any = None

    async def relevance(self, query: str, texts: Sequence[str]) -> list[float]:
        """Raises :class:`~aver.core.errors.MissingExtra`, and :class:`~aver.core.errors.Unavailable` when there is no such model."""
        return await asyncio.to_thread(self._relevance, query, list(texts))

    def _relevance(self, query: str, texts: list[str]) -> list[float]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            scores = self._loaded.predict([(query, text) for text in texts])
        return [float(score) for score in scores]

    def _load(self) -> Any:
        try:
            from sentence_transformers import CrossEncoder
        except ImportError as error:
            raise MissingExtra("sentence-transformers", "rerank") from error
        try:
            return CrossEncoder(self._model)
        except (OSError, ValueError, RuntimeError) as error:
            cause = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise Unavailable(
                f"The reranking model {self._model} cannot be loaded: {cause}", "Check its path or name."
            ) from error
