"""What a text is put between, as one thing: most wrappers and all languages are this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from aver.evals.redteam.mutators.types import Kind, Mutator

__all__ = ["framed"]


def framed(
    name: str,
    kind: Kind,
    about: str,
    frames: Sequence[tuple[str, str]],
    within: Callable[[str], str] = lambda text: text,
    without: Callable[[str], str] = lambda text: text,
) -> Mutator:
    """A mutator that puts a text between the two parts of one of ``frames``, by seed. ``within`` makes the text fit to stand there, ``without`` takes
    that back."""

    def apply(text: str, random: Random) -> tuple[str, ...]:
        before, after = random.choice(frames)
        return (before + within(text) + after,)

    def reveal(messages: Sequence[str]) -> str:
        # The longest that fits: one frame may begin as another does.
        fitting = [
            (before, after)
            for before, after in frames
            if messages[-1].startswith(before) and messages[-1].endswith(after)
        ]
        before, after = max(fitting, key=lambda each: len(each[0]) + len(each[1]), default=("", ""))
        return without(messages[-1][len(before) : len(messages[-1]) - len(after)])

    return Mutator(name, kind, about, apply, reveal)
