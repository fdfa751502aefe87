"""By what this call costs at worst; a model without a price comes last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from aver.gateway.config.types import Route
from aver.gateway.routing.choices import UNKNOWN, Choice, Ranked
from aver.gateway.routing.types import Situation

__all__ = ["cost", "order"]


def cost(model: str, situation: Situation) -> float:
    """Nano-dollars; infinite when unknown."""
    nano_usd = situation.states.get(model, UNKNOWN).nano_usd
    return inf if nano_usd is None else nano_usd


def order(
    _route: Route, choices: Sequence[Choice], situation: Situation, draw: float, _scores: Mapping[str, float]
) -> tuple[list[Ranked], float]:
    priced = [(cost(choice.name, situation), choice) for choice in choices]
    priced.sort(key=lambda each: each[0])  # stable: of two that cost the same, the one declared first
    return [
        Ranked(choice, 0.0 if price == inf else price, 0.0 if index else 1.0)
        for index, (price, choice) in enumerate(priced)
    ], draw
