"""What a caller is told when a budget has no room: its name, its limit, what is left, and when there is more."""

from __future__ import annotations

from decimal import Decimal
from math import inf

from aver.core.errors import BudgetExceeded, LimitReached
from aver.gateway.budgets.windows import Window
from aver.gateway.config.types import Budget

__all__ = ["refusal"]


def refusal(budget: Budget, window: Window, *, asked: int, left: int, now: float) -> LimitReached:
    """:class:`~aver.core.errors.LimitReached` for requests and for anything by the minute, which pass soon, and
    :class:`~aver.core.errors.BudgetExceeded` for the rest. Tells nothing of others who share the budget but their sum."""
    passing = budget.unit == "requests" or budget.period == "minute"
    period = "in all" if budget.period == "ever" else f"a {budget.period}"
    cause = (
        f"The budget {budget.name!r} allows {_amount(budget, budget.limit)} {period} for each {budget.per} and has "
        f"{_amount(budget, max(0, left))} left, and this call may need {_amount(budget, asked)}"
    )
    if asked > budget.limit:
        next_step = "Send a smaller request, or ask for a higher limit."
    elif window.end == inf:
        next_step = "Ask for a higher limit."
    else:
        next_step = f"Wait until {window.end_text}, send a smaller request, or ask for a higher limit."
    kind = LimitReached if passing else BudgetExceeded
    return kind(cause, next_step, retry_after=None if window.end == inf else max(0.0, window.end - now))


def _amount(budget: Budget, amount: int) -> str:
    if budget.unit != "usd":
        return f"{amount:,} {budget.unit.removesuffix('s') if amount == 1 else budget.unit}"
    dollars = Decimal(amount).scaleb(-9).normalize()
    return f"${dollars:,f}"
