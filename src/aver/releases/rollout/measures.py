"""What is measured of turns in production: the names, which way is better, and on which scale arms are compared.

Shares are compared by their means. Money, tokens and time are spread over orders of magnitude, so that a few turns would decide over a
mean; their logarithms are compared, and a margin of 0.2 says 20 % more (of the geometric mean).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["MEASURES", "Measure"]

_MOST_SCALED, _MOST_CHANGE = 50.0, math.log(1000)
"""What is more is said to be so much: bounds of very little know no end."""


@dataclass(frozen=True, slots=True)
class Measure:
    """``unit`` is what one is on a logarithmic scale: so much more than nothing is as good as nothing."""

    better: Literal["more", "less"]
    scale: Literal["share", "log"]
    about: str
    unit: float = 1.0

    @property
    def sign(self) -> int:
        """Times which a difference is one for the better."""
        return 1 if self.better == "more" else -1

    def scaled(self, value: float) -> float:
        """``value`` on the scale on which arms are compared."""
        return value if self.scale == "share" else math.log1p(value / self.unit)

    def plain(self, scaled: float) -> float:
        """The inverse of :meth:`scaled`."""
        return scaled if self.scale == "share" else math.expm1(min(scaled, _MOST_SCALED)) * self.unit

    def margin(self, declared: float) -> float:
        """A declared margin on that scale: as it is for shares, and ``0.2`` for a fifth more of what is unbounded."""
        return declared if self.scale == "share" else math.log1p(declared)

    def change(self, difference: float) -> float:
        """A difference on that scale as people say it: of shares as it is, of what is unbounded as a part of the control's."""
        return difference if self.scale == "share" else math.expm1(min(difference, _MOST_CHANGE))


MEASURES: dict[str, Measure] = {
    "groundedness": Measure("more", "share", "claims of the answer that its citations support"),
    "answered": Measure("more", "share", "turns that gave an answer rather than an abstention"),
    "feedback": Measure("more", "share", "what people said of the answer, from 0 to 1; it may come days later"),
    "failed": Measure("less", "share", "turns that ended with an error"),
    "blocked": Measure("less", "share", "turns in which a guardrail held a text back"),
    "denied": Measure("less", "share", "turns in which policy denied a call of a tool"),
    "cost_usd": Measure("less", "log", "dollars a turn", 1e-6),
    "total_tokens": Measure("less", "log", "tokens a turn, read and written"),
    "latency_ms": Measure("less", "log", "milliseconds from the question to the end of the answer"),
    "first_ms": Measure("less", "log", "milliseconds until the model's first piece"),
}
"""By the names used in ``rollout`` and ``experiments``; each is read off the evidence of turns (``reading.py``)."""
