"""What a judge says, on which scale, and what it asks through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from aver.core.errors import Blocked, ProviderError

__all__ = ["Choice", "Grade", "JudgeModel", "JudgeUnreadable", "Poisoned", "Preference", "Scale"]

Choice = Literal["first", "second", "tie"]
"""Which of two responses is better."""


class JudgeUnreadable(ProviderError):
    """The judge answered outside its scale, or not in the form it was asked for, twice."""

    slug = "judge-unreadable"


class Poisoned(Blocked):
    """What was to be judged carries instructions that the judge obeys."""

    slug = "judge-poisoned"


@dataclass(frozen=True, slots=True)
class Scale:
    """Whole grades from ``least`` to ``most``, of which those from ``good`` on are good enough."""

    least: int
    most: int
    good: int

    def share(self, grade: float) -> float:
        """A grade as a number between 0 and 1."""
        return (grade - self.least) / (self.most - self.least)


@dataclass(frozen=True, slots=True)
class Grade:
    """``reason`` is the judge's own, a sentence. ``suspected`` says that what it judged carries instructions, which it did not obey."""

    grade: int
    reason: str = ""
    suspected: bool = False


@dataclass(frozen=True, slots=True)
class Preference:
    """What a judge said of two responses: as they are, and with their order ``swapped``, in which the first is the same one all the same."""

    straight: Choice
    swapped: Choice
    reason: str = ""
    suspected: bool = False

    @property
    def flipped(self) -> bool:
        """Whether the order decided."""
        return self.straight != self.swapped

    @property
    def choice(self) -> Choice:
        """A tie where the order decided."""
        return "tie" if self.flipped else self.straight


class JudgeModel(Protocol):
    """A model that judges ask; the server puts the gateway behind it."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str:
        """Of everything that decides what it answers: the model, the provider's name for it, its parameters."""
        ...

    async def ask(self, system: str, text: str, schema: Mapping[str, Any]) -> str:
        """The answer as it was written; JSON of ``schema``, if the model does as it is told. Raises :class:`~aver.core.errors.ProviderError`."""
        ...
