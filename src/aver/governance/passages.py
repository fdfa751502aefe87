"""Which documents a step in clear says that somebody was shown passages of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["passages_of"]


def passages_of(facts: Mapping[str, Any]) -> frozenset[str]:
    """The ids of documents, from those of passages (``DOCUMENT.VERSION.START``) that a step ``retrieved`` lists, or ``documents`` and ``document`` of
    a step ``accessed``."""
    hits, named, one = facts.get("hits"), facts.get("documents"), facts.get("document")
    found = {str(each).split(".", 1)[0] for each in hits} if isinstance(hits, list) else set()
    found |= set(map(str, named)) if isinstance(named, list) else set()
    return frozenset(found | ({str(one)} if isinstance(one, str) else set()))
