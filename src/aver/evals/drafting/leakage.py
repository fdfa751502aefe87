"""What a drafted question must not do: say its passage's words back to it, or have several right documents of which one is labelled."""

from __future__ import annotations

import re

__all__ = ["copied", "repeats"]

_WORD = re.compile(r"\w+")
_STRETCH = 3
_REPEATED = 0.6
"""Share of an answer's three-word stretches in another passage at which that says it too."""


def copied(question: str, read: str) -> int:
    """The most words in a row that question and passage have in common. Words shared one by one are what a question is found by; long
    stretches are found by any search, and tell nothing of how well it finds what people ask."""
    asked, known = _words(question), _words(read)
    longest = 0
    lengths = [0] * (len(known) + 1)
    for word in asked:
        lengths = [0, *(before + 1 if word == other else 0 for before, other in zip(lengths, known, strict=False))]
        longest = max(longest, *lengths)
    return longest


def repeats(answer: str, other: str) -> bool:
    """Whether ``other`` says ``answer``, or most of it, in the same words."""
    said = _words(answer)
    length = min(_STRETCH, len(said))
    stretches = _stretches(said, length)
    return bool(stretches) and len(stretches & _stretches(_words(other), length)) >= _REPEATED * len(stretches)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _stretches(words: list[str], length: int) -> set[tuple[str, ...]]:
    return set(zip(*(words[at:] for at in range(length)), strict=False))
