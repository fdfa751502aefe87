"""What a router knows when it decides, and what it decides. Pure: the same situation gives the same plan, so a record can be replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from aver.gateway.calls import Candidate
from aver.gateway.config.types import Capability, ErrorClass, Route

__all__ = ["ModelState", "Plan", "Router", "Scorer", "Situation"]


class ModelState(NamedTuple):
    """A model at this moment."""

    first_token: float | None = None
    """Seconds to the first token, an exponentially weighted mean of the recent past; ``None`` before the first call."""
    in_flight: int = 0
    open: bool = False
    """Its breaker is open: it is left alone."""
    nano_usd: int | None = None
    """What this call would cost there at worst; ``None`` when its price is unknown."""


class Situation(NamedTuple):
    """A call, as far as routing is concerned."""

    tenant: str
    user: str
    draw: float
    """Uniform in [0, 1): the only chance there is."""
    input_tokens: int
    """An upper bound."""
    output_tokens: int
    """Asked for at most, 0 when nothing was said."""
    needs: frozenset[Capability]
    states: Mapping[str, ModelState]
    text: Callable[[], str] = lambda: ""
    """The last message of the user, for routes that learn."""
    barred: Mapping[str, str] = {}
    """The models that may not be given what is in the call, each with why: ``classification`` or ``residency``."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is asked, in order. Candidates with ``skipped`` follow the others and are not asked."""

    route: Route
    ranked: tuple[Candidate, ...]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What decided, as JSON, for the record."""

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(candidate.model for candidate in self.ranked if not candidate.skipped)


Scorer = Callable[[Route, str], Mapping[str, float]]
"""For a route that learns and a prompt: how likely each of its models is to do it well."""


class Router(Protocol):
    """Routes of one configuration."""

    def plan(self, asked: str, situation: Situation) -> Plan:
        """``asked`` is a route or a model; a model is a route of its own. Raises :class:`~aver.core.errors.NotFound` naming the nearest
        names."""

    def fallback(self, plan: Plan, error: ErrorClass, situation: Situation) -> tuple[str, ...]:
        """The models to ask after a failure of this class in place of the plan's that are left, or those when nothing is declared."""

    learns: bool
    """Whether any route is learned from; if not, nobody has to :meth:`prepare`."""

    async def prepare(self, asked: str, text: Callable[[], str]) -> Mapping[str, str]:
        """Has the scorer look at a prompt off the event loop, so that :meth:`plan` need not wait for it. What the call's record keeps
        of the prompt for training: nothing where ``asked`` does not learn."""

    def candidates(self, asked: str) -> tuple[str, ...]:
        """Every model that could be asked, fallbacks included: what a worst case is worked out from."""
