"""The logistic regressions of the injection detector, fitted to windows of labelled texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aver.gateway.types import Embedder
from aver.guard.injection.concepts import SIZE, Signs, signs
from aver.guard.injection.model import EMBEDDING_SCALE, HeadName
from aver.guard.injection.windows import windows
from aver.guard.plain import plain
from scaffold.descent import Features, descended
from scaffold.injection_sets import TextSet

__all__ = ["Windows", "fitted", "label", "read"]

Array = NDArray[np.float32]
Numbers = NDArray[np.int64]

PENALTY = 3e-4
ROUNDS = 3
GUILTY = 0.4
"""Of the windows of one attack, the share that is taken to be its attack: the rest may be its harmless dress."""
MOST_WINDOWS = 40
_NEITHER = -1


@dataclass(frozen=True)
class Windows:
    """All windows of all sets: their features, the number of each one's text, each text's set and how many windows it has."""

    features: Features
    text: Numbers
    of: Numbers

    @property
    def counts(self) -> Numbers:
        return np.bincount(self.text, minlength=len(self.of))

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
    distinct = list(dict.fromkeys(seen))
    vectors = _embedded(distinct, embedder, cache)
    found: dict[str, Signs] = {window: signs(window) for window in distinct}
    dense = np.array([vectors[window] for window in seen], np.float32) * EMBEDDING_SCALE
    return Windows(Features.of([found[window] for window in seen], SIZE, dense), np.array(texts), np.array(of))


def _embedded(distinct: list[str], embedder: Embedder, cache: Path | None) -> dict[str, Array]:
    known: dict[str, Array] = {}
    if cache is not None and cache.exists():
        with np.load(cache, allow_pickle=False) as stored:
            known = dict(zip(stored["windows"].tolist(), stored["vectors"], strict=True))
    if missing := [window for window in distinct if window not in known]:
        known |= zip(missing, embedder.embed(missing).astype(np.float16), strict=True)
        if cache is not None:
            np.savez(cache, windows=np.array(list(known)), vectors=np.array(list(known.values()), np.float16))
    return known


def label(each: TextSet, head: HeadName) -> int:
    """1 for an attack in this head's place, 0 for a harmless text, -1 for what says nothing.

    Where a user writes an order is no attack. Where a document stands it is one whatever it asks: what a user may well ask for has no
    business there, and is what the injections of BIPIA and of InjecAgent ask for. Questions say nothing there, nor does small talk.
    """
    if head == "input":
        orders = each.attack and each.where == "result" and each.name != "cyberseceval_indirect"
        return _NEITHER if orders else int(each.attack)
    if each.name in ("questions", "asked", "written_everyday"):
        return _NEITHER
    return int(each.attack or each.where == "input")


def fitted(
    data: Windows,
    sets: Sequence[TextSet],
    head: HeadName,
    *,
    both: bool,
    without: Sequence[str] = (),
    start: Array | None = None,
) -> Array:
    """Weights over the signs, and over the embeddings with ``both``, learned from all sets but those of the origins ``without``;
    ``start`` are weights to begin with.

    Which windows of an attack are guilty is not known: at first all, then, round by round, those that the last round found worst.
    """
    labels = np.array([_NEITHER if each.origin in without else label(each, head) for each in sets])[data.of][data.text]
    rows = np.flatnonzero(labels != _NEITHER)
    features = (data.features if both else data.features.sparse).rows(rows)
    text, of, attack = data.text[rows], data.of[data.text[rows]], labels[rows] == 1
    weights = np.zeros(features.size, np.float32) if start is None else start
    used = np.ones(len(rows), bool)
    for _ in range(ROUNDS):
        weights = descended(features, attack.astype(np.float32), _balanced(of, attack, used), PENALTY, weights)
        used = ~attack | _guilty(features.odds(weights), text, attack)
    return weights


def _balanced(of: Numbers, attack: NDArray[np.bool_], used: NDArray[np.bool_]) -> Array:
    """What each window counts: a set counts as the 0.6th power of its windows, attacks together half as much as harmless texts."""
    share = np.where(used, np.maximum(1, np.bincount(of[used], minlength=of.max() + 1))[of] ** -0.4, 0).astype(
        np.float32
    )
    share[attack] /= 3 * share[attack].sum()
    share[~attack] *= 2 / (3 * share[~attack].sum())
    return share


def _guilty(odds: Array, text: Numbers, attack: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows = np.flatnonzero(attack)
    rows = rows[np.lexsort((-odds[rows], text[rows]))]
    _, first, count = np.unique(text[rows], return_index=True, return_counts=True)
    rank = np.arange(len(rows)) - np.repeat(first, count)
    guilty = np.zeros(len(odds), bool)
    guilty[rows[rank < np.maximum(1, np.ceil(GUILTY * np.repeat(count, count)))]] = True
    return guilty
