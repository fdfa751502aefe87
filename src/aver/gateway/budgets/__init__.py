"""Budgets and limits that hold across processes."""

from aver.gateway.budgets.grants import GrantStore
from aver.gateway.budgets.service import TenantBudgets
from aver.gateway.budgets.status import Spending, spending
from aver.gateway.budgets.store import SqlGrantStore
from aver.gateway.budgets.types import Amount, Budgets, Reservation, Spender

__all__ = [
    "Amount",
    "Budgets",
    "GrantStore",
    "Reservation",
    "Spender",
    "Spending",
    "SqlGrantStore",
    "TenantBudgets",
    "spending",
]
