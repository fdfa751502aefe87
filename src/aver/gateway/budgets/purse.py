"""What one process holds of one budget's window. Touched only under its bank's lock; nothing here waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aver.gateway.budgets.grants import Answer, GrantKey, Line
from aver.gateway.budgets.windows import Window
from aver.gateway.config.types import Budget

if TYPE_CHECKING:
    from collections.abc import Callable

    from aver.gateway.budgets.types import Amount

__all__ = ["Part", "Purse", "amount_of"]

_FIRST_SHARE = 4
"""Where a process's pace is not known yet, it asks for what so many calls like the first need."""


def amount_of(budget: Budget) -> Callable[[Amount], int]:
    """What of an amount counts against this budget. What is negative counts as nothing."""
    if budget.unit == "requests":
        return lambda amount: max(0, amount.requests)
    if budget.unit == "tokens":
        return lambda amount: max(0, amount.tokens)
    return lambda amount: max(0, amount.nano_usd)


class Purse:
    """Room granted to this process: ``granted`` in all, of which ``settled`` is used and ``reserved`` set aside for ``calls`` under
    way."""

    __slots__ = (
        "asked",
        "budget",
        "calls",
        "dirty",
        "granted",
        "home",
        "idle",
        "key",
        "limit",
        "of",
        "opened",
        "paced",
        "refused",
        "refused_until",
        "reserved",
        "room",
        "settled",
        "told_at",
        "used_at",
        "window",
    )

    def __init__(self, budget: Budget, key: GrantKey, window: Window, limit: int) -> None:
        self.budget = budget
        self.key = key
        self.window = window
        self.limit = limit
        self.of = amount_of(budget)
        self.home: dict[str, Purse] = {}
        """Where calls find it by its value; it is taken out when it is given up."""
        self.granted = self.settled = self.reserved = self.calls = 0
        self.room = limit
        """What nobody held when the store last answered; ``idle`` is what others held without need."""
        self.idle = 0
        self.asked = self.paced = 0
        """Reserved since the keeper last looked, and between its last two looks."""
        self.dirty = self.opened = False
        self.used_at = self.told_at = 0.0
        self.refused = 0
        """So much was refused a moment ago; until ``refused_until`` as much is refused again without asking."""
        self.refused_until = 0.0

    def give_up(self) -> None:
        """No call finds this any more."""
        value = self.key.value.partition(":")[2]
        if self.home.get(value) is self:
            del self.home[value]

    @property
    def spare(self) -> int:
        """What was granted and is neither used nor reserved."""
        return self.granted - self.settled - self.reserved

    @property
    def free(self) -> int:
        """What of it may be used: less where more is held, by all, than a limit that was lowered allows."""
        spare = self.granted - self.settled - self.reserved
        return spare if self.room >= 0 else spare + self.room

    @property
    def left(self) -> int:
        """What nobody else holds, as far as is known here."""
        return self.room + self.spare

    def limit_to(self, budget: Budget, limit: int) -> None:
        """Apply a changed limit."""
        if limit != self.limit:
            self.room += limit - self.limit
            self.limit, self.dirty, self.refused_until = limit, True, 0.0
        self.budget = budget

    def line(self, seq: int, *, need: int = 0, least: int = 0, keep: int | None = None, leave: bool = False) -> Line:
        """What to tell the store: this position, without free room beyond ``keep``, and what is needed. What was spent beyond the grant
        is claimed, whatever the limit."""
        spoken_for = self.settled + self.reserved
        self.granted = max(self.granted + min(0, self.room), spoken_for)
        if keep is not None:
            self.granted = min(self.granted, spoken_for + keep)
        self.dirty = False
        return Line(
            key=self.key,
            limit=self.limit,
            seq=seq,
            granted=self.granted,
            settled=self.settled,
            reserved=self.reserved,
            expires=self.window.expires,
            need=need,
            least=least,
            wanted=max(_FIRST_SHARE * need, 2 * (self.asked + self.paced)) if need else 0,
            opened=self.opened,
            leave=leave,
        )

    def heard(self, answer: Answer, at: float) -> None:
        self.granted += answer.given
        self.room, self.idle = answer.room, answer.idle
        self.opened, self.told_at = True, at


Part = tuple[Purse, int]
"""What a call needs of a purse."""
