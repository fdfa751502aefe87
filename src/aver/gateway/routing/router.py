"""The routes of one configuration, ready to decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from aver.core.errors import AverError, NotFound
from aver.gateway.calls import Candidate
from aver.gateway.config.types import Arm, ErrorClass, GatewayConfig, Route
from aver.gateway.routing.filters import Filters
from aver.gateway.routing.tree import grow
from aver.gateway.routing.types import Plan, Scorer, Situation

__all__ = ["ConfiguredRouter"]

_ANYWHERE = Situation("", "", 0.0, 0, 0, frozenset(), {})


class ConfiguredRouter:
    """A :class:`~aver.gateway.routing.types.Router` of a valid ``config``. ``scorer`` predicts for the routes that learn.

    A model that was asked for by its own name is a route of its own. Of nested routes, the fallbacks, retries and caches of the one
    that was asked for count; each keeps its own strategy, region and requirements.
    """

    def __init__(self, config: GatewayConfig, scorer: Scorer | None = None) -> None:
        own = {name: Route(name, (Arm(name),)) for name in config.models}
        self._ways = {name: _Way(config, route, scorer) for name, route in {**own, **config.routes}.items()}
        self._fallbacks: dict[tuple[str, str], _Way] = {
            (name, error): _Way(config, _instead(route, targets), scorer)
            for name, route in config.routes.items()
            for error, targets in route.fallback.items()
        }
        self._candidates = {name: dict.fromkeys(way.filters.models) for name, way in self._ways.items()}
        for (name, _), way in self._fallbacks.items():
            self._candidates[name] |= dict.fromkeys(way.filters.models)
        self._scorer = scorer
        self.learns = any(way.learns for way in self._ways.values())
        self.reads_needs = any(model.capabilities is not None for model in config.models.values())
        """Whether what a call needs can make a difference; if not, nobody has to find out."""

    def plan(self, asked: str, situation: Situation) -> Plan:
        return self._way(asked).plan(situation)

    async def prepare(self, asked: str, text: Callable[[], str]) -> Mapping[str, str]:
        prepare = getattr(self._scorer, "prepare", None)
        way = self._ways.get(asked)
        if prepare is None or way is None or not way.learns:
            return {}
        try:
            kept: Mapping[str, str] = await prepare(text())
        except (
            AverError
        ):  # to learn from a call is no reason to refuse it; a route that chooses by the prompt will say what is wrong
            return {}
        return kept

    def fallback(self, plan: Plan, error: ErrorClass, situation: Situation) -> tuple[str, ...]:
        """As the protocol says; the models of the plan also when none of those declared can be asked now."""
        way = self._fallbacks.get((plan.route.name, error))
        return (way.plan(situation).models if way else ()) or plan.models

    def candidates(self, asked: str) -> tuple[str, ...]:
        self._way(asked)
        return tuple(self._candidates[asked])

    def _way(self, asked: str) -> _Way:
        way = self._ways.get(asked)
        if way is None:
            close = get_close_matches(asked[:200], self._ways, n=3)
            step = f"Did you mean {' or '.join(map(repr, close))}?" if close else "Ask for one that /v1/models lists."
            raise NotFound(f"There is no model or route {asked[:60]!r}", step)
        return way


def _instead(route: Route, targets: tuple[str, ...]) -> Route:
    """A route's fallbacks, in the order of the file, bound by what the route itself is bound by."""
    arms = tuple(Arm(target) for target in targets)
    return Route(route.name, arms, requires=route.requires, region=route.region)


class _Way:
    """One route, laid out."""

    def __init__(self, config: GatewayConfig, route: Route, scorer: Scorer | None) -> None:
        self._route = route
        self._node = grow(config, route)
        self._scorer = scorer
        self.learning = self._node.learning if scorer else []
        self.learns = scorer is not None and self._node.learns
        """Whether its calls are learned from, now or later."""
        self.filters = Filters(config, self._node.reach)
        never = self._node.never.items()
        self._never = tuple(Candidate(name, 0.0, 0.0, why) for name, why in never if name not in self.filters.models)
        self._fixed = self._ranked(_ANYWHERE, {}, {}) if self._node.fixed else None

    def plan(self, situation: Situation) -> Plan:
        models: dict[str, Any] = {}
        skipped = self.filters.apply(situation, models)
        inputs = {
            "input_tokens": situation.input_tokens,
            "output_tokens": situation.output_tokens,
            "needs": sorted(situation.needs),
            "models": models,
            **({"barred": dict(situation.barred)} if situation.barred else {}),
        }
        if self._fixed is not None and not skipped:
            return Plan(self._route, self._fixed, inputs)
        scores: dict[str, Mapping[str, float]] = {}
        if self.learning and self._scorer is not None:
            text = situation.text()
            scores = {route.name: self._scorer(route, text) for route in self.learning}
            inputs["scores"] = scores
        return Plan(self._route, self._ranked(situation, skipped, scores), inputs)

    def _ranked(
        self, situation: Situation, skipped: Mapping[str, str], scores: Mapping[str, Mapping[str, float]]
    ) -> tuple[Candidate, ...]:
        ranked, _ = self._node.rank(situation, situation.draw, skipped, scores)
        return (
            *(Candidate(name, *each) for name, each in ranked.items()),
            *(Candidate(name, 0.0, 0.0, reason) for name, reason in skipped.items()),
            *self._never,
        )
