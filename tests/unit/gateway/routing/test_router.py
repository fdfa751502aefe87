import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aver.core.errors import NotFound
from aver.gateway.config.graph import models_of
from aver.gateway.config.types import Learned, Model
from aver.gateway.routing.replay import replay
from aver.gateway.routing.router import ConfiguredRouter
from aver.gateway.routing.types import ModelState, Plan
from tests.unit.gateway.config.generated import configs

from .situations import asked, left_out, route, router, situation, situations

OPEN = ModelState(open=True, nano_usd=1)


def model(name, **settings):
    return Model(name, "p", name, name, **settings)


def test_a_model_is_a_route_of_its_own():
    plan = router().plan("b", situation())
    assert plan.route.name == "b"
    assert asked(plan) == [("b", 1)]
    assert router().candidates("b") == ("b",)


def test_an_unknown_name_is_answered_with_the_nearest():
    made = router(route("smart", "gpt-4o"), models=("gpt-4o", "gpt-4o-mini"))
    for ask in (lambda: made.plan("gpt-4o-min", situation()), lambda: made.candidates("gpt-4o-min")):
        with pytest.raises(
            NotFound, match=r"no model or route 'gpt-4o-min'\. Did you mean 'gpt-4o-mini' or 'gpt-4o'\?"
        ):
            ask()
    with pytest.raises(NotFound, match="Ask for one that /v1/models lists"):
        made.plan("x" * 10_000, situation())


def test_a_model_that_cannot_is_left_out():
    made = router(
        route("r", "a", "b", "c"),
        models=(model("a", capabilities=frozenset({"tools"})), model("b"), model("c", capabilities=frozenset())),
    )
    plan = made.plan("r", situation(needs=["tools", "vision"]))
    assert plan.models == ("b",)
    assert left_out(plan) == {"a": "capability", "c": "capability"}
    assert made.plan("r", situation()).models == ("a", "b", "c")
    assert made.reads_needs
    assert not router(route("r", "a")).reads_needs


def test_a_request_that_may_not_fit_goes_where_it_fits():
    made = router(route("r", "a", "b"), models=(model("a", context=1000), model("b", context=9000)))
    assert made.plan("r", situation(tokens=(900, 100))).models == ("a", "b")
    plan = made.plan("r", situation(tokens=(901, 100)))
    assert plan.models == ("b",)
    assert left_out(plan) == {"a": "context"}


def test_a_bound_on_tokens_never_leaves_nobody():
    made = router(route("r", "a", "b"), models=(model("a", context=1000), model("b", context=9000)))
    assert made.plan("r", situation(tokens=(50_000, 0))).models == ("a", "b")


def test_a_model_whose_breaker_is_open_is_left_alone_unless_all_are():
    made = router(route("r", "a", "b"))
    plan = made.plan("r", situation(a=OPEN))
    assert asked(plan) == [("b", 1)]
    assert left_out(plan) == {"a": "breaker"}
    assert made.plan("r", situation(a=OPEN, b=OPEN)).models == ("a", "b")


def test_a_model_without_a_price_is_refused_or_not_as_declared():
    unpriced = ModelState(0.1)
    plan = router(route("r", "a", "b")).plan("r", situation(a=unpriced))
    assert left_out(plan) == {"a": "price"}
    assert router().plan("a", situation(a=unpriced)).models == ()
    plan = router(route("r", "a", "b"), unknown_price="highest").plan("r", situation(a=unpriced))
    assert plan.models == ("a", "b")


def test_only_models_of_its_region_answer_a_route():
    made = router(
        route("eu", "a", "b", region="eu", fallback={"outage": ("any",)}),
        route("any", "b", "c"),
        route("outer", "eu", "c"),
        models=(model("a", region="eu"), model("b", region="us"), model("c", region="eu")),
    )
    plan = made.plan("eu", situation())
    assert plan.models == ("a",)
    assert left_out(plan) == {"b": "region"}
    assert made.fallback(plan, "outage", situation()) == ("c",)  # not b, which is elsewhere
    assert made.candidates("eu") == ("a", "c")
    assert made.plan("outer", situation()).models == ("a", "c")


