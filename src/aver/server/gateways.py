"""Putting the gateway together: its configuration, keys, prices, budgets, caches, and what the assistant lends it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.clock import Clock
from aver.core.errors import SettingsError
from aver.core.settings import ModelSettings, Settings
from aver.gateway.config.types import GatewayConfig, Model, ProviderConfig
from aver.gateway.prices.book import PriceBook
from aver.gateway.prices.types import Rates
from aver.gateway.routing.router import ConfiguredRouter
from aver.gateway.routing.tree import grow

if TYPE_CHECKING:
    from aver.core.principal import Principal
    from aver.gateway.budgets.grants import GrantStore
    from aver.gateway.cache.types import Access
    from aver.gateway.types import Embedder
    from aver.server.bundle import Bundle
    from aver.server.tenancy import TenantServices

__all__ = ["declared", "document_access", "environment", "grant_store", "learning_router", "price_book"]

_PRICES = "prices.yaml"
_ONLY = "model"
"""What the one model of the settings is called where a model's name is expected."""


def declared(settings: Settings, clock: Clock) -> Callable[[], Bundle]:
    """What is in force: the bundle, read again when it changes, or the one model of the settings, or nothing."""
    from aver.server.bundle import Bundle, followed

    if settings.bundle is not None:
        return followed(settings.bundle, clock)
    bundle = Bundle(_of_settings(settings.model) if settings.model else GatewayConfig())
    return lambda: bundle


def _of_settings(model: ModelSettings) -> GatewayConfig:
    rates = None
    if model.input_usd_per_million is not None and model.output_usd_per_million is not None:
        rates = Rates(_nano(model.input_usd_per_million), _nano(model.output_usd_per_million))
    credential = "env:AVER_MODEL_KEY" if model.key else ""
    provider = ProviderConfig(_ONLY, "openai", model.base_url, credential, timeouts=model.timeouts)
    return GatewayConfig({_ONLY: provider}, {model.name: Model(model.name, _ONLY, model.name, model.name, rates=rates)})


def _nano(usd: float) -> int:
    return round(usd * 1e9)


def price_book(bundle: Path | None, clock: Clock) -> PriceBook:
    """The prices that hold for a bundle, given as its folder or its file: those of ``prices.yaml`` in it, then Aver's own."""
    if bundle is None:
        return PriceBook.load(clock)
    own = (bundle if bundle.is_dir() else bundle.parent) / _PRICES
    try:
        text = own.read_text(encoding="utf-8") if own.is_file() else ""
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{own} cannot be read as UTF-8 text", "Check its permissions and its encoding.") from None
    return PriceBook.load(clock, text, str(own))


def learning_router(
    bundle: Path | None, embedder: Callable[[], Embedder]
) -> Callable[[GatewayConfig], ConfiguredRouter]:
    """Makes the router of a configuration, with the learned models that its routes name in ``bundle``, its folder or its file."""

    def route_by(config: GatewayConfig) -> ConfiguredRouter:
        if not any(grow(config, route).learns for route in config.routes.values()):
            return ConfiguredRouter(config)
        from aver.gateway.routing.learned_file import load
        from aver.gateway.routing.learned_scorer import LearnedScorer

        given = bundle or Path()
        folder = given if given.is_dir() else given.parent
        named = {
            name: load(folder / route.learned.model, embedder())
            for name, route in config.routes.items()
            if route.learned and route.learned.model
        }
        return ConfiguredRouter(config, LearnedScorer(named, embedder))

    return route_by


def grant_store(services: TenantServices, redis_url: str | None) -> GrantStore:
    """Where a tenant's budgets are shared among processes."""
    if redis_url:
        from aver.gateway.budgets.adapters.redis import RedisGrantStore

        return RedisGrantStore(redis_url, services.store.tenant.id)
    from aver.gateway.budgets.store import SqlGrantStore

    return SqlGrantStore(services.store)


def document_access(services: Callable[[str], TenantServices]) -> Access:
    """Whether a principal may read all of these ``DOCUMENT@VERSION`` now. Blocking."""

    def may_read(principal: Principal, documents: frozenset[str]) -> bool:
        if not documents:
            return True
        pairs = {(document, int(version)) for document, _, version in (each.rpartition("@") for each in documents)}
        return services(principal.tenant).knowledge.readable(principal, pairs) == pairs

    return may_read


def environment(settings: Settings) -> dict[str, str]:
    """What credentials are read from: this process's environment, and the key of the settings under its variable's name."""
    given = {"AVER_MODEL_KEY": settings.model.key} if settings.model and settings.model.key else {}
    return {**os.environ, **given}
