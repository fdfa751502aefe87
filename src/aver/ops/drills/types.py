"""A scenario, a sample of what a user saw, and what a drill came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

__all__ = ["DETECTED_WITHIN", "MITIGATED_WITHIN", "Drill", "Inject", "Sample", "Scenario", "Told", "Verdict"]

DETECTED_WITHIN = 30.0
"""Seconds from the first effect that can be seen until somebody is told."""
MITIGATED_WITHIN = 60.0
"""Seconds from there until users are spared it."""

Verdict = Literal["right", "degraded", "failed", "wrong", "leaked"]
"""``degraded``: an honest answer that is less than usual. ``failed``: a clear problem. ``wrong``: an answer that is not so. ``leaked``: something was shown to
whoever may not see it."""


@dataclass(frozen=True, slots=True)
class Inject:
    """What whoever leads a tabletop tells at a minute."""

    minute: int
    text: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that can go wrong. ``rules`` are the alerts that tell of it, with ``*`` for anything; ``takes_copy`` is why it can be done to a copy alone, empty where it can be
    done to the installation itself."""

    name: str
    title: str
    fault: str
    """What is done, in a sentence."""
    expected: str
    """What Aver does of itself, in a sentence."""
    rules: tuple[str, ...]
    roles: tuple[str, ...] = ("Incident lead", "Operator on call", "Owner of the feature", "Scribe")
    injects: tuple[Inject, ...] = ()
    questions: tuple[str, ...] = ()
    takes_copy: str = ""

    @property
    def in_place(self) -> bool:
        """Whether it can be done to the installation itself."""
        return not self.takes_copy

    @property
    def needs_past(self) -> bool:
        """Whether it is seen by what is usual, which has to be known first."""
        return not self.rules[0].startswith("health:")


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: when it was sent and answered, in seconds from the beginning of the drill; what came of it. ``well`` is whether it shows that the fault
    does not reach users any more."""

    kind: str
    sent: float
    answered: float
    verdict: Verdict
    well: bool
    turn: str = ""
    """The turn that was acknowledged, if any."""


@dataclass(frozen=True, slots=True)
class Told:
    """An alert that a route was told of, in seconds from the beginning of the drill."""

    at: float
    rule: str
    severity: str
    said: str


@dataclass(frozen=True, slots=True)
class Drill:
    """What one came to. ``mttd_s`` is from the first effect to the first alert that tells of it, ``mttm_s`` from there until users were spared; each ``None`` where that was
    not seen. ``lost`` counts turns that were acknowledged and are not in evidence, and steps that do not verify."""

    name: str
    at: datetime
    place: Literal["copy", "in place"]
    means: str
    """How the fault was brought about here."""
    mttd_s: float | None
    mttm_s: float | None
    lost: int
    leaked: int
    wrong: int
    samples: int
    shares: Mapping[str, float] = field(default_factory=dict)
    """Of what was answered from the first effect on, the part of each verdict."""
    seconds: tuple[Mapping[str, float], ...] = ()
    """What users saw, by five seconds from the first effect on: ``at`` and how many of each verdict."""
    alerts: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    """What was done of itself."""
    false_alarms: tuple[str, ...] = ()
    """Alerts before the fault."""
    notes: tuple[str, ...] = ()
    spared_s: float | None = None
    """Seconds from the first effect until users were spared; ``mttm_s`` is 0 where that was before anybody was told."""

    @property
    def passed(self) -> bool:
        """Whether it was seen and contained in time, and nothing was lost, leaked or wrong."""
        in_time = self.mttd_s is not None and self.mttd_s <= DETECTED_WITHIN
        spared = self.mttm_s is not None and self.mttm_s <= MITIGATED_WITHIN
        return in_time and spared and not (self.lost or self.leaked or self.wrong or self.false_alarms)

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {**asdict(self), "passed": self.passed}
