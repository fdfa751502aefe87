"""By chance: the first in proportion to its weight, the others drawn likewise from those that are left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aver.gateway.config.types import Route
from aver.gateway.routing.choices import Choice, Ranked, take
from aver.gateway.routing.types import Situation

__all__ = ["order"]


def order(
    _route: Route, choices: Sequence[Choice], _situation: Situation, draw: float, _scores: Mapping[str, float]
) -> tuple[list[Ranked], float]:
    total = sum(choice.weight for choice in choices)
    left = list(choices)
    ranked = []
    while len(left) > 1:
        index, draw = take([choice.weight for choice in left], draw)
        ranked.append(left.pop(index))
    ranked += left
    return [Ranked(choice, 0.0, choice.weight / total) for choice in ranked], draw
