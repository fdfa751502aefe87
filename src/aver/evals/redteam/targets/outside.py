"""What is not Aver's own under attack, an endpoint or a function: it can be asked, and shown documents with the question."""

from __future__ import annotations

from dataclasses import dataclass

from aver.evals.redteam.targets.planting import pasted
from aver.evals.redteam.types import Need
from aver.evals.running.service import retried
from aver.evals.types import Case, Response, Target

__all__ = ["OutsideTarget"]

_RETRIES = 3


@dataclass(frozen=True, slots=True)
class OutsideTarget:
    """``target`` is told what an attacker says, and nothing of what is to come of it. What an attack plants as a document stands before the question."""

    target: Target
    offers: frozenset[Need] = frozenset({"documents"})

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def digest(self) -> str:
        return self.target.digest

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Again after an error that may pass, such as of a rate. Raises as the target does."""
        asked = Case(case.id, pasted(case), history=case.history)
        return await retried(lambda: self.target.respond(asked, seed=seed), _RETRIES)
