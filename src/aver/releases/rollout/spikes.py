"""A sudden rise of tokens, found within a few turns: a test that holds at all times, whenever the rise begins and whatever tokens are spread like.

A turn that takes more than all but one in ten of the control's turns do is evidence against the variant, one in a hundred more so. What a bet on such turns
has made of 1 is multiplied up; since nobody knows when a rise would begin, one such product begins with every look at which there is a turn, with weights that
add up to 1, and all are averaged. That average is 1 at most in the mean while nothing is wrong, so it exceeds ``1 / error`` with a probability of ``error`` at
most (Ville's inequality; e-processes: Ramdas, Gruenwald, Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid inference", 2023).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

__all__ = ["Spike", "Tokens"]

_BINS = 16
"""Bins to a doubling of tokens: 4.4 % wide."""
_LEAST = 30
"""Turns of the control before anything is judged."""
_LEVELS = (0.1, 0.01, 0.001)
"""Parts of the control's turns that take more."""
_KEPT = 0.1
"""The part of what has been won that is not bet at each turn; the rest is bet on the levels in equal parts."""
_SOON = 1 / 256
"""Half of the weight is on beginnings that come with this chance at each look, as most do within the first few hundred; half lasts for ever."""
_RECENT = 5
"""Turns of the control that tell whether tokens have risen for everybody."""
_DOUBT = 2.0
"""Standard errors that are added to the part counted, as it is of a sample."""


@dataclass(slots=True)
class Tokens:
    """How many turns took how many tokens, by bins of equal width in the logarithm, and what the last few took."""

    bins: dict[int, int] = field(default_factory=dict)
    recent: list[float] = field(default_factory=list)

    @property
    def turns(self) -> int:
        return sum(self.bins.values())

    def add(self, tokens: float) -> None:
        place = bin_of(tokens)
        self.bins[place] = self.bins.get(place, 0) + 1
        self.recent = [*self.recent[1 - _RECENT :], tokens]

    def risen(self, times: float) -> bool:
        """Whether the last few turns took much more than all, half-way to ``times`` on a scale of ratios: then it is nobody's release."""
        return len(self.recent) == _RECENT and median(self.recent) >= math.sqrt(times) * self.quantile(0.5)

    def quantile(self, share: float) -> float:
        """So many tokens or fewer took this share of turns; 0 without turns."""
        wanted, seen = share * self.turns, 0
        for place in sorted(self.bins):
            seen += self.bins[place]
            if seen >= wanted:
                return float(2.0 ** ((place + 1) / _BINS) - 1)
        return 0.0

    def level(self, share: float) -> tuple[int, float] | None:
        """The first bin behind all but ``share`` of turns at most, and what part is there, on the safe side; ``None`` where there are too few
        turns to speak of so small a part."""
        turns = self.turns
        if turns < max(_LEAST, 1 / share):
            return None
        beyond = 0
        lowest = max(self.bins) + 1
        for place in sorted(self.bins, reverse=True):
            if beyond + self.bins[place] > share * turns:
                break
            beyond += self.bins[place]
            lowest = place
        part = (beyond + 1) / (turns + 2)
        return lowest, part + _DOUBT * math.sqrt(part * (1 - part) / turns)


def bin_of(tokens: float) -> int:
    return math.floor(math.log2(1 + max(tokens, 0.0)) * _BINS)


@dataclass(slots=True)
class Spike:
    """What is known of one arm against the control: ``evidence`` is the logarithm of what betting on a rise has made of 1, without what has not begun;
    ``looks`` how many bets began. ``turns`` are those that raised it since it began to rise."""

    looks: int = 0
    evidence: float = -math.inf
    turns: list[str] = field(default_factory=list)
    times: float = 1.0
    """The median of these turns' tokens over the control's."""

    def look(self, control: Tokens, found: Iterable[tuple[str, float]], times: float, *, general: bool = False) -> None:
        """Take in the turns since the last look, with their tokens, in order. Only a rise to ``times`` the control's median or more counts, and none
        of while tokens rise in ``general``: then all begins anew."""
        found = list(found)
        if general:
            self.evidence, self.turns = -math.inf, []
            return
        middle = control.quantile(0.5)
        known = [level for share in _LEVELS if (level := control.level(share)) is not None]
        if found:
            self.looks += 1
            self.evidence = _log_sum(self.evidence, _begins(self.looks))
        for turn, tokens in found:
            high = tokens >= times / 2 * middle  # of turns that take three times as much, nine in ten or so
            won = sum(1 / part for lowest, part in known if high and bin_of(tokens) >= lowest)
            if known:
                self.evidence += math.log(_KEPT + (1 - _KEPT) * won / len(known))
            if high and middle:
                self.turns = [*self.turns[-9:], turn]
                self.times = tokens / middle
        if self.evidence < _begins(max(self.looks, 1)) + 1:
            self.turns = []

    def beyond(self, error: float) -> bool:
        """Whether there is a rise that chance would ever show with this probability at most."""
        return self.evidence >= math.log(1 / error)

    def to_json(self) -> dict[str, Any]:
        evidence = None if math.isinf(self.evidence) else self.evidence
        return {"looks": self.looks, "evidence": evidence, "turns": self.turns, "times": self.times}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Spike:
        evidence = value.get("evidence")
        known = -math.inf if evidence is None else float(evidence)
        return cls(int(value["looks"]), known, list(value["turns"]), float(value["times"]))


def _begins(look: int) -> float:
    """The logarithm of the weight of the product that begins with this look."""
    return math.log(_SOON * (1 - _SOON) ** (look - 1) / 2 + 1 / (2 * look * (look + 1)))


def _log_sum(one: float, other: float) -> float:
    high, low = max(one, other), min(one, other)
    return high if math.isinf(low) else high + math.log1p(math.exp(low - high))
