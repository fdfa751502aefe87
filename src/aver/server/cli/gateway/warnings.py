"""What is no mistake in a bundle, and yet worth a look before callers meet it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from aver.server.cli.gateway.entrance import Entrance, is_here

if TYPE_CHECKING:
    from aver.gateway.config.types import GatewayConfig, ProviderConfig

__all__ = ["warnings"]


def warnings(config: GatewayConfig, entrances: Mapping[str, Entrance], unpriced: frozenset[str]) -> Iterator[str]:
    """One sentence each, what it is about first. ``unpriced`` are the models whose price nobody knows."""
    used = {model.provider for model in config.models.values()}
    for provider in config.providers.values():
        yield from _provider(provider, entrances[provider.name])
        if provider.name not in used:
            yield f"provider {provider.name}: no model is served by it."
    if not config.models:
        yield "models: none is declared, so there is nothing to call."
    for name in sorted(unpriced):
        effect = "is not called" if config.unknown_price == "refuse" else "is counted at the highest price known"
        yield f"model {name}: nobody knows its price, so it {effect}; write price: {{input: ..., output: ...}}."
    yield from _routes(config)
    if config.models and not any(budget.unit == "usd" for budget in config.budgets):
        yield "budgets: none is in usd, so nothing bounds what is spent."


def _provider(provider: ProviderConfig, entrance: Entrance) -> Iterator[str]:
    if entrance.there is False:
        yield f"provider {provider.name}: {entrance.problem}"
    if not is_here(provider) and provider.kind != "litellm":
        if not entrance.source:
            yield f"provider {provider.name}: no credential is declared; write credential: env:NAME if it wants one."
        if provider.base_url.startswith("http://"):
            yield f"provider {provider.name}: prompts and keys travel in clear; write https:// if it is not on this network."
    if provider.kind == "litellm" and find_spec("litellm") is None:
        yield f"provider {provider.name}: the litellm package is not installed. Run: pip install 'aver[litellm]'"


def _routes(config: GatewayConfig) -> Iterator[str]:
    from aver.gateway.config.graph import models_of

    for route in config.routes.values():
        targets = [arm.target for arm in route.arms] + [name for names in route.fallback.values() for name in names]
        reached = models_of(config.routes, targets)
        if len(reached) == 1:
            yield f"route {route.name}: has one model, so nobody steps in when {reached[0]} fails."
        elif len({config.models[name].provider for name in reached}) == 1:
            yield f"route {route.name}: all its models are at one provider, and are down when it is."
