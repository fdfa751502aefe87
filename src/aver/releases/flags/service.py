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


class Flags:
    """``declared`` gives the flags that are in force, ``killed`` whether one is stopped. Thread-safe; never waits, never raises."""

    def __init__(
        self, declared: Callable[[], Mapping[str, Flag]], killed: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._declared = declared
        self._killed = killed

    def resolve(self, name: str, wanted: FlagType, instead: Any, who: Who) -> Resolved:
        """What ``who`` gets of a flag; ``instead``, with the error, where there is none such, or it is of another type."""
        flag = self._declared().get(name)
        if flag is None:
            return Resolved(name, instead, "", "ERROR", "FLAG_NOT_FOUND", "there is no such flag")
        return typed(evaluate(flag, who, killed=self._killed(name)), wanted, instead)

    def all(self, who: Who) -> list[Resolved]:
        """What ``who`` gets of every flag."""
        return [evaluate(flag, who, killed=self._killed(name)) for name, flag in self._declared().items()]

    def facts(self, who: Who) -> dict[str, Any]:
        """Which variants a turn has, for its step ``admitted``: names alone, and nothing where there are no flags."""
        given = [f"{each.flag}:{each.variant}" for each in self.all(who)][:_MOST_FACTS]
        return {"flags": given} if given else {}
