"""How a release is to meet traffic, as declared: stages, metrics with their bounds, and what may be risked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Holdout", "Metric", "Plan", "Requirement", "Shadow", "Spikes", "Stage", "UnitKind"]

UnitKind = Literal["tenant", "user", "conversation"]
"""What gets one arm and keeps it. A conversation that is not known is the user's."""
Requirement = Literal["unharmed", "proven"]
"""What ends a stage well. ``unharmed``: enough turns, and nothing certainly worse. ``proven``: every metric certainly within its bound."""


@dataclass(frozen=True, slots=True)
class Stage:
    """``percent`` of those who match get the candidate. With ``tenants``, ``users`` (``NAME`` or ``TENANT/NAME``) and ``groups`` only these
    match; without, all do. Whoever got the candidate in an earlier stage keeps it."""

    percent: float
    tenants: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    least: float = 0.0
    """Seconds that it lasts at least."""
    samples: int = 100
    """Turns that each arm has in it at least."""
    requires: Requirement = "unharmed"

    @property
    def targeted(self) -> bool:
        return bool(self.tenants or self.users or self.groups)


@dataclass(frozen=True, slots=True)
class Metric:
    """What is watched, and its one bound. ``no_worse_by`` and ``better_by`` compare with the control: in the metric's own unit for shares,
    as a part of the control's for money, tokens and time. ``at_least`` and ``at_most`` bound the candidate's own mean."""

    metric: str
    no_worse_by: float | None = None
    better_by: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    weight: float = 1.0
    """Its part of ``alpha``, beside those of the others."""
    samples: int = 0
    """Readings that each arm needs, beside the stage's turns: not every turn has every reading, and one is needed in any case."""
    optional: bool = False
    """It may go without readings: feedback comes late, or never. What comes counts."""

    @property
    def compares(self) -> bool:
        return self.no_worse_by is not None or self.better_by is not None


@dataclass(frozen=True, slots=True)
class Shadow:
    """``percent`` of the control's turns are answered by the candidate too, unseen by anybody, for at most ``usd`` in all."""

    percent: float
    usd: float
    at_once: int = 2


@dataclass(frozen=True, slots=True)
class Holdout:
    """``percent`` of all units keep the old release, ``lasting`` seconds beyond the promotion, so that what a release did in the long run
    can be told. Units are held out by the environment, the same ones from release to release."""

    percent: float
    lasting: float = 0.0


@dataclass(frozen=True, slots=True)
class Spikes:
    """A candidate whose turns suddenly take ``times`` the tokens is rolled back without waiting for samples."""

    times: float = 3.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole declaration. ``alpha`` bounds the chance that a candidate that is no worse is ever rolled back, over all metrics and all looks;
    ``proof`` the chance that one that is worse than allowed is promoted."""

    stages: tuple[Stage, ...]
    metrics: tuple[Metric, ...]
    unit: UnitKind = "user"
    alpha: float = 0.01
    proof: float = 0.05
    shadow: Shadow | None = None
    holdout: Holdout | None = None
    spikes: Spikes | None = field(default_factory=Spikes)
