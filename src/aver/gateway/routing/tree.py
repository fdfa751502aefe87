"""A route with the routes below it, laid out once so that a call only has to walk it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aver.gateway.config.types import GatewayConfig, Route
from aver.gateway.routing import cheapest, declared, experiment, fastest, predicted, weighted
from aver.gateway.routing.choices import Choice, Order
from aver.gateway.routing.filters import barred
from aver.gateway.routing.types import Situation

__all__ = ["Node", "grow"]

_ORDERS: dict[str, Order] = {
    "priority": declared.order,
    "cascade": declared.order,
    "weighted": weighted.order,
    "cheapest": cheapest.order,
    "fastest": fastest.order,
    "experiment": experiment.order,
    "learned": predicted.order,
}
_SEES_THROUGH = ("cheapest", "fastest", "learned")
"""Strategies that compare models: they look at every model of the routes below. The others keep a route below together, and ask it for
its own order."""


@dataclass(frozen=True, slots=True)
class Node:
    route: Route
    choices: tuple[Choice, ...]
    below: Mapping[str, Node]
    """The routes among the choices."""
    never: Mapping[str, str]
    """Models that may not answer at one of the ends, and why."""

    @property
    def reach(self) -> tuple[str, ...]:
        """The models that may answer, each once, in the order in which they are declared."""
        return tuple(dict.fromkeys(model for choice in self.choices for model in choice.reach))

    @property
    def fixed(self) -> bool:
        """Whether the order never depends on the moment."""
        return self.route.strategy in ("priority", "cascade") and all(node.fixed for node in self.below.values())

    @property
    def learns(self) -> bool:
        """Whether a router can be trained from the calls: they are drawn by chance for that, or it is asked for."""
        own = self.route.strategy in ("learned", "experiment") or self.route.learned is not None
        return own or any(node.learns for node in self.below.values())

    @property
    def learning(self) -> list[Route]:
        """The routes that are decided by predictions, from here down."""
        own = [self.route] if self.route.strategy == "learned" else []
        return own + [route for node in self.below.values() for route in node.learning]

    def rank(
        self, situation: Situation, draw: float, skipped: Mapping[str, str], scores: Mapping[str, Mapping[str, float]]
    ) -> tuple[dict[str, tuple[float, float]], float]:
        """``(score, propensity)`` by model, in the order to ask them, and what is left of the draw. A model at two ends keeps its
        better place, and the chances of both."""
        choices = self.choices
        if skipped:
            choices = tuple(each for each in choices if any(model not in skipped for model in each.reach))
        found: dict[str, tuple[float, float]] = {}
        if not choices:
            return found, draw
        route = self.route
        ordered, draw = _ORDERS[route.strategy](route, choices, situation, draw, scores.get(route.name, {}))
        for choice, score, propensity in ordered:
            node = self.below.get(choice.name)
            inner = {choice.name: (score, 1.0)}
            if node is not None:
                inner, draw = node.rank(situation, draw, skipped, scores)
            for model, (own, chance) in inner.items():
                before = found.get(model)
                found[model] = (
                    (own, propensity * chance) if before is None else (before[0], before[1] + propensity * chance)
                )
        return found, draw


def grow(config: GatewayConfig, route: Route, above: tuple[Route, ...] = ()) -> Node:
    """The tree of a route of ``config`` that stands below the routes ``above``, whose regions and requirements hold here too."""
    path = (*above, route)
    choices: dict[str, Choice] = {}
    below: dict[str, Node] = {}
    never: dict[str, str] = {}
    for arm in route.arms:
        target = config.routes.get(arm.target)
        if target is None:
            reason = barred(config.models[arm.target], path)
            if reason:
                never[arm.target] = reason
            else:
                _add(choices, Choice(arm.target, arm.weight, (arm.target,)))
            continue
        node = grow(config, target, path)
        never |= node.never
        if route.strategy in _SEES_THROUGH:
            for model in node.reach:
                _add(choices, Choice(model, arm.weight, (model,)))
        elif route.strategy == target.strategy == "weighted" and not (target.region or target.requires):
            total = sum(choice.weight for choice in node.choices)
            for choice in node.choices:
                _add(choices, choice._replace(weight=arm.weight * choice.weight / total))
            below |= node.below
        elif node.choices:
            _add(choices, Choice(target.name, arm.weight, node.reach))
            below[target.name] = node
    return Node(route, tuple(choices.values()), below, never)


def _add(choices: dict[str, Choice], choice: Choice) -> None:
    """A choice that is there already gets the weight of both."""
    before = choices.get(choice.name)
    choices[choice.name] = choice if before is None else before._replace(weight=before.weight + choice.weight)
