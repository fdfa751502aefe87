"""Finding the tagger's weights: cross entropy over word pieces, back-propagated by hand, with Adam (https://arxiv.org/abs/1412.6980)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aver.guard.personal.pieces import FEATURES, Pieces, pieces
from aver.guard.personal.tagger import DILATIONS, Weights
from scaffold.tagging.texts import Labelled

__all__ = ["Example", "example", "fit"]

WIDTH = 80
GAP = 2 * sum(DILATIONS)
"""Empty places between the texts of a batch, so that none sees another."""


class Example(NamedTuple):
    pieces: Pieces
    labels: NDArray[np.int32]


def example(given: Labelled, kinds: Sequence[str]) -> Example:
    seen = pieces(given.text)
    labels = np.zeros(len(seen.ids), np.int32)
    for start, end, kind in given.spans:
        inside = np.flatnonzero((seen.spans[:, 0] < end) & (seen.spans[:, 1] > start))
        if len(inside):
            labels[inside] = 2 * kinds.index(kind) + 2
            labels[inside[0]] -= 1
    return Example(seen, labels)


def initial(labels: int, rng: np.random.Generator) -> Weights:
    def normal(*shape: int) -> NDArray[np.float32]:
        return (rng.standard_normal(shape) * (2 / shape[0]) ** 0.5).astype(np.float32)

    weights: Weights = {
        "projection": normal(384, WIDTH) * 8,  # the model's vectors of pieces are short
        "features": normal(FEATURES, WIDTH),
        "input": np.zeros(WIDTH, np.float32),
        "output": normal(WIDTH, labels),
        "output_bias": np.zeros(labels, np.float32),
    }
    for layer in range(len(DILATIONS)):
        weights[f"kernel{layer}"] = normal(3 * WIDTH, WIDTH) * 0.5
        weights[f"bias{layer}"] = np.zeros(WIDTH, np.float32)
    return weights


def fit(
    examples: Sequence[Example], table: NDArray[np.float32], labels: int, steps: int, seed: int, batch: int = 3000
) -> Weights:
    """Weights after ``steps`` batches of about ``batch`` pieces, averaged over the last third of the steps."""
    rng = np.random.default_rng(seed)
    weights = initial(labels, rng)
    first = {name: np.zeros_like(each) for name, each in weights.items()}
    second = {name: np.zeros_like(each) for name, each in weights.items()}
    mean = {name: np.zeros_like(each) for name, each in weights.items()}
    order: list[int] = []
    for step in range(1, steps + 1):
        chosen: list[Example] = []
        size = 0
        while size < batch:
            if not order:
                order = rng.permutation(len(examples)).tolist()
            each = examples[order.pop()]
            chosen.append(each)
            size += len(each.labels) + GAP
        gradient = _gradient(weights, table, chosen, rng)
        rate = 3e-3 * min(1, step / 50) * (0.5 + 0.5 * np.cos(np.pi * step / steps)) + 1e-5
        for name, each in gradient.items():
            first[name] = 0.9 * first[name] + 0.1 * each
            second[name] = 0.99 * second[name] + 0.01 * each * each
            change = first[name] / (1 - 0.9**step) / (np.sqrt(second[name] / (1 - 0.99**step)) + 1e-8)
            decay = 0.01 if weights[name].ndim > 1 else 0
            weights[name] -= (rate * (change + decay * weights[name])).astype(np.float32)
        if step > steps * 2 // 3:
            for name, value in weights.items():
                mean[name] += value
    count = steps - steps * 2 // 3
    return {name: each / count for name, each in mean.items()}


def _gradient(
    weights: Weights, table: NDArray[np.float32], chosen: Sequence[Example], rng: np.random.Generator
) -> Weights:
    size = sum(len(each.labels) + GAP for each in chosen)
    ids, labels = np.zeros(size, np.int32), np.full(size, -1, np.int32)
    features = np.zeros((size, FEATURES), np.float32)
    at = 0
    for each in chosen:
        place = slice(at, at + len(each.labels))
        ids[place], labels[place], features[place] = each.pieces.ids, each.labels, each.pieces.features
        at += len(each.labels) + GAP
    real = (labels >= 0).astype(np.float32)[:, None]
    heard = real * (rng.random((size, 1)) > 0.12)  # a piece now and then is only seen in its form
    vectors = table[ids] * heard
    sparse = (rng.random((size, WIDTH)) > 0.15).astype(np.float32) / 0.85
    entered = vectors @ weights["projection"] + features @ weights["features"] + weights["input"]
    hidden = np.maximum(entered, 0) * real * sparse
    kept: list[tuple[NDArray[np.float32], ...]] = []
    for layer, dilation in enumerate(DILATIONS):
        padded = np.zeros((size + 2 * dilation, WIDTH), np.float32)
        padded[dilation:-dilation] = hidden
        seen = np.concatenate((padded[: -2 * dilation], hidden, padded[2 * dilation :]), axis=1)
        turned = seen @ weights[f"kernel{layer}"] + weights[f"bias{layer}"]
        on = (turned > 0) * real
        drop = (rng.random((size, WIDTH)) > 0.15).astype(np.float32) / 0.85
        hidden = hidden + turned * on * drop
        kept.append((seen, on * drop))
    scores = hidden @ weights["output"] + weights["output_bias"]
    scores -= scores.max(axis=1, keepdims=True)
    likely = np.exp(scores)
    likely /= likely.sum(axis=1, keepdims=True)
    rows = np.flatnonzero(labels >= 0)
    likely[rows, labels[rows]] -= 1
    back = likely * real / len(rows)
    gradient: Weights = {"output": hidden.T @ back, "output_bias": back.sum(axis=0)}
    flow = back @ weights["output"].T
    for layer in reversed(range(len(DILATIONS))):
        dilation = DILATIONS[layer]
        seen, gate = kept[layer]
        inner = flow * gate
        gradient[f"kernel{layer}"], gradient[f"bias{layer}"] = seen.T @ inner, inner.sum(axis=0)
        parts = inner @ weights[f"kernel{layer}"].T
        flow = flow + parts[:, WIDTH : 2 * WIDTH]
        flow[:-dilation] += parts[dilation:, :WIDTH]
        flow[dilation:] += parts[:-dilation, 2 * WIDTH :]
    flow = flow * (entered > 0) * real * sparse
    gradient["projection"] = vectors.T @ flow
    gradient["features"], gradient["input"] = features.T @ flow, flow.sum(axis=0)
    return gradient
