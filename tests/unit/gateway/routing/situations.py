"""Configurations, situations and draws for the tests of routing."""

from hypothesis import strategies as st

from aver.gateway.config.types import Arm, GatewayConfig, Model, ProviderConfig, Route
from aver.gateway.routing.router import ConfiguredRouter
from aver.gateway.routing.types import ModelState, Situation
from tests.unit.gateway.config.generated import capabilities

READY = ModelState(first_token=0.5, nano_usd=1_000_000)


def configured(routes=(), *models, **settings):
    """``models`` are names, or whole models."""
    made = [each if isinstance(each, Model) else Model(each, "p", each, each) for each in models or "abcd"]
    return GatewayConfig(
        {"p": ProviderConfig("p", "openai", "https://x.example.com")},
        {model.name: model for model in made},
        {route.name: route for route in routes},
        **settings,
    )


def router(*routes, models=(), scorer=None, **settings):
    return ConfiguredRouter(configured(routes, *models, **settings), scorer)


def situation(draw=0.0, *, user="ann", tenant="t", needs=(), tokens=(100, 100), text="", **states):
    known = dict.fromkeys("abcd", READY) | states
    return Situation(tenant, user, draw, *tokens, frozenset(needs), known, lambda: text)


def route(name, *arms, **settings):
    return Route(name, tuple(Arm(*arm) if isinstance(arm, tuple) else Arm(arm) for arm in arms), **settings)


def asked(plan):
    return [(each.model, round(each.propensity, 6)) for each in plan.ranked if not each.skipped]


def left_out(plan):
    return {each.model: each.skipped for each in plan.ranked if each.skipped}


states = st.builds(
    ModelState,
    st.none() | st.floats(0.001, 100),
    st.integers(0, 20),
    st.booleans(),
    st.none() | st.integers(0, 10**12),
)


@st.composite
def situations(draw, config):
    """Any moment in the life of a configuration."""
    names = [*config.models]
    known = draw(st.sets(st.sampled_from(names)))
    return Situation(
        draw(st.sampled_from(["t", "u"])),
        draw(st.text(max_size=5)),
        draw(st.floats(0, 1, exclude_max=True)),
        draw(st.integers(0, 2 * 10**6)),
        draw(st.integers(0, 10**5)),
        draw(st.just(frozenset()) | capabilities),
        {name: draw(states) for name in sorted(known)},
        lambda: "a question",
    )
