"""The logistic regressions of the injection detector, fitted to windows of labelled texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aver.gateway.types import Embedder
from aver.guard.injection.concepts import SIZE, signs
from aver.guard.injection.model import EMBEDDING_SCALE, HeadName
from aver.guard.injection.windows import windows
from aver.guard.plain import plain
from scaffold.injection_sets import TextSet

__all__ = ["Windows", "fitted", "label", "read"]

Array = NDArray[np.float32]

PENALTY = 3e-4
STEPS = 300
ROUNDS = 3
GUILTY = 0.4
"""Of the windows of one attack, the share that is taken to be its attack: the rest may be its harmless dress."""
MOST_WINDOWS = 40
_NEITHER = -1


@dataclass(frozen=True)
class Windows:
    """All windows of all sets: features of shape ``(windows, SIZE + embedding)``, the number of each one's text, and each text's set."""

    features: Array
    text: NDArray[np.int64]
    of: NDArray[np.int64]

    def worst(self, odds: Array) -> Array:
        """The highest log odds of each text."""
        worst = np.full(len(self.of), -99, np.float32)
        np.maximum.at(worst, self.text, odds)
        return worst


def read(sets: Sequence[TextSet], embedder: Embedder, every: dict[str, int], cache: Path | None) -> Windows:
    """One text of so many as ``every`` says for its set. ``cache`` keeps embeddings from one run to the next."""
    texts: list[int] = []
    of: list[int] = []
    seen: list[str] = []
    for number, each in enumerate(sets):
        for text in each.texts()[:: every.get(each.name, 1)]:
            clear = plain(text).text
            spans = list(windows(clear))[:MOST_WINDOWS]
            texts += [len(of)] * len(spans)
            seen += [clear[start:end] for start, end in spans]
            of.append(number)
    vectors = _embedded(list(dict.fromkeys(seen)), embedder, cache)
    features = np.zeros((len(seen), SIZE + embedder.dimension), np.float32)
    for row, window in enumerate(seen):
        found = signs(window)
        features[row, found.places] = found.values
        features[row, SIZE:] = EMBEDDING_SCALE * vectors[window]
    return Windows(features, np.array(texts), np.array(of))


def _embedded(distinct: list[str], embedder: Embedder, cache: Path | None) -> dict[str, Array]:
    known: dict[str, Array] = {}
    if cache is not None and cache.exists():
        with np.load(cache, allow_pickle=False) as stored:
            known = dict(zip(stored["windows"].tolist(), stored["vectors"].astype(np.float32), strict=True))
    if missing := [window for window in distinct if window not in known]:
        known |= zip(missing, embedder.embed(missing), strict=True)
        if cache is not None:
            np.savez(cache, windows=np.array(list(known)), vectors=np.array(list(known.values()), np.float16))
    return known


def label(each: TextSet, head: HeadName) -> int:
    """1 for an attack in this head's place, 0 for a harmless text, -1 for what says nothing: an order is no attack where a user writes."""
    if head == "input":
        orders = each.attack and each.where == "result" and each.name != "cyberseceval_indirect"
        return _NEITHER if orders else int(each.attack)
    asked = not each.attack and each.where == "input" and each.name not in ("notinject", "questions")
    return _NEITHER if asked else int(each.attack)


def fitted(data: Windows, sets: Sequence[TextSet], head: HeadName, columns: slice, without: str = "") -> Array:
    """Weights over ``columns`` of the features, learned from all sets but those of origin ``without``.

    Which windows of an attack are guilty is not known: at first all, then, round by round, those that the last round found worst.
    """
    labels = np.array([_NEITHER if each.origin == without else label(each, head) for each in sets])[data.of][data.text]
    of = data.of[data.text]
    attack = labels == 1
    used = labels != _NEITHER
    features = data.features[:, columns]
    weights = np.zeros(features.shape[1], np.float32)
    for _ in range(ROUNDS):
        rows = np.flatnonzero(used)
        weights = _descended(
            features[rows], labels[rows].astype(np.float32), _balanced(of[rows], labels[rows]), weights
        )
        used = (labels == 0) | (attack & _guilty(features @ weights, data.text, attack))
    return weights


def _balanced(of: NDArray[np.int64], labels: NDArray[np.int64]) -> Array:
    """What each window counts: a set counts as the 0.6th power of its windows, attacks together half as much as harmless texts."""
    counts = np.bincount(of)
    share = (counts[of] ** -0.4).astype(np.float32)
    share[labels == 1] /= 3 * share[labels == 1].sum()
    share[labels == 0] *= 2 / (3 * share[labels == 0].sum())
    return share


def _guilty(odds: Array, text: NDArray[np.int64], attack: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows = np.flatnonzero(attack)
    rows = rows[np.lexsort((-odds[rows], text[rows]))]
    _, first, count = np.unique(text[rows], return_index=True, return_counts=True)
    rank = np.arange(len(rows)) - np.repeat(first, count)
    guilty = np.zeros(len(odds), bool)
    guilty[rows[rank < np.maximum(1, np.ceil(GUILTY * np.repeat(count, count)))]] = True
    return guilty


def _descended(features: Array, labels: Array, share: Array, start: Array) -> Array:
    """Nesterov's accelerated descent of the penalised log loss, from ``start``."""
    step = 1 / (0.125 * float((share * (features**2).sum(axis=1)).sum()) + PENALTY)
    weights, ahead, momentum = start, start, 1.0
    for _ in range(STEPS):
        odds = np.clip(features @ ahead, -30, 30)
        slope = features.T @ (share * (1 / (1 + np.exp(-odds)) - labels)) + PENALTY * ahead
        following = (ahead - step * slope).astype(np.float32)
        later = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = (following + (momentum - 1) / later * (following - weights)).astype(np.float32)
        weights, momentum = following, later
    return weights
