"""Names, places, organisations and what else only its surroundings tell: a small convolutional tagger over word pieces.

Each piece is the built-in embedding model's vector of it, projected, with how it is written; four dilated convolutions
(https://arxiv.org/abs/1702.02098) look at fifteen pieces before and after. The weights are ours: ``bench/scaffold/tagging.py`` trains them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aver.guard.personal.pieces import Pieces, embeddings, pieces
from aver.guard.types import Finding

__all__ = ["DILATIONS", "Tagger", "Weights", "forward", "spans_of"]

Weights = dict[str, NDArray[np.float32]]
DILATIONS = (1, 2, 4, 8)
_FILE = "tagger.npz"
_CLEARLY = 4.0
_ALONE = 2**18
"""Multiplications up to which OpenBLAS uses one thread: SMP_THRESHOLD_MIN times GEMM_MULTITHREAD_THRESHOLD as it is built by default."""


def forward(weights: Weights, table: NDArray[np.float32], given: Pieces) -> NDArray[np.float32]:
    """The probability of each label for each piece, shape ``(n, labels)``. ``table`` has the projected vectors of all pieces."""
    hidden = table[given.ids] + _product(given.features, weights["features"]) + weights["input"]
    np.maximum(hidden, 0, out=hidden)
    for layer, dilation in enumerate(DILATIONS):
        padded = np.zeros((len(hidden) + 2 * dilation, hidden.shape[1]), np.float32)
        padded[dilation:-dilation] = hidden
        seen = np.concatenate((padded[: -2 * dilation], hidden, padded[2 * dilation :]), axis=1)
        hidden = hidden + np.maximum(_product(seen, weights[f"kernel{layer}"]) + weights[f"bias{layer}"], 0)
    logits = _product(hidden, weights["output"]) + weights["output_bias"]
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def _product(rows: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """``rows @ weights``, in blocks that OpenBLAS does not share out among threads: for products as small as these that gains nothing, and
    as soon as anything else runs the threads wait for each other a hundred times as long as the product takes."""
    inner, width = weights.shape
    block = max(1, _ALONE // (inner * width))
    whole = len(rows) // block * block
    product = np.empty((len(rows), width), np.float32)
    np.matmul(rows[:whole].reshape(-1, block, inner), weights, out=product[:whole].reshape(-1, block, width))
    np.matmul(rows[whole:], weights, out=product[whole:])
    return product


def spans_of(
    text: str, given: Pieces, probabilities: NDArray[np.float32], kinds: Sequence[str], lean: float
) -> list[Finding]:
    """Whole words that belong together. Label 0 is none, ``2k + 1`` begins a finding of ``kinds[k]``, ``2k + 2`` goes on with one. A word
    counts as something when that is at least ``lean`` times as likely as that it is nothing: a missed name costs more than a false one.
    """
    first = np.flatnonzero(given.begins)
    if not len(first):
        return []
    words = np.add.reduceat(probabilities, first, axis=0)
    words /= np.diff(np.append(first, len(given.begins)))[:, None]
    by_kind = words[:, 1::2] + words[:, 2::2]
    best = by_kind.argmax(axis=1)
    sure = by_kind[np.arange(len(best)), best]
    something = 1 - words[:, 0] >= lean * words[:, 0]
    begins = probabilities[first]
    ends = np.append(first[1:], len(given.begins)) - 1
    found: list[Finding] = []
    previous, scores = -2, [0.0]
    for word in np.flatnonzero(something).tolist():
        kind, score = int(best[word]), float(sure[word])
        start, end = int(given.spans[first[word], 0]), int(given.spans[ends[word], 1])
        # Two of a kind side by side are rare, and a cut through one is not: the beginning has to be clear.
        opens = begins[word, 2 * kind + 1] > _CLEARLY * begins[word, 2 * kind + 2]
        if found and previous == word - 1 and found[-1].kind == kinds[kind] and not opens:
            scores.append(score)
            found[-1] = Finding(kinds[kind], found[-1].start, end, sum(scores) / len(scores))
        else:
            scores = [score]
            found.append(Finding(kinds[kind], start, end, score))
        previous = word
    return [trimmed for each in found if (trimmed := _trimmed(text, each)) is not None]


_ENDS_BARE = frozenset({"PERSON", "GPE", "ORGANIZATION", "NRP", "AGE", "DATE_TIME"})
_ABBREVIATED = re.compile(r"(?:\b[^\W\d_]|\b(?:Inc|Ltd|Co|Corp|Jr|Sr|St|S\.A))\.$", re.IGNORECASE)
_MARKS = " \t\r\n,;:!?\"'()[]{}<>|*_-–—/\\#"  # noqa: RUF001 - the dash is meant


def _trimmed(text: str, finding: Finding) -> Finding | None:
    start, end = finding.start, finding.end
    while start < end and text[start] in _MARKS:
        start += 1
    while start < end and text[end - 1] in _MARKS:
        end -= 1
    if (
        end - start > 2
        and text[end - 1] == "."
        and finding.kind in _ENDS_BARE
        and not _ABBREVIATED.search(text, start, end)
    ):
        end -= 1
    return Finding(finding.kind, start, end, min(1.0, finding.score)) if start < end else None


class Tagger:
    """Loads its weights with its first text. ``lean`` is as in :func:`spans_of`; ``weights`` is a file of others than those that come with
    Aver."""

    name = "tagger"

    def __init__(self, lean: float = 1.0, weights: Path | None = None) -> None:
        self._lean = lean
        self._weights = weights

    def find(self, text: str) -> list[Finding]:
        """Raises :class:`~aver.core.errors.Unavailable` when the built-in model is not installed."""
        weights, table, kinds = _loaded(self._weights)
        given = pieces(text)
        return spans_of(text, given, forward(weights, table, given), kinds, self._lean) if len(given.ids) else []


@lru_cache(8)
def _loaded(path: Path | None) -> tuple[Weights, NDArray[np.float32], tuple[str, ...]]:
    content = path.read_bytes() if path else (files("aver.guard.personal") / _FILE).read_bytes()
    with np.load(BytesIO(content), allow_pickle=False) as file:
        kinds = tuple(str(kind) for kind in file["kinds"])
        weights = {name: file[name].astype(np.float32) for name in file.files if name != "kinds"}
    return weights, embeddings() @ weights["projection"], kinds
