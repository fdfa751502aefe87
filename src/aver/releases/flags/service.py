"""Flags as the product asks for them: what a bundle declares, less what somebody has killed. No library is needed for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aver.releases.flags.evaluation import evaluate, typed
from aver.releases.flags.types import Flag, FlagType, Resolved
from aver.releases.rollout.assignment import Who

__all__ = ["SWITCH", "Flags"]

SWITCH = "flag."
"""How the name of the feature begins whose switch kills a flag: ``flag.NAME``, within a second, on every replica."""
_MOST_FACTS = 40
"""Flags that a step of evidence names."""


class Flags:
    """``declared`` gives the flags that are in force, ``killed`` whether the one of a name is stopped for somebody. Thread-safe; never waits, never
    raises."""

    def __init__(
        self, declared: Callable[[], Mapping[str, Flag]], killed: Callable[[str, Who], bool] = lambda _, __: False
    ) -> None:
        self._declared = declared
        self._killed = killed

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._declared())

    def resolve(self, name: str, wanted: FlagType, instead: Any, who: Who) -> Resolved:
        """What ``who`` gets of a flag; ``instead``, with the error, where there is none such, or it is of another type."""
        return typed(self.given(name, who), wanted, instead)

    def given(self, name: str, who: Who) -> Resolved:
        """What ``who`` gets of a flag, of whichever type it is."""
        flag = self._declared().get(name)
        if flag is None:
            return Resolved(name, None, "", "ERROR", "FLAG_NOT_FOUND", "there is no such flag")
        return evaluate(flag, who, killed=self._killed(name, who))

    def all(self, who: Who) -> list[Resolved]:
        """What ``who`` gets of every flag."""
        return [self.given(name, who) for name in self._declared()]

    def facts(self, who: Who) -> dict[str, Any]:
        """What decides for a turn, for its step ``admitted``: of each flag ``FLAG/VARIANT``, of no more than :data:`_MOST_FACTS`; nothing where there
        are none."""
        given = [f"{each.flag}/{each.variant}" for each in self.all(who)]
        left_out = {"flags_left_out": len(given) - _MOST_FACTS} if len(given) > _MOST_FACTS else {}
        return {"flags": given[:_MOST_FACTS], **left_out} if given else {}
