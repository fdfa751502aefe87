"""In the order of the file: ``priority``, and ``cascade``, which begins with the cheapest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aver.gateway.config.types import Route
from aver.gateway.routing.choices import Choice, Ranked
from aver.gateway.routing.types import Situation

__all__ = ["order"]


def order(
    _route: Route, choices: Sequence[Choice], _situation: Situation, draw: float, _scores: Mapping[str, float]
) -> tuple[list[Ranked], float]:
    return [Ranked(choice, 0.0, 0.0 if index else 1.0) for index, choice in enumerate(choices)], draw
