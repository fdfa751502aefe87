"""A sudden rise of tokens, found within a few turns: a test that holds at all times, whenever the rise begins and whatever tokens are spread like.

A turn that takes more than all but one in ten of the control's turns do is evidence against the variant, one in a hundred more so. For each such level the
likelihood ratio of "these come ``often``" to "these come as with the control" is multiplied up; since nobody knows when a rise would begin, one such
product begins with every look at which there is a turn, with weights that add up to 1, and all are averaged. That average is 1 in the mean while nothing is wrong, so it exceeds
``1 / error`` with a probability of ``error`` at most (Ville's inequality; e-processes: Ramdas, Gruenwald, Vovk and Shafer, "Game-theoretic statistics and
safe anytime-valid inference", 2023).
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
_OFTEN = 0.5
"""What a level comes to once tokens have risen."""
_RECENT = 8
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
    """What is known of one arm against the control: ``logs`` are the logarithms of the averages of products, by level, without those that have not
    begun; ``looks`` how many began. ``turns`` are those that raised it since it began to rise."""

    looks: int = 0
    logs: list[float] = field(default_factory=lambda: [-math.inf] * len(_LEVELS))
    turns: list[str] = field(default_factory=list)
    times: float = 1.0
    """The median of these turns' tokens over the control's."""

    def look(self, control: Tokens, found: Iterable[tuple[str, float]], times: float, *, general: bool = False) -> None:
        """Take in the turns since the last look, with their tokens, in order. Only a rise to ``times`` the control's median or more counts, and none
        of while tokens rise in ``general``: then all begins anew."""
        found = list(found)
        if general:
            self.logs, self.turns = [-math.inf] * len(_LEVELS), []
            return
        self.looks += bool(found)
        begins = -math.log(max(self.looks, 1) * (self.looks + 1))
        middle = control.quantile(0.5)
        known = [control.level(share) for share in _LEVELS]
        if found:
            self.logs = [_log_sum(each, begins) for each in self.logs]
        for turn, tokens in found:
            high = tokens >= times / 2 * middle  # of turns that take three times as much, nine in ten or so
            for number, level in enumerate(known):
                if level is None or level[1] >= _OFTEN:
                    continue
                beyond = high and bin_of(tokens) >= level[0]
                self.logs[number] += math.log(_OFTEN / level[1]) if beyond else math.log((1 - _OFTEN) / (1 - level[1]))
            if high and middle:
                self.turns = [*self.turns[-9:], turn]
                self.times = tokens / middle
        if max(self.logs) < begins + 1:
            self.turns = []

    def beyond(self, error: float) -> bool:
        """Whether there is a rise that chance would ever show with this probability at most."""
        return self.evidence >= math.log(1 / error)

    @property
    def evidence(self) -> float:
        """The logarithm of the average over the levels: what betting on a rise has made of 1."""
        total = -math.inf
        for each in self.logs:
            total = _log_sum(total, each)
        return total - math.log(len(_LEVELS))

    def to_json(self) -> dict[str, Any]:
        return {
            "looks": self.looks,
            "logs": [None if math.isinf(each) else each for each in self.logs],
            "turns": self.turns,
            "times": self.times,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Spike:
        logs = [-math.inf if each is None else float(each) for each in value["logs"]]
        return cls(int(value["looks"]), logs, list(value["turns"]), float(value["times"]))


def _log_sum(one: float, other: float) -> float:
    high, low = max(one, other), min(one, other)
    return high if math.isinf(low) else high + math.log1p(math.exp(low - high))
