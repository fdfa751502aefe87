"""What is declared of a tool, so that policy can decide about it without knowing what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

__all__ = ["Annotations", "Effect", "Reversal", "Trust"]


class Effect(StrEnum):
    """What running a tool does to the world."""

    READ = "read"
    """It tells, and changes nothing."""
    WRITE = "write"
    """It changes something that stays with those who have it."""
    SEND = "send"
    """It carries its content to somebody else."""
    SPEND = "spend"
    """It moves money, or commits to."""
    DELETE = "delete"
    """It takes something away."""


Reversal = Literal["compensable", "irreversible"]
"""Whether an effect can be taken back: by the tool named as its compensation, or not at all."""

Trust = Literal["trusted", "untrusted"]
"""Whether what a tool tells may be believed as coming from the tenant itself. What anybody outside could have written is untrusted."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a bundle declares of one tool.

    ``targets`` are the arguments that say at whom or what the effect is aimed (a recipient, an account, an address, a path),
    ``content`` those that are carried along; an argument in neither is a parameter. Each is named by its path in the arguments
    (``to``, ``event.participants``). ``output`` is the trust in what the tool returns as a whole; ``untrusted_fields`` are the paths
    in it that anybody may have written although the whole is trusted.
    """

    effects: frozenset[Effect]
    reversal: Reversal | None = None
    compensation: str | None = None
    targets: Sequence[str] = ()
    content: Sequence[str] = ()
    output: Trust = "untrusted"
    untrusted_fields: Sequence[str] = ()
