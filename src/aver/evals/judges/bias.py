"""What moves a judge that does not move people: the order of what it is shown, length, and having written it itself.

Each is what a judge gives more than people do, so that longer responses which are better for it count for nothing (Zheng and others, "Judging
LLM-as-a-judge with MT-Bench and Chatbot Arena", 2023; Panickssery, Bowman and Feng, "LLM evaluators recognize and favor their own generations", 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aver.evals.judges.labels import Labelled, Rating
from aver.evals.judges.types import Scale
from aver.evals.statistics.clusters import Array, influence, spread
from aver.evals.statistics.distributions import student_quantile
from aver.evals.statistics.intervals import CONFIDENCE, LEAST, Interval, interval, places_of

__all__ = ["Bias", "biases", "worth"]


@dataclass(frozen=True, slots=True)
class Bias:
    """``said`` is what ``amount`` is of, in words; none where its interval holds 0."""

    name: str
    said: str
    amount: Interval

    @property
    def shown(self) -> bool:
        return (
            self.amount.low is not None
            and self.amount.high is not None
            and not self.amount.low <= 0 <= self.amount.high
        )


def worth(rating: Rating, scale: Scale | None) -> float:
    """Between 0 and 1: a grade on its scale, or 1 where the first of a pair is better."""
    if isinstance(rating, str):
        return {"first": 1.0, "tie": 0.5, "second": 0.0}[rating]
    assert scale is not None, "single responses have grades"
    return scale.share(rating)


def biases(items: Sequence[Labelled], scale: Scale | None, author: str = "") -> list[Bias]:
    """Of those that the judge said something of. ``author`` is the judge's own model, as authors are named."""
    judged = [each for each in items if each.judge is not None]
    if not judged:
        return []
    found = _of_pairs(judged, author) if judged[0].paired else _of_grades(judged, scale, author)
    if both := [each for each in judged if each.swapped is not None]:
        flips = np.array([[float(each.judge != each.swapped), 1.0] for each in both])
        found.append(
            Bias("flips", "pairs whose verdict turns with their order", interval(flips, clusters=_clusters(both)))
        )
    return found


def _of_pairs(judged: Sequence[Labelled], author: str) -> list[Bias]:
    """Each as the share of pairs in which the judge takes a side more often than people do."""
    sides: list[tuple[str, str, Callable[[Labelled], int]]] = [
        ("order", "more often for what is shown first, than people", lambda _: 1),
        ("length", "more often for the longer one, than people", _longer),
        ("self", "more often for what its own model wrote, than people", lambda item: _own(item, author)),
    ]
    found = []
    for name, said, side in sides:
        kept = [each for each in judged if side(each)]
        if kept:
            excess = [side(each) * _excess(each, None) for each in kept]
            found.append(Bias(name, said, _mean(excess, _clusters(kept))))
    return found


def _of_grades(judged: Sequence[Labelled], scale: Scale | None, author: str) -> list[Bias]:
    """Each as what the judge gives one kind of responses more than people do, less the same of the other kind."""
    middle = float(np.median([len(each.texts[0]) for each in judged]))
    found = []
    kinds_of: list[tuple[str, str, Callable[[Labelled], bool]]] = [
        ("length", "of the scale more for the longer half, than people", lambda item: len(item.texts[0]) > middle),
        ("self", "of the scale more for what its own model wrote, than people", lambda item: _own(item, author) > 0),
    ]
    for name, said, kind in kinds_of:
        kinds = np.array([kind(each) for each in judged], np.bool_)
        if kinds.any() and not kinds.all():
            excess = np.array([_excess(each, scale) for each in judged])
            found.append(Bias(name, said, _contrast(excess, kinds, _clusters(judged))))
    return found


def _excess(item: Labelled, scale: Scale | None) -> float:
    assert item.judge is not None, "only what was judged is looked at"
    # As it was shown in the file's order: with both orders taken together there would be no bias by order left to see.
    return worth(item.judge, scale) - float(np.mean([worth(said, scale) for said in item.labels.values()]))


def _longer(item: Labelled) -> int:
    first, second = map(len, item.texts)
    return (first > second) - (first < second)


def _own(item: Labelled, author: str) -> int:
    """1 where the first, or the only one, is the judge's own model's, -1 where the second is; 0 for both and neither."""
    own = [bool(author) and each == author for each in item.authors]
    return sum(own[:1]) - sum(own[1:])


def _clusters(items: Sequence[Labelled]) -> list[Hashable] | None:
    return [each.cluster or (each.id,) for each in items] if any(each.cluster for each in items) else None


def _mean(values: Sequence[float], clusters: Sequence[Hashable] | None) -> Interval:
    columns = np.column_stack((values, np.ones(len(values))))
    if len(values) < LEAST:
        return Interval(float(np.mean(values)), None, None, len(values), "too few")
    parts, shares = influence(columns)
    return _student(float(np.mean(values)), parts, shares, clusters)


def _contrast(values: Array, kinds: NDArray[np.bool_], clusters: Sequence[Hashable] | None) -> Interval:
    """The mean of one kind less that of the other."""
    ones, others = values[kinds], values[~kinds]
    value = float(ones.mean() - others.mean())
    if min(len(ones), len(others)) < LEAST:
        return Interval(value, None, None, len(values), "too few")
    parts, shares = np.empty(len(values)), np.empty(len(values))
    parts[kinds], parts[~kinds] = (ones - ones.mean()) / len(ones), -(others - others.mean()) / len(others)
    shares[kinds], shares[~kinds] = 1 / len(ones) / 2, 1 / len(others) / 2
    return _student(value, parts, shares, clusters)


def _student(value: float, parts: Array, shares: Array, clusters: Sequence[Hashable] | None) -> Interval:
    places = places_of(clusters)
    found = spread(parts, shares, places)
    margin = student_quantile(0.5 + CONFIDENCE / 2, found.freedom) * found.error
    return Interval(
        value, value - margin, value + margin, len(parts), "student", None if places is None else found.clusters
    )
