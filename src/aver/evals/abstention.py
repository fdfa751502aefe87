"""Whether a system knows when it does not know: what its confidence is worth, and what answering less would have brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aver.evals.statistics.intervals import area

__all__ = ["CurvePoint", "auroc", "risk_coverage"]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Answering only what has at least the confidence ``threshold``: the share of all questions that is answered (``coverage``), and
    the share of those answers that is wrong (``risk``)."""

    threshold: float
    coverage: float
    risk: float


def auroc(answerable: Sequence[float], unanswerable: Sequence[float]) -> float:
    """The chance that an answerable question has a higher confidence than an unanswerable one, ties counted half; neither is empty."""
    scores = np.array([*answerable, *unanswerable], float)
    kinds = np.repeat([1.0, 0.0], [len(answerable), len(unanswerable)])
    return float(area(np.ones((1, len(scores))), np.column_stack((kinds, scores)))[0])


def risk_coverage(confidence: Sequence[float], right: Sequence[bool | None]) -> list[CurvePoint]:
    """The risk-coverage curve (El-Yaniv and Wiener, "On the foundations of noise-free selective classification", 2010) by falling
    threshold, one point for each distinct confidence.

    ``right`` says whether a question's answer is right: never, when it has none in the documents; ``None`` when it was not answered and
    nobody knows what the answer would have been. The curve ends before the first of those.
    """
    order = sorted(range(len(confidence)), key=lambda index: -confidence[index])
    found: list[CurvePoint] = []
    wrong = 0
    for covered, index in enumerate(order, 1):
        if right[index] is None:
            # Those of the same confidence would have been answered with it.
            return [point for point in found if point.threshold > confidence[index]]
        wrong += not right[index]
        threshold = confidence[index]
        if covered == len(order) or confidence[order[covered]] < threshold:
            found.append(CurvePoint(float(threshold), covered / len(order), wrong / covered))
    return found