def test_what_a_route_requires_holds_for_the_routes_below():
    able = frozenset({"tools"})
    made = router(
        route("inner", "a", "b"),
        route("r", "inner", requires=able, strategy="cheapest"),
        models=(model("a", capabilities=frozenset()), model("b", capabilities=able)),
    )
    assert made.plan("r", situation()).models == ("b",)
    assert made.plan("inner", situation()).models == ("a", "b")


@pytest.mark.parametrize("outer", ["weighted", "priority"])
def test_a_route_none_of_whose_models_may_answer_is_passed_over(outer):
    made = router(
        route("eu", "a", strategy="weighted"),
        route("r", "eu", "b", strategy=outer, region="us"),
        models=(model("a", region="eu"), model("b", region="us")),
    )
    assert asked(made.plan("r", situation())) == [("b", 1)]


def test_a_class_of_failures_has_its_own_fallbacks():
    made = router(
        route("r", "a", "b", fallback={"context_window": ("d", "pool"), "outage": ("c",)}),
        route("pool", "c", "a"),
    )
    plan = made.plan("r", situation())
    assert made.fallback(plan, "context_window", situation()) == ("d", "c", "a")
    assert made.fallback(plan, "context_window", situation(d=OPEN)) == ("c", "a")
    assert made.fallback(plan, "rate_limit", situation()) == ("a", "b")
    assert made.fallback(plan, "outage", situation(c=ModelState())) == ("a", "b")  # c has no price
    assert made.candidates("r") == ("a", "b", "d", "c")


def test_the_predictions_are_part_of_the_record():
    learning = route("r", "a", "b", strategy="learned", learned=Learned("r.json"))
    plan = router(learning, scorer=lambda _route, text: {"a": 0.5, "b": len(text)}).plan("r", situation(text="four"))
    assert plan.inputs["scores"] == {"r": {"a": 0.5, "b": 4}}


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_any_plan_ranks_each_model_once_and_adds_up(data):
    config = data.draw(configs)
    name = data.draw(st.sampled_from([*config.models, *config.routes]))
    moment = data.draw(situations(config))
    made = ConfiguredRouter(config)
    plan = made.plan(name, moment)
    ranked = [each.model for each in plan.ranked]
    assert sorted(ranked) == sorted(models_of(config.routes, [name]))
    chances = [each.propensity for each in plan.ranked]
    assert sum(chances) == pytest.approx(1 if plan.models else 0)
    assert min(chances) >= 0
    assert all(each.propensity == 0 for each in plan.ranked if each.skipped)
    skipped = [bool(each.skipped) for each in plan.ranked]
    assert skipped == sorted(skipped)
    assert set(plan.models) <= set(made.candidates(name))
    for error in plan.route.fallback:
        assert set(made.fallback(plan, error, moment)) <= set(made.candidates(name))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data(), st.booleans())
def test_any_plan_can_be_made_again_from_its_record(data, learned):
    config = data.draw(configs)
    name = data.draw(st.sampled_from([*config.models, *config.routes]))
    moment = data.draw(situations(config))
    plan = ConfiguredRouter(config, predictions if learned else None).plan(name, moment)
    recorded = json.loads(json.dumps(dict(plan.inputs)))
    again = replay(config, name, recorded, draw=moment.draw, tenant=moment.tenant, user=moment.user)
    assert again == Plan(plan.route, plan.ranked, recorded)


def predictions(learning, text):
    return {arm.target: (sum(map(ord, arm.target + text)) % 100) / 100 for arm in learning.arms}


@given(st.data())
def test_no_model_outside_its_region_is_ever_asked(data):
    config = data.draw(configs)
    bound = [each for each in config.routes.values() if each.region]
    made = ConfiguredRouter(config)
    for each in bound:
        assert {config.models[name].region for name in made.candidates(each.name)} <= {each.region}
