"""A configuration's copy on this machine: the same routes and models, with every provider a fake one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aver.core.errors import InvalidInput
from aver.core.settings import ModelTimeouts
from aver.core.yaml import nearest
from aver.gateway.config.types import (
    Arm,
    CachePolicy,
    ErrorClass,
    GatewayConfig,
    ProviderConfig,
    ProviderKind,
    Route,
)
from aver.gateway.routing.tree import grow
from aver.testing.selftest.faults import Place
from aver.testing.selftest.scene import HEADER

__all__ = ["ENVIRONMENT", "KEY", "Stage"]

KEY = "selftest-0123456789"
ENVIRONMENT = {"AVER_SELFTEST_KEY": KEY}
_CREDENTIAL = "env:AVER_SELFTEST_KEY"
_UNDER_V1 = ("openai", "responses", "litellm")
_LEAST = ModelTimeouts(connect=5.0, first_token=1.5, stall=0.75, total=6.0)
"""Seconds below which a timeout would measure this machine and not the gateway."""
_LEAST_WINDOW, _LEAST_OPEN = 0.2, 0.1
_UNSPOKEN = {"azure": ("auth",), "bedrock": ("profile",), "gemini": ("api_version",)}
"""Options that the fake server has no use for, by kind: other ways to be let in, other addresses."""
_OPENAI = "api.openai.com"
_BY_CHANCE = ("weighted", "experiment", "learned")
_NO_CHAT = frozenset({"embeddings", "rerank"})


@dataclass(frozen=True, slots=True)
class Stage:
    """``declared`` as it would run ``speed`` times as fast with its providers at ``root_url``. Timeouts, breakers, pauses and hedges are
    scaled; caches, budgets and compression are off; what costs an unknown price may be called. Everything else is as declared."""

    declared: GatewayConfig
    root_url: str
    speed: float
    allowance: float = 1.0
    """How many times as long as usual the shortest timeouts are."""

    def slower(self, times: float) -> Stage:
        """This stage where time passes more slowly, for a machine that cannot keep up."""
        return replace(self, speed=self.speed / times, allowance=self.allowance * times)

    @property
    def providers(self) -> tuple[str, ...]:
        """By the number that :data:`HEADER` says."""
        return tuple(self.declared.providers)

    def config(self, broken: Mapping[str, str] | None = None) -> GatewayConfig:
        """``broken`` are addresses, by provider, in place of the fake server's."""
        declared = self.declared
        return GatewayConfig(
            {
                name: self._provider(number, provider, (broken or {}).get(name))
                for number, (name, provider) in enumerate(declared.providers.items())
            },
            declared.models,
            {name: self._route(route) for name, route in declared.routes.items()},
            unknown_price="highest",
        )

    def timeouts(self, provider: str) -> ModelTimeouts:
        declared = self.declared.providers[provider].timeouts

        def scaled(seconds: float, least: float) -> float:
            return max(least * self.allowance, seconds / self.speed)

        return ModelTimeouts(
            scaled(declared.connect, _LEAST.connect),
            scaled(declared.first_token, _LEAST.first_token),
            scaled(declared.stall, _LEAST.stall),
            scaled(declared.total, _LEAST.total),
            None if declared.whole is None else scaled(declared.whole, _LEAST.total),
        )

    def delays(self, seconds: float) -> dict[str, float]:
        """So many declared seconds to the first token, by provider: the same part of its timeout as declared."""
        return {
            name: self.timeouts(name).first_token * seconds / provider.timeouts.first_token
            for name, provider in self.declared.providers.items()
        }

    def targets(self, wanted: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The routes to test, or the models where there are none; only those that answer with text. Raises
        :class:`~aver.core.errors.InvalidInput` where none is left or a wanted one does not exist."""
        declared = self.declared
        known = [*declared.routes, *declared.models]
        for name in wanted:
            if name not in known:
                raise InvalidInput(f"There is no route or model {name[:60]!r}", nearest(name, known))
        chosen = wanted or tuple(declared.routes) or tuple(declared.models)
        able = tuple(name for name in chosen if any(map(self._chats, self._reach(self.route(name)))))
        if not able:
            raise InvalidInput(
                "Nothing of what is to be tested answers with text", "Declare a model that does, or name another."
            )
        return able

    def route(self, target: str) -> Route:
        """A model is a route of its own."""
        route = self.declared.routes.get(target)
        return self._route(route) if route else Route(target, (Arm(target),))

    def by_chance(self, target: str) -> bool:
        """Whether who is asked first differs from call to call."""
        route = self.declared.routes.get(target)
        if route is None:
            return False
        return route.strategy in _BY_CHANCE or any(self.by_chance(arm.target) for arm in route.arms)

    def settled(self, target: str) -> bool:
        """Whether who is asked first follows from the declaration alone."""
        route = self.declared.routes.get(target)
        return route is None or (
            route.strategy in ("priority", "cascade") and all(self.settled(arm.target) for arm in route.arms)
        )

    def place(self, model: str) -> Place:
        declared = self.declared.models[model]
        return Place(declared.provider, declared.id)

    def answerers(self, target: str, error: ErrorClass) -> tuple[str, ...]:
        """The models that answer when the first one asked fails so: the fallbacks for this error, or the route's own."""
        route = self.route(target)
        instead = replace(route, arms=tuple(map(Arm, route.fallback.get(error, ()))))
        return self._reach(instead) or self._reach(route)

    def first_providers(self, target: str) -> tuple[str, ...]:
        """Who may be asked first."""
        reached = self._reach(self.route(target))
        providers = tuple(dict.fromkeys(self.declared.models[name].provider for name in reached))
        return providers[:1] if self.settled(target) else providers

    def notes(self) -> tuple[str, ...]:
        """What is tested otherwise than declared."""
        strangers = [name for name, each in self.declared.providers.items() if each.kind == "litellm"]
        learning = [name for name, each in self.declared.routes.items() if each.strategy == "learned"]
        return (
            *(f"{name} is reached through a library; tested as a server of chat completions." for name in strangers),
            *(f"{name} chooses without its trained model here." for name in learning),
        )

    def _reach(self, route: Route) -> tuple[str, ...]:
        """The models that may answer, in the order in which they are declared."""
        return grow(self.declared, route).reach

    def _chats(self, model: str) -> bool:
        capabilities = self.declared.models[model].capabilities
        return not capabilities or not capabilities <= _NO_CHAT

    def _provider(self, number: int, declared: ProviderConfig, address: str | None) -> ProviderConfig:
        kind: ProviderKind = "openai" if declared.kind == "litellm" else declared.kind
        breaker = declared.breaker
        unspoken = _UNSPOKEN.get(kind, ())
        options = {name: value for name, value in declared.options.items() if name not in unspoken}
        if _OPENAI in declared.base_url:
            # Its models are known by their address, which is another here, not to go on from a message of their own.
            options.setdefault("prefill", "no")
        root = address or self.root_url
        return replace(
            declared,
            kind=kind,
            base_url=f"{root}/v1" if declared.kind in _UNDER_V1 else root,
            credential=_CREDENTIAL,
            options=options,
            headers={**declared.headers, HEADER: str(number)},
            timeouts=self.timeouts(declared.name),
            breaker=replace(
                breaker,
                window=max(_LEAST_WINDOW, breaker.window / self.speed),
                open=max(_LEAST_OPEN, breaker.open / self.speed),
            ),
        )

    def _route(self, declared: Route) -> Route:
        retries, hedge = declared.retries, declared.hedge
        return replace(
            declared,
            retries=replace(retries, base=retries.base / self.speed, longest=retries.longest / self.speed),
            hedge=hedge and replace(hedge, least=hedge.least / self.speed),
            cache=CachePolicy(),
            compress=0.0,
        )
