"""The cheapest model that is predicted to do well enough, for routes that learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aver.gateway.config.types import Learned, Route
from aver.gateway.routing.cheapest import cost
from aver.gateway.routing.choices import Choice, Ranked, take
from aver.gateway.routing.types import Situation

__all__ = ["order"]


def order(
    route: Route, choices: Sequence[Choice], situation: Situation, draw: float, scores: Mapping[str, float]
) -> tuple[list[Ranked], float]:
    """Enough is :attr:`Learned.target` times the best prediction. Without predictions the first of the route stands for the best single
    model. A share of the calls is answered at random over all."""
    learned = route.learned or Learned()
    predicted = [scores.get(choice.name, 0.0) for choice in choices]
    by_score = sorted(range(len(choices)), key=lambda index: -predicted[index])
    enough = learned.target * predicted[by_score[0]]
    good = [index for index in by_score if predicted[index] >= enough]
    chosen = min(good, key=lambda index: (cost(choices[index].name, situation), index)) if scores else 0
    first = chosen
    exploits, draw = take((learned.explore, 1 - learned.explore), draw)
    if not exploits:
        first, draw = take([1.0] * len(choices), draw)
    ranked = [first, *(index for index in by_score if index != first)]
    by_chance = learned.explore / len(choices)
    likely = {chosen: by_chance + 1 - learned.explore}
    return [Ranked(choices[index], predicted[index], likely.get(index, by_chance)) for index in ranked], draw
