"""Which disguise to try next: best of n over mutators, guided by what worked on other attacks of the same campaign.

Each mutator is an arm of a bandit with a Beta prior, and the next one is the arm with the highest draw (Thompson, "On the likelihood that one
unknown probability exceeds another", 1933); drawing again until it is new keeps an attack from being tried twice in the same disguise.
Repeated sampling of augmented prompts is what "Best-of-N Jailbreaking" (Hughes et al., 2024) measures.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

from aver.evals.redteam.mutators import Mutator
from aver.evals.redteam.types import Attack

__all__ = ["Search"]

_TOGETHER = 0.3
"""How often two mutators are put on one after the other, once single ones have been tried."""
_DRAWS = 40
"""Until an attack counts as tried in all disguises."""


class Search:
    """Over ``mutators``. The same seed and the same outcomes lead to the same disguises, whatever is tried at the same time."""

    def __init__(self, mutators: Sequence[Mutator], seed: int) -> None:
        self._mutators = list(mutators)
        self._seed = seed
        self._worked: dict[str, int] = defaultdict(int)
        self._failed: dict[str, int] = defaultdict(int)

    def learn(self, mutators: Iterable[str], *, worked: bool) -> None:
        """What came of one attempt."""
        for name in mutators:
            (self._worked if worked else self._failed)[name] += 1

    def next(self, attack: Attack, tried: Sequence[tuple[str, ...]]) -> tuple[Mutator, ...] | None:
        """What to try ``attack`` in after ``tried``: as it is at first; ``None`` when nothing is left."""
        if not tried:
            return ()
        fitting = [each for each in self._mutators if each.kind != "turns" or not attack.is_planted]
        if not fitting or attack.control:  # a control that was not judged is not asked again
            return None
        chance = random.Random(f"{self._seed}/{attack.id}/{len(tried)}")  # noqa: S311 - a search to be repeated
        known = set(tried)
        for _ in range(_DRAWS):
            found = self._draw(fitting, chance, together=len(tried) > 2)
            if tuple(each.name for each in found) not in known:
                return found
        left = [each for each in fitting if (each.name,) not in known]
        return (left[0],) if left else None

    def _draw(self, fitting: Sequence[Mutator], chance: random.Random, *, together: bool) -> tuple[Mutator, ...]:
        drawn = sorted(
            fitting,
            key=lambda each: -chance.betavariate(1 + self._worked[each.name], 1 + self._failed[each.name]),
        )
        if together and len(drawn) > 1 and chance.random() < _TOGETHER:
            # Several messages come last: what is put on them afterwards would miss all but the last one.
            return tuple(sorted(drawn[:2], key=lambda each: each.kind == "turns"))
        return (drawn[0],)
