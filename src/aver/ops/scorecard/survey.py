"""One question of five points, of each person once a month: how useful it all is. What was said is evidence alone."""

from __future__ import annotations

import hmac
from typing import Any

from sqlalchemy import Select, func, select

from aver.core.clock import Clock
from aver.core.errors import Conflict, InvalidInput
from aver.core.principal import user_reader
from aver.evidence import Draft, Ledger
from aver.evidence.store import steps
from aver.store import TenantStore

__all__ = ["POINTS", "Survey"]

POINTS = (
    (1, "not at all"),
    (2, "a little"),
    (3, "somewhat"),
    (4, "useful"),
    (5, "very useful"),
)
_LONGEST = 2000


class Survey:
    """Blocking, thread-safe. Months are those of UTC."""

    def __init__(self, store: TenantStore, ledger: Ledger, clock: Clock) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock

    def asks(self, user: str) -> bool:
        """Whether somebody has not answered this month."""
        with self._store.read() as tx:
            return not tx.scalar(self._answers(self._turn(user)))

    def answer(self, user: str, score: int, text: str = "") -> None:
        """Say it. Raises :class:`~aver.core.errors.InvalidInput` for other points or too many words, and :class:`~aver.core.errors.Conflict` for whoever has said it this month."""
        if score not in dict(POINTS):
            raise InvalidInput("The survey has 1 to 5 points", "Choose one of them.")
        if len(text) > _LONGEST or "\0" in text:
            raise InvalidInput(f"What you say has at most {_LONGEST:,} characters", "Shorten it.")
        turn = self._turn(user)
        body = {"user": user, "text": text.strip()}
        with self._store.begin() as tx:
            self._ledger.append_all(tx, [Draft(turn, "surveyed", user_reader(user), {"score": score}, body)])
            # Counted once the chain is this transaction's alone: of two that answer at once the second sees the first.
            if (tx.scalar(self._answers(turn)) or 0) > 1:
                raise Conflict("You have answered this month", "You are asked again next month.")

    def _turn(self, user: str) -> str:
        """What a person's answer of this month is called, which says nothing without the tenant's key."""
        named = f"{self._clock.now():%Y-%m}\0{user}".encode()
        return f"survey_{hmac.digest(self._store.master_key(), b'aver survey' + named, 'sha256').hex()[:26]}"

    @staticmethod
    def _answers(turn: str) -> Select[Any]:
        return select(func.count()).select_from(steps).where(steps.c.turn == turn)
