"""What is not Aver's own under attack, an endpoint or a function: it can be asked, and nothing can be planted in it."""

from __future__ import annotations

from dataclasses import dataclass

from aver.evals.redteam.types import Need
from aver.evals.types import Case, Response, Target

__all__ = ["OutsideTarget"]


@dataclass(frozen=True, slots=True)
class OutsideTarget:
    """``target`` is told what an attacker says, and nothing of what is to come of it."""

    target: Target
    offers: frozenset[Need] = frozenset()

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def digest(self) -> str:
        return self.target.digest

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Raises as the target does."""
        asked = Case(case.id, case.question, history=case.history)
        return await self.target.respond(asked, seed=seed)
