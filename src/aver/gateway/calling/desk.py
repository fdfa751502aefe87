"""One configuration, ready to be asked by. A reload makes a new desk that keeps what did not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from aver.gateway.calling.account import Account, Priced
from aver.gateway.calling.bulkhead import Bulkhead
from aver.gateway.calling.deployment import Deployment
from aver.gateway.calling.features import Features
from aver.gateway.calling.hedging import HedgeBudget
from aver.gateway.calling.library import LibraryTransport
from aver.gateway.calling.retries import RetryBudget
from aver.gateway.calls import Candidate
from aver.gateway.config.types import Arm, GatewayConfig, Model, ProviderConfig, Retries, Route
from aver.gateway.prices.types import Price, Prices
from aver.gateway.routing.types import ModelState, Plan, Router, Situation
from aver.gateway.transport import Transport
from aver.gateway.upstream import Upstream
from aver.gateway.wire import registry
from aver.gateway.wire.types import Signer

__all__ = ["Desk", "Target"]

_MOST_OUTPUT = 8192
"""Tokens that a reply is bound to where neither the caller nor the model's declaration bounds it and a budget has to."""

_ONCE = Retries(attempts=1)
"""What fails within this process fails again."""

Signers = Callable[[ProviderConfig], Signer]


class Target(NamedTuple):
    """What a name that callers use can lead to."""

    deployments: tuple[Deployment, ...]
    retries: RetryBudget
    hedges: HedgeBudget


class Desk:
    """``config`` with its router, deployments and prices. ``builtin`` are deployments that are there in any configuration."""

    def __init__(
        self,
        config: GatewayConfig,
        router: Router,
        prices: Prices | None,
        signers: Signers | None,
        transport: Transport,
        builtin: Mapping[str, Deployment],
        before: Desk | None,
    ) -> None:
        self.config = config
        self.router = router
        self._prices = prices
        self._priced: dict[str, Priced] = {}
        self._strict = prices is not None or any(budget.unit == "usd" for budget in config.budgets)
        self.builtin = builtin
        self.last_resort: Deployment | None = None
        self.bulkheads = _bulkheads(config, before)
        self.deployments = self._deployments(signers, transport, before)
        self._targets: dict[str, Target] = {}
        self.retries: dict[tuple[str, float], RetryBudget] = before.retries if before else {}
        self.hedges: dict[str, HedgeBudget] = before.hedges if before else {}

    def _deployments(self, signers: Signers | None, transport: Transport, before: Desk | None) -> dict[str, Deployment]:
        made: dict[str, Deployment] = {}
        for name, model in self.config.models.items():
            provider = self.config.providers[model.provider]
            kept = before.deployments.get(name) if before else None
            if kept is not None and (kept.model, kept.provider) == (model, provider):
                made[name] = kept
            else:
                signer = signers(provider) if signers else None
                made[name] = Deployment(_upstream(provider, model, transport, signer), self.bulkheads[provider.name])
        return made | dict(self.builtin)

    def target(self, asked: str) -> Target:
        """Raises :class:`~aver.core.errors.NotFound` naming the nearest names."""
        target = self._targets.get(asked)
        if target is None:
            names = (asked,) if asked in self.builtin else self.router.candidates(asked)
            route = self.config.routes.get(asked) or Route(asked, (Arm(asked),))
            share = route.retries.budget
            retries = self.retries.setdefault((asked, share), RetryBudget(share))
            hedges = self.hedges.setdefault(asked, HedgeBudget())
            target = self._targets[asked] = Target(tuple(self.deployments[name] for name in names), retries, hedges)
        return target

    def plan(self, asked: str, situation: Situation) -> Plan:
        if asked in self.builtin:
            return Plan(Route(asked, (Arm(asked),), retries=_ONCE), (Candidate(asked),))
        return self.router.plan(asked, situation)

    def states(self, target: Target, account: Account, now: float) -> dict[str, ModelState]:
        """Every model that might be asked, as it is now, and what this call costs there at worst."""
        return {each.model.name: each.state(now, self._worst(each.model, account)) for each in target.deployments}

    def _worst(self, model: Model, account: Account) -> int | None:
        return None if self._strict and account.priced(model).price is None else account.worst(model).nano_usd

    def bounds(self, target: Target, features: Features) -> dict[str, int]:
        """The most output tokens of a call at each model."""
        asked, copies = features.max_tokens, features.copies
        return {
            each.model.name: copies * _least(asked, each.model.max_output, _MOST_OUTPUT) for each in target.deployments
        }

    def forced(self, target: Target, features: Features) -> dict[str, int]:
        """The bounds that have to be sent, since nobody else knows of them."""
        if features.max_tokens is not None:
            return {}
        return {each.model.name: _MOST_OUTPUT for each in target.deployments if each.model.max_output is None}

    def priced(self, model: Model) -> Priced:
        """Today's price; without one the highest known, where the configuration says so."""
        if model.rates is not None:
            kept = self._priced.get(model.name)
            if kept is None or kept.price is None or kept.price.rates is not model.rates:
                kept = self._priced[model.name] = Priced(Price(model.name, date.min, model.rates))
            return kept
        price = self._prices.price(model.price or model.id) if self._prices is not None else None
        if price is None and self._prices is not None and self.config.unknown_price == "highest":
            return Priced(self._prices.highest(), counted=True)
        return Priced(price)

    @property
    def prices(self) -> str:
        return self._prices.version if self._prices is not None else ""

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.config.routes, *self.config.models)))

    def status(self, now: float) -> dict[str, Any]:
        return {
            "config": self.config.digest,
            "models": {name: each.status(now) for name, each in self.deployments.items()},
            "retry_budgets": {name: round(budget.left, 2) for (name, _), budget in self.retries.items()},
        }


def _bulkheads(config: GatewayConfig, before: Desk | None) -> dict[str, Bulkhead]:
    made: dict[str, Bulkhead] = {}
    for name, provider in config.providers.items():
        same = before is not None and before.config.providers.get(name)
        if (
            before is not None
            and same
            and (same.max_concurrent, same.queue) == (provider.max_concurrent, provider.queue)
        ):
            made[name] = before.bulkheads[name]
        else:
            made[name] = Bulkhead(name, provider.max_concurrent, provider.queue)
    return made


def _upstream(provider: ProviderConfig, model: Model, transport: Transport, signer: Signer | None) -> Upstream:
    if provider.kind == "litellm":  # a library carries the request, in OpenAI's protocol
        return Upstream(provider, model, LibraryTransport(provider), signer, registry.chat_dialect("openai"))
    return Upstream(provider, model, transport, signer)


def _least(asked: int | None, declared: int | None, otherwise: int) -> int:
    known = [tokens for tokens in (asked, declared) if tokens is not None]
    return max(1, min(known)) if known else otherwise
