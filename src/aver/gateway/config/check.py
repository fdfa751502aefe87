"""What is wrong with a configuration beyond the shape of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from aver.core.yaml import nearest
from aver.gateway.config.graph import circle, models_of, spread
from aver.gateway.config.types import Budget, GatewayConfig, ProviderConfig, Route

__all__ = ["Problem", "problems"]

_SECRET_HEADERS = {"authorization", "api-key", "x-api-key", "x-goog-api-key", "proxy-authorization", "cookie"}
_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400, "month": 28 * 86_400, "ever": 10**12}
_MISSING_ADDRESS = {
    "azure": "Write base_url: https://NAME.openai.azure.com, with the name of your resource.",
    "bedrock": "Write options: {region: us-east-1}, or a base_url.",
}
_MOST_ENDS, _DEEPEST = 1000, 8
_OWN = {"cascade": "cascade", "learned": "learned"}
"""Settings that only the strategy of the same name reads."""


class Problem(NamedTuple):
    """``path`` leads to the value: names of fields and numbers of list items."""

    path: tuple[str | int, ...]
    cause: str
    next_step: str


def problems(config: GatewayConfig) -> Iterator[Problem]:
    """Everything that is wrong. While names are unknown or routes run in a circle, what follows from them is not looked at."""
    for provider in config.providers.values():
        yield from _provider(provider)
    yield from _models(config)
    names = list(_names(config))
    yield from names
    if names:
        return
    around = circle(config.routes)
    if around:
        path = ("routes", around[0], "models")
        yield Problem(
            path, f"a route reaches itself: {' -> '.join(around)}", "Take one of these routes out of the circle."
        )
        return
    for name, (ends, depth) in spread(config.routes).items():
        if ends > _MOST_ENDS or depth > _DEEPEST:
            cause = f"the route {name!r} leads through {depth} levels to {ends} ends"
            step = f"Nest routes at most {_DEEPEST} deep, with at most {_MOST_ENDS} models in all."
            yield Problem(("routes", name, "models"), cause, step)
            return
    for route in config.routes.values():
        yield from _route(route)
        yield from _arms(config, route)
        yield from _fallbacks(config, route)
    yield from _budgets(config)


def _provider(provider: ProviderConfig) -> Iterator[Problem]:
    path = ("providers", provider.name)
    if not provider.base_url and provider.kind != "litellm":
        yield Problem(
            path,
            f"nothing says where the provider {provider.name!r} is reached",
            _MISSING_ADDRESS.get(provider.kind, "Write its base_url."),
        )
    if provider.kind == "vertex" and "project" not in provider.options:
        cause = f"nothing says whose project the provider {provider.name!r} asks"
        yield Problem(path, cause, "Write options: {project: NAME, location: europe-west4}, with yours.")
    for header in provider.headers:
        if header.lower() in _SECRET_HEADERS:
            yield Problem(
                (*path, "headers", header),
                f"the header {header!r} is a credential",
                "Write credential: env:NAME instead; the provider's kind knows the header.",
            )


def _models(config: GatewayConfig) -> Iterator[Problem]:
    for model in config.models.values():
        path = ("models", model.name)
        if model.provider not in config.providers:
            yield _unknown((*path, "provider"), "provider", model.provider, [*config.providers])
        if model.context is not None and model.max_output is not None and model.max_output > model.context:
            cause = f"max_output is {model.max_output}, more than the context of {model.context}"
            yield Problem((*path, "max_output"), cause, "context counts input and output together.")


def _names(config: GatewayConfig) -> Iterator[Problem]:
    """Names that are taken twice, or that nobody has."""
    known = [*config.models, *config.routes]
    for name, route in config.routes.items():
        path = ("routes", name)
        if name in config.models:
            yield Problem(path, f"{name!r} is a model already", "Give the route or the model another name.")
        targets = [arm.target for arm in route.arms]
        for index, target in enumerate(targets):
            if target not in known:
                yield _unknown((*path, "models", index), "model or route", target, known)
            elif target in targets[:index]:
                yield Problem((*path, "models", index), f"{target!r} is listed twice", "Keep one, with a weight.")
        for error, fallbacks in route.fallback.items():
            for index, target in enumerate(fallbacks):
                if target not in known:
                    yield _unknown((*path, "fallback", error, index), "model or route", target, known)


def _unknown(path: tuple[str | int, ...], what: str, name: str, known: list[str]) -> Problem:
    step = nearest(name, known) if known else f"Declare one under {path[0] if what != 'provider' else 'providers'}."
    return Problem(path, f"there is no {what} {name!r}", step)


def _route(route: Route) -> Iterator[Problem]:
    path = ("routes", route.name)
    for setting, strategy in _OWN.items():
        if getattr(route, setting) is not None and route.strategy != strategy:
            yield Problem(
                (*path, setting),
                f"{setting!r} has no effect on the strategy {route.strategy!r}",
                f"Write strategy: {strategy}, or leave {setting} out.",
            )
    if route.strategy == "learned" and not (route.learned and route.learned.model):
        yield Problem(
            path,
            "a route that learns names no trained model",
            "Write learned: {model: router.json}, with the name of its file.",
        )
    if route.strategy not in ("weighted", "experiment"):
        for index, arm in enumerate(route.arms):
            if arm.weight != 1:
                cause = f"a weight has no effect on the strategy {route.strategy!r}"
                yield Problem((*path, "models", index), cause, "Write strategy: weighted, or leave the weight out.")


def _arms(config: GatewayConfig, route: Route) -> Iterator[Problem]:
    path = ("routes", route.name)
    models = [config.models[name] for name in models_of(config.routes, [arm.target for arm in route.arms])]
    if route.hedge is not None and len(models) < 2:
        yield Problem((*path, "hedge"), "a hedge needs a second model to ask", "Add one to models, or leave hedge out.")
    if route.strategy == "cascade" and len(models) < 2:
        yield Problem(
            (*path, "models"), "a cascade needs a second model to ask", "Add a better one after the cheap one."
        )
    if route.region and all(model.region != route.region for model in models):
        known = sorted({model.region for model in models} - {""})
        step = f"Theirs: {', '.join(known)}." if known else "Write region: on the models that are served there."
        yield Problem((*path, "region"), f"none of the route's models is in the region {route.region!r}", step)
    able = [model for model in models if model.capabilities is None or route.requires <= model.capabilities]
    if not able:
        wanted = ", ".join(sorted(route.requires))
        cause = f"none of the route's models is declared to be capable of {wanted}"
        yield Problem((*path, "requires"), cause, "Add a capable model, or correct the models' capabilities.")


def _fallbacks(config: GatewayConfig, route: Route) -> Iterator[Problem]:
    models = models_of(config.routes, [arm.target for arm in route.arms])
    for error, targets in route.fallback.items():
        path = ("routes", route.name, "fallback", error)
        if route.name in targets:
            index = targets.index(route.name)
            yield Problem((*path, index), f"{route.name!r} falls back to itself", "Name another model or route.")
            continue
        reached = models_of(config.routes, targets)
        if len(models) == 1 and reached == models:
            yield Problem(path, f"the only model, {models[0]!r}, falls back to itself", "Name another model or route.")
        if route.region and all(config.models[name].region != route.region for name in reached):
            cause = f"no fallback for {error} is in the route's region, {route.region!r}"
            yield Problem(path, cause, "Name one that is served there; a region holds for fallbacks too.")


def _budgets(config: GatewayConfig) -> Iterator[Problem]:
    for index, budget in enumerate(config.budgets):
        known = [*(config.models if budget.per == "model" else config.routes)]
        if budget.of and budget.per in ("model", "route") and budget.of not in known:
            yield _unknown(("budgets", index, "of"), budget.per, budget.of, known)
    yield from _against_each_other(config.budgets)


def _against_each_other(budgets: tuple[Budget, ...]) -> Iterator[Problem]:
    names: dict[str, Budget] = {}
    accounts: dict[tuple[str, ...], int] = {}
    kin: dict[tuple[str, ...], dict[str, list[int]]] = {}
    """The budgets so far, by whom and what they count, then by ``of``; each account stands in it once."""
    for second, other in enumerate(budgets):
        path = ("budgets", second)
        account = (other.per, other.of, other.unit, other.period)
        if account in accounts:
            first = accounts[account]
            cause = f"the budgets {first + 1} and {second + 1} contradict each other"
            yield Problem(path, cause, f"Keep one: {_words(budgets[first])}")
            continue
        if other.name in names:
            yield Problem((*path, "name"), f"two budgets are called {other.name!r}", "Give one of them another name.")
        alike = kin.setdefault((other.per, other.unit), {})
        for first in chain(alike.get(other.of, ()), alike.get("", ())) if other.of else chain(*alike.values()):
            one = budgets[first]
            if _dead(one, other):
                yield _unreachable(first, one, other)
            elif _dead(other, one):
                yield _unreachable(second, other, one)
        names[other.name], accounts[account] = other, second
        alike.setdefault(other.of, []).append(second)


def _dead(one: Budget, other: Budget) -> bool:
    """Whether ``one`` can never be reached because ``other``, which counts at least as much for at least as long, is lower."""
    if (one.per, one.unit) != (other.per, other.unit) or (other.of and other.of != one.of):
        return False
    return _SECONDS[one.period] <= _SECONDS[other.period] and one.limit > other.limit


def _unreachable(index: int, one: Budget, other: Budget) -> Problem:
    cause = f"the budget {one.name!r} can never be reached: {other.name!r} also applies, and allows less"
    return Problem(("budgets", index), cause, "Both hold at once; correct one of the limits, or leave one out.")


def _words(budget: Budget) -> str:
    return f"per {budget.per}{f' of {budget.of}' if budget.of else ''}, each {budget.period}."
