"""Who asks a case."""

from __future__ import annotations

from dataclasses import dataclass

from aver.core import Principal
from aver.evals.types import Case

__all__ = ["ASKER", "Asker"]

ASKER = "evaluation"
"""Who asks where nobody is named: somebody in no group."""


@dataclass(frozen=True, slots=True)
class Asker:
    """The person whom a case names, in the groups it gives, as a user of the tenant; ``default`` where it names nobody."""

    default: Principal

    def __call__(self, case: Case) -> Principal:
        return Principal(self.default.tenant, case.user, frozenset(case.groups)) if case.user else self.default

    @property
    def said(self) -> list[object]:
        """What of it decides a response, for a digest."""
        return [self.default.tenant, self.default.user, sorted(self.default.groups)]
