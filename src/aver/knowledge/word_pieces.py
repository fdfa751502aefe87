"""How long a text is to an embedder, without asking its tokenizer."""

from __future__ import annotations

import re

__all__ = ["PIECE", "weigh"]

PIECE = re.compile(r"[A-Za-z]{1,9}|\d{1,2}|[^\sA-Za-z\d]")


def weigh(text: str) -> int:
    """About how many word pieces ``text`` has: within 10 % for English prose; more than there are for most other text."""
    return len(PIECE.findall(text))
