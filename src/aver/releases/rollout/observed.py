"""What was measured of a rollout's turns: sums by stage, arm and group of units, which add up over replicas and tenants. No turn is kept,
save the ids of the few that weighed most."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aver.core.errors import VerificationFailed
from aver.releases.rollout.assignment import CONTROL, GROUPS, HOLDOUT
from aver.releases.rollout.measures import MEASURES

__all__ = ["COUNT", "COVARIATE", "CROSS", "SQUARE", "SQUARED_COVARIATE", "VALUE", "WEIGHT", "Observed", "Reading"]

Sums = NDArray[np.float64]
COUNT, WEIGHT, VALUE, COVARIATE, SQUARE, CROSS, SQUARED_COVARIATE = range(7)
"""What is summed of each reading: 1, its weight, and times that weight the value, the covariate, their squares and their product. Values are on the
measure's own scale."""
_WEIGHED = 5
"""Turns kept by arm and metric."""
FORMAT = "aver-observed-1"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one turn of one arm came to. ``covariate`` was known before the arm could have any effect; ``late`` readings belong to a turn that was
    counted before."""

    turn: str
    arm: str
    stage: int
    group: int
    compared: bool
    values: Mapping[str, float]
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of what parts a share is, where it is of more than one: an answer of ten sentences says more of groundedness than one of a single sentence."""
    covariate: float = 0.0
    late: bool = False


@dataclass
class Observed:
    """``sums`` has the shape ``(stages + 2, arms, groups, metrics, 7)``, ``turns`` the first three of these. Behind the stages are the turns after
    a promotion, and those that may not be compared."""

    arms: tuple[str, ...]
    metrics: tuple[str, ...]
    stages: int
    turns: Sums = field(init=False)
    sums: Sums = field(init=False)
    weighed: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    """By ``arm metric``, how bad the worst turns were and which they are, the worst first."""

    def __post_init__(self) -> None:
        self.turns = np.zeros((self.stages + 2, len(self.arms), GROUPS))
        self.sums = np.zeros((*self.turns.shape, len(self.metrics), 7))

    def add(self, readings: Iterable[Reading]) -> int:
        """Count them; how many there were of arms that are known. What is no number is passed over, as if it had not been read."""
        places: list[tuple[int, int, int]] = []
        fresh: list[bool] = []
        cells: list[tuple[int, ...]] = []
        rows: list[tuple[float, ...]] = []
        for reading in readings:
            arm = CONTROL if reading.arm == HOLDOUT else reading.arm
            if arm not in self.arms or not (0 <= reading.stage <= self.stages and 0 <= reading.group < GROUPS):
                continue
            place = (reading.stage if reading.compared else self.stages + 1, self.arms.index(arm), reading.group)
            places.append(place)
            fresh.append(not reading.late)
            for number, name in enumerate(self.metrics):
                value = reading.values.get(name)
                if value is None or not math.isfinite(value):
                    continue
                y, x = MEASURES[name].scaled(max(value, 0.0)), reading.covariate
                cells.append((*place, number))
                w = reading.weights.get(name, 1.0)
                rows.append((1.0, w, w * y, w * x, w * y * y, w * x * y, w * x * x))
                if arm != CONTROL:
                    self._weigh(f"{arm} {name}", -MEASURES[name].sign * y, reading.turn)
        if places:
            np.add.at(self.turns, tuple(np.array(places).T), np.array(fresh, float))
        if cells:
            np.add.at(self.sums, tuple(np.array(cells).T), np.array(rows))
        return len(places)

    def merge(self, other: Observed) -> None:
        """Add what another replica, or the reader of another tenant, has counted of the same rollout."""
        if (self.arms, self.metrics, self.stages) != (other.arms, other.metrics, other.stages):
            raise VerificationFailed("These figures are of another rollout", "Begin the rollout again.")
        self.turns += other.turns
        self.sums += other.sums
        for key, turns in other.weighed.items():
            self.weighed[key] = nlargest(_WEIGHED, [*self.weighed.get(key, ()), *turns])

    def worst(self, arm: str, metric: str) -> tuple[str, ...]:
        """The turns of an arm that were worst in a metric, the worst first."""
        return tuple(turn for _, turn in self.weighed.get(f"{arm} {metric}", ()))

    def to_json(self) -> dict[str, Any]:
        """JSON that :func:`Observed.from_json` reads back."""
        return {
            "format": FORMAT,
            "arms": list(self.arms),
            "metrics": list(self.metrics),
            "stages": self.stages,
            "turns": _packed(self.turns),
            "sums": _packed(self.sums),
            "weighed": {key: [list(each) for each in turns] for key, turns in self.weighed.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Observed:
        """Raises :class:`~aver.core.errors.VerificationFailed` for what :meth:`to_json` did not write."""
        try:
            if value["format"] != FORMAT:
                raise ValueError(value["format"])  # noqa: TRY301 - it is told as any other mistake in it
            found = cls(tuple(value["arms"]), tuple(value["metrics"]), int(value["stages"]))
            found.turns = _unpacked(value["turns"], found.turns.shape)
            found.sums = _unpacked(value["sums"], found.sums.shape)
            found.weighed = {
                key: [(float(by), str(turn)) for by, turn in each] for key, each in value["weighed"].items()
            }
        except (KeyError, TypeError, ValueError, zlib.error) as error:
            cause = f"The figures of a rollout cannot be read ({type(error).__name__})"
            raise VerificationFailed(cause, "Abort the rollout and begin it again.") from None
        return found

    def _weigh(self, key: str, badness: float, turn: str) -> None:
        kept = self.weighed.setdefault(key, [])
        if len(kept) < _WEIGHED or badness > kept[-1][0]:
            kept.append((badness, turn))
            kept.sort(reverse=True)
            del kept[_WEIGHED:]


def _packed(sums: Sums) -> str:
    return base64.b64encode(zlib.compress(sums.astype("<f8").tobytes(), 1)).decode()


def _unpacked(text: str, shape: Sequence[int]) -> Sums:
    read: Sums = np.frombuffer(zlib.decompress(base64.b64decode(text)), "<f8").astype(np.float64)
    return read.reshape(shape)
