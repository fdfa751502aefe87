"""With what an index was made, and which embedder reads it."""

from __future__ import annotations

from collections.abc import Iterable

from aver.core.errors import NotFound
from aver.gateway.types import Embedder
from aver.knowledge.lexical import ANALYZER

__all__ = ["Embedders", "analyzer", "recipe"]


def recipe(embedder: Embedder) -> str:
    """What an index must have been made with to be searched with ``embedder``."""
    return f"{embedder.name} {ANALYZER}"


def analyzer(made_with: str) -> str:
    """The analyzer of a recipe."""
    return made_with.rpartition(" ")[2]


class Embedders:
    """The embedders that this process has: the first makes new indexes, each reads those that were made with it."""

    def __init__(self, embedders: Iterable[Embedder]) -> None:
        self._all = {recipe(embedder): embedder for embedder in embedders}
        self.default: Embedder = next(iter(self._all.values()))

    def of(self, made_with: str) -> Embedder | None:
        """The one that reads an index of this recipe; ``None`` when this process has none, or analyses words in another way."""
        return self._all.get(made_with)

    def named(self, name: str) -> Embedder:
        """Raises :class:`~aver.core.errors.NotFound`."""
        found = next((each for each in self._all.values() if each.name == name), None)
        if found is None:
            known = ", ".join(each.name for each in self._all.values())
            raise NotFound(f"There is no embedder {name!r} here", f"There are: {known}.")
        return found
