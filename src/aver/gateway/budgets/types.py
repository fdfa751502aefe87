"""Promises of spending, made before a call and kept after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from aver.core.principal import Principal
from aver.gateway.config.types import Budget

__all__ = ["Amount", "Budgets", "Reservation", "Spender"]


class Amount(NamedTuple):
    """What a call uses, in every unit a budget can have."""

    requests: int = 0
    tokens: int = 0
    nano_usd: int = 0


class Spender(NamedTuple):
    """On whose account a call is: what a budget's ``per`` is looked up in."""

    principal: Principal
    key: str = ""
    feature: str = ""
    model: str = ""
    route: str = ""


class Reservation(Protocol):
    """Room that was set aside for one call in every budget that applies to it."""

    amount: Amount

    @property
    def budgets(self) -> Sequence[Budget]:
        """Those that apply; it holds nothing when none does."""

    async def extend(self, more: Amount) -> bool:
        """Set more aside; ``False``, and nothing changed, when there is no room."""

    def settle(self, used: Amount) -> None:
        """Give back what was not used. More than was reserved is charged in full. The second time it does nothing."""

    def state(self) -> list[dict[str, Any]]:
        """For the record: each budget's name, its limit, what was left, reserved and settled."""


class Budgets(Protocol):
    """The budgets of one installation. Safe across threads, event loops and processes."""

    async def reserve(self, spender: Spender, worst: Amount) -> Reservation:
        """Set ``worst`` aside in every budget that applies, or in none.

        Raises :class:`~aver.core.errors.BudgetExceeded` (tokens, dollars) or :class:`~aver.core.errors.LimitReached` (requests; any
        unit by the minute) with ``retry_after`` until the period ends.
        """

    async def close(self) -> None:
        """Give back what this process holds."""
