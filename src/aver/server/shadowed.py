"""What shadows have answered, for people to look at: figures of all of a tenant's pairs, words of one's own turns alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aver.core.errors import NotFound
from aver.core.principal import Principal
from aver.releases.rollout.reading import Pair, pairs_of
from aver.releases.rollout.shadow import Difference, differences

if TYPE_CHECKING:
    from aver.server.tenancy import TenantServices

__all__ = ["Compared", "Otherwise", "shadowed"]


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A turn, what it was answered, and what the variant would have answered, as far as its asker may read both today."""

    turn: str
    question: str
    variant: str
    given: str
    shadow: str
    metrics: Mapping[str, tuple[float, float]]
    """By metric that both have, the reading of the answer given and of the shadow."""

    @property
    def same(self) -> bool:
        """Whether both have the same words."""
        return self.given.split() == self.shadow.split()


@dataclass(frozen=True, slots=True)
class Compared:
    """``pairs`` counts all of the tenant's, and ``differences`` are over them; ``own`` are those of one person, the newest first."""

    rollout: str
    pairs: int
    differences: tuple[Difference, ...]
    own: tuple[Otherwise, ...]


def shadowed(services: TenantServices, principal: Principal, rollout: str) -> Compared:
    """What the rollout's shadows of a tenant's turns came to, with the words of those that ``principal`` asked. Blocking.

    Whose turn it is and what of it may be read is decided as for any other look at one's own turns.
    """
    pairs = list(pairs_of(rollout, services.ledger))
    found = differences((each.given, each.shadow) for each in pairs)
    own = tuple(_own(services, principal, reversed(pairs)))
    return Compared(rollout, len(pairs), tuple(found), own)


def _own(services: TenantServices, principal: Principal, pairs: Iterable[Pair]) -> Iterable[Otherwise]:
    for pair in pairs:
        try:
            past = services.conversations.turn(principal, pair.turn)
            steps = services.conversations.evidence(principal, pair.turn)
        except NotFound:
            continue
        body = next((step.body for step in steps if step.kind == "shadowed"), None) or {}
        metrics = {name: (pair.given[name], pair.shadow[name]) for name in pair.given if name in pair.shadow}
        words = str(body.get("text", body.get("withheld", "")))
        given = past.answer.answer if past.answer is not None else ""
        yield Otherwise(pair.turn, past.question, pair.variant, given, words, metrics)
