"""What a refused caller is told."""

from datetime import UTC, datetime

import pytest

from aver.core.errors import BudgetExceeded, LimitReached, MissingExtra
from aver.gateway.budgets.adapters.redis import RedisGrantStore
from aver.gateway.budgets.refusals import refusal
from aver.gateway.budgets.windows import window
from aver.gateway.config.types import Budget

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("unit", "period", "kind"),
    [
        ("usd", "month", BudgetExceeded),
        ("tokens", "day", BudgetExceeded),
        ("usd", "minute", LimitReached),
        ("tokens", "minute", LimitReached),
        ("requests", "month", LimitReached),
    ],
)
def test_what_passes_soon_is_a_limit_and_the_rest_a_budget(unit, period, kind):
    error = refusal(Budget("b", "tenant", unit, 10, period), window(period, NOW), asked=1, left=0, now=NOW)
    assert type(error) is kind


def test_a_refusal_names_the_budget_its_limit_what_is_left_and_when_there_is_more():
    budget = Budget("team", "feature", "usd", 25_000_000_000, "month")
    error = refusal(budget, window("month", NOW), asked=400_000_000, left=120_000_001, now=NOW)
    assert error.cause == (
        "The budget 'team' allows $25 a month for each feature and has $0.120000001 left, and this call may need $0.4"
    )
    assert error.next_step == "Wait until 2026-12-01T00:00:00Z, send a smaller request, or ask for a higher limit."
    assert error.retry_after == 43_200


def test_what_exceeds_the_limit_itself_is_not_told_to_wait():
    budget = Budget("team", "feature", "tokens", 10, "day")
    error = refusal(budget, window("day", NOW), asked=11, left=10, now=NOW)
    assert error.next_step == "Send a smaller request, or ask for a higher limit."


def test_without_the_redis_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(MissingExtra, match=r"aver\[redis\]"):
        RedisGrantStore("redis://localhost", "acme")
