"""What a strategy is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from aver.gateway.config.types import Route
from aver.gateway.routing.types import ModelState, Situation

__all__ = ["UNKNOWN", "Choice", "Order", "Ranked", "take"]

UNKNOWN = ModelState()
"""A model that nothing is known about yet."""


class Choice(NamedTuple):
    """A model, or a route that is kept together. ``reach`` are the models that may answer for it."""

    name: str
    weight: float
    reach: tuple[str, ...]


class Ranked(NamedTuple):
    """``score`` is the strategy's own: what it ordered by. ``propensity`` is how likely this choice was to be the first."""

    choice: Choice
    score: float
    propensity: float


Order = Callable[[Route, Sequence[Choice], Situation, float, Mapping[str, float]], tuple[list[Ranked], float]]
"""A strategy: the choices that are left, of which there is at least one, in the order to ask them. The fourth argument is a number drawn
uniformly from [0, 1); what is returned beside the order is as uniform still, for the routes below. The fifth are the predictions of a
route that learns."""

_BELOW_ONE = 1 - 2**-53


def take(weights: Sequence[float], draw: float) -> tuple[int, float]:
    """The index that ``draw`` falls on when [0, 1) is divided by the weights, and the place within its part, uniform again."""
    point = draw * sum(weights)
    for index, weight in enumerate(weights):
        if point < weight:
            return index, min(point / weight, _BELOW_ONE)
        point -= weight
    return len(weights) - 1, _BELOW_ONE  # rounding
