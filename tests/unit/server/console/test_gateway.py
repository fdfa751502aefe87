"""The Gateway page tells what calls came to as evidence has it, what budgets have left, and what the books say."""

import orjson
import pytest

from aver.core.errors import InvalidInput
from aver.evidence import Draft
from aver.gateway.budgets import grants
from aver.server.console.gateway import gateway
from aver.server.console.pages import render
from aver.server.console.rooms import period
from tests.unit.server.console.rooms import house

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = house(tmp_path_factory.mktemp("gateway"))
    yield made
    made.application.close()


@pytest.fixture
def view(place):
    return gateway(place.application, place.services, period("24h"))


def test_spending_is_told_by_model_feature_and_key(view):
    assert [(each.name, each.calls, each.failed, each.nano_usd) for each in view.models] == [
        ("small", 12, 1, 18_000_000),
        ("large", 6, 0, 12_000_000),
    ]
    assert [(each.name, each.calls) for each in view.features] == [("assistant", 12), ("translate", 6)]
    assert [(each.name, each.link) for each in view.keys] == [("key_1", "/turns?key=key_1&since=24h")]
    assert view.spent.n == pytest.approx(0.03)
    assert view.spent.title == "Spent every hour"
    filled = [each for each in view.by_time if each.parts[0].value]
    assert sum(each.parts[0].value for each in filled) == pytest.approx(0.03)
    assert filled[0].link == "/turns?since=2026-01-01T00%3A00%3A00%2B00%3A00&until=2026-01-01T01%3A00%3A00%2B00%3A00"
    assert view.counted is not None


def test_providers_are_told_with_failures_and_times(view):
    one, two = view.providers
    assert (one.name, one.kind, one.calls, one.failed, one.state) == ("one", "openai", 12, 1, "")
    assert 280 < one.p50_ms < 900
    assert two.calls == 6
    assert {each.title for each in view.health} == {
        "one: calls that fail",
        "one: 95 % of answers within",
        "two: calls that fail",
        "two: 95 % of answers within",
    }


def test_breakers_are_those_of_this_process(place):
    place.application.gateway.status()
    found = gateway(place.application, place.services, period("24h"))
    assert {each.state for each in found.providers} == {"closed"}
    assert found.process.startswith("process ")


def test_routes_are_as_declared(view):
    (route,) = view.routes
    assert (route.name, route.strategy, route.arms) == ("chat", "priority", (("small", 1.0), ("large", 1.0)))
    assert route.settings == ("exact cache for 1 hour", "last resort: extractive")
    assert (route.calls, route.failed) == (6, 1)
    assert [(each.name, each.calls) for each in view.cache] == [("exact", 6)]


def test_a_budget_stands_whole_until_something_is_spent(place, view):
    assert [(each.name, each.used, each.left) for each in view.budgets] == [
        ("tenant-usd-month", 0, 500_000_000_000),
        ("user-tokens-day", 0, 2_000_000),
    ]
    key = grants.GrantKey("user-tokens-day", "tokens", f"{place.clock.now():%Y-%m-%d}", "user:ann")
    line = grants.Line(key, 2_000_000, 1, 1_900_000, 1_500_000, 100_000, "2027-01-01T00:00:00Z")
    place.services.grants.exchange("process", [line], place.clock.now())
    found = gateway(place.application, place.services, period("24h")).budgets
    spent = next(each for each in found if each.of == "ann")
    assert (spent.used, spent.reserved, spent.left, spent.limit) == (1_500_000, 400_000, 100_000, 2_000_000)
    assert found[0] is spent  # the fullest first


def test_the_books_balance_and_say_what_has_no_price(view):
    assert view.books.balanced
    assert view.books.debits == view.books.credits == 30_000_000
    assert view.books.unpriced == ("unpriced",)
    assert view.books.used == ("p1",)


def test_names_that_are_hostile_are_words(place):
    fact = {"model": "x", "provider": "y", "nano_usd": 1, "ms": 1.0, "input_tokens": 1, "feature": "z"}
    place.write([Draft("call_h", "called", "user:ann", fact, {"user": HOSTILE})])
    found = gateway(place.application, place.services, period("24h"))
    shown = render(
        "gateway.html", view=found, place=HOSTILE, principal=place.somebody("admin"), twin="/gateway?format=json"
    ).body.decode()
    assert HOSTILE not in shown
    assert len(shown) < 150_000
    assert orjson.loads(orjson.dumps(found, default=str))["models"][0]["name"] == "small"


def test_there_is_no_other_period():
    with pytest.raises(InvalidInput):
        period("a while")
