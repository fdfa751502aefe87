"""Valid configurations of every shape."""

from typing import get_args

from hypothesis import strategies as st

from aver.core.settings import ModelTimeouts
from aver.gateway.config.check import problems
from aver.gateway.config.types import (
    Arm,
    Breaker,
    Budget,
    CachePolicy,
    Capability,
    Cascade,
    Check,
    Coalesce,
    ErrorClass,
    GatewayConfig,
    Hedge,
    Learned,
    Model,
    Period,
    ProviderConfig,
    ProviderKind,
    Retries,
    Route,
    Scope,
    Strategy,
    Unit,
)
from aver.gateway.prices.types import Rates

names = st.from_regex(r"[a-z0-9ö][a-z0-9:/@. _-]{0,8}[a-z0-9]", fullmatch=True)
texts = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
shares = st.floats(0, 1)
seconds = st.integers(0, 10**7).map(float) | st.floats(0, 1e8)
some_seconds = st.integers(1, 10**7).map(float) | st.floats(0.001, 1e8)
capabilities = st.frozensets(st.sampled_from(get_args(Capability)))
regions = st.sampled_from(["", "eu", "us"])
nanos = st.integers(0, 10**15)
rates = st.builds(Rates, nanos, nanos, st.none() | nanos, image=st.none() | nanos)
timeouts = st.builds(ModelTimeouts, some_seconds, some_seconds, some_seconds, some_seconds)
breakers = st.builds(Breaker, st.integers(1, 99), st.floats(0.01, 1), some_seconds, some_seconds)
retries = st.builds(Retries, st.integers(1, 10), shares, seconds, seconds)
hedges = st.builds(Hedge, st.floats(0.01, 0.99), shares, seconds)
coalesce = st.sampled_from(get_args(Coalesce))
caches = st.builds(CachePolicy, seconds, seconds, shares, shares, st.booleans(), st.booleans(), coalesce)
cascades = st.builds(Cascade, st.lists(st.sampled_from(get_args(Check)), min_size=1).map(tuple))
learned = st.builds(Learned, names.map(lambda name: name.replace("..", ".") + ".json"), shares, shares)
budgets = st.builds(
    Budget,
    names,
    st.sampled_from(get_args(Scope)),
    st.sampled_from(get_args(Unit)),
    st.integers(0, 2**62),
    st.sampled_from(get_args(Period)),
    st.just("") | texts,
)


@st.composite
def providers(draw, name):
    kind = draw(st.sampled_from(get_args(ProviderKind)))
    return ProviderConfig(
        name,
        kind,
        draw(st.sampled_from(["https://x.example.com/v1", "http://127.0.0.1:11434"])),
        draw(st.sampled_from(["", "env:KEY", "file:/run/secrets/a key"])),
        draw(st.dictionaries(names, texts, max_size=2)) | ({"project": "p"} if kind == "vertex" else {}),
        draw(st.dictionaries(st.sampled_from(["X-Team", "User-Agent"]), texts)),
        draw(timeouts),
        draw(st.integers(1, 500)),
        draw(st.integers(0, 500)),
        draw(breakers),
    )


@st.composite
def models(draw, name, served_by):
    there = draw(st.just(name) | names)
    priced = draw(st.none() | rates)
    return Model(
        name,
        draw(st.sampled_from(served_by)),
        there,
        there if priced else draw(st.just(there) | names),
        draw(st.none() | st.integers(10**5, 10**6)),
        draw(st.none() | st.integers(1, 10**5)),
        draw(st.none() | capabilities),
        draw(regions),
        priced,
    )


@st.composite
def routes(draw, name, known):
    strategy = draw(st.sampled_from(get_args(Strategy)))
    weights = st.floats(0.1, 100) if strategy in ("weighted", "experiment") else st.just(1.0)
    targets = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True))
    return Route(
        name,
        tuple(Arm(target, draw(weights)) for target in targets),
        strategy,
        draw(
            st.dictionaries(
                st.sampled_from(get_args(ErrorClass)),
                st.lists(st.sampled_from(known), min_size=1, max_size=2).map(tuple),
            )
        ),
        draw(retries),
        draw(st.none() | hedges),
        draw(st.none() | cascades) if strategy == "cascade" else None,
        draw(learned) if strategy == "learned" else None,
        draw(caches),
        draw(st.lists(st.sampled_from(["tenant", "user"]), min_size=1).map(tuple)),
        draw(st.just(frozenset()) | capabilities),
        draw(st.just("") | regions),
        draw(st.floats(0, 0.9)),
        draw(st.booleans()),
    )


@st.composite
def _configs(draw):
    words = draw(st.lists(names, min_size=3, max_size=10, unique=True))
    split = draw(st.integers(1, len(words) - 1))
    served_by = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    made = {name: draw(models(name, served_by)) for name in words[:split]}
    routed = {}
    for index, name in enumerate(words[split:]):
        route = draw(routes(name, words[: split + index]))  # only what is there already, so never in a circle
        if not list(problems(GatewayConfig(providers_of(served_by), made, {**routed, name: route}))):
            routed[name] = route
    limits = []
    for budget in draw(st.lists(budgets, max_size=3)):
        if not list(problems(GatewayConfig(providers_of(served_by), made, routed, (*limits, budget)))):
            limits.append(budget)
    return GatewayConfig(
        {name: draw(providers(name)) for name in served_by},
        made,
        routed,
        tuple(limits),
        draw(st.sampled_from(["refuse", "highest"])),
    )


def providers_of(served_by):
    return {name: ProviderConfig(name, "openai", "https://x.example.com") for name in served_by}


configs = _configs()
