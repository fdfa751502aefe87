"""How far those who rated the same things agree, beyond what chance would give.

Ratings are an array of shape ``(items, raters)``, not a number where a rater did not rate an item; :func:`codes` makes one of labels of any kind.
Intervals are percentiles of a bootstrap over items, or over clusters of them. There is none to give, and ``None`` is returned, where all ratings are the
same or nobody rated what somebody else did: agreement cannot be told from chance then.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Literal

import numpy as np

from aver.core.errors import InvalidInput
from aver.evals.statistics.intervals import CONFIDENCE, LEAST, LEAST_CLUSTERS, Array, Interval, places_of, resamples

__all__ = ["Level", "Weights", "alpha", "codes", "kappa", "percent"]

Level = Literal["nominal", "ordinal", "interval"]
"""What ratings say: that they are the same or not; which is more; by how much."""
Weights = Literal["none", "linear", "quadratic"]
"""How much of a disagreement is one between ratings that are some way apart."""

_MOST = 50
"""Different ratings that may be told apart by category."""


def codes(rows: Sequence[Sequence[Hashable | None]], order: Sequence[Hashable] = ()) -> Array:
    """Ratings as numbers: those of ``order`` as their places in it; numbers as they are, anything else by its place among all, where there is
    no order. ``None`` is no rating. Raises :class:`~aver.core.errors.InvalidInput` for rows of different lengths and for what the order lacks."""
    given = [each for row in rows for each in row if each is not None]
    if len({len(row) for row in rows}) > 1:
        raise InvalidInput("Not all items have the same raters", "Give each row one place a rater, None for no rating.")
    if not order and all(isinstance(each, int | float) for each in given):
        return np.array([[np.nan if each is None else each for each in row] for row in rows], float)
    places = {each: float(place) for place, each in enumerate(order or sorted(set(given), key=str))}
    if unknown := next((each for each in given if each not in places), None):
        raise InvalidInput(f"{str(unknown)[:60]!r} is not on the scale", f"On it are: {', '.join(map(str, order))}.")
    return np.array([[np.nan if each is None else places[each] for each in row] for row in rows], float)


def percent(ratings: Array, seed: int = 0, clusters: Sequence[Hashable] | None = None) -> Interval | None:
    """Of the pairs of ratings of one item, the share that is the same; each item counts as much as it has ratings."""
    ratings, clusters = _rated(ratings, clusters)
    _, places = _categories(ratings)
    items = _coincidences(places)
    same = np.einsum("ikk->i", items)
    return _estimated(
        lambda sums: sums[:, 0] / sums[:, 1], np.column_stack((same, items.sum(axis=(1, 2)))), seed, clusters
    )


def kappa(
    ratings: Array, weights: Weights = "none", seed: int = 0, clusters: Sequence[Hashable] | None = None
) -> Interval | None:
    """Cohen's kappa of two raters ("A coefficient of agreement for nominal scales", 1960), or weighted ("Weighted kappa", 1968) by how far
    apart two ratings are, which of :func:`codes` is by how many places on the scale. Items that only one rated are left out."""
    if ratings.shape[1] != 2:
        raise InvalidInput(f"Kappa is of two raters, not of {ratings.shape[1]}", "Use alpha for any number of them.")
    both, kept = _rated(ratings, clusters)
    values, places = _categories(both)
    k = len(values)
    apart = np.abs(np.subtract.outer(values, values))
    cost = {"none": (apart > 0).astype(float), "linear": apart, "quadratic": apart**2}[weights]
    tables = (places[:, 0, :, None] * places[:, 1, None, :]).reshape(len(both), k * k)

    def figure(sums: Array) -> Array:
        table = sums.reshape(-1, k, k)
        chance = np.einsum("dij,dkl,il->d", table, table, cost) / table.sum(axis=(1, 2))
        return np.asarray(1 - (table * cost).sum(axis=(1, 2)) / chance)

    return _estimated(figure, tables, seed, kept)


def alpha(
    ratings: Array, level: Level = "nominal", seed: int = 0, clusters: Sequence[Hashable] | None = None
) -> Interval | None:
    """Krippendorff's alpha of any number of raters, with ratings missing ("Computing Krippendorff's alpha-reliability", 2011). Items with a
    single rating tell nothing and are left out."""
    ratings, clusters = _rated(ratings, clusters)
    if level == "interval":
        return _estimated(_interval_alpha, _moments(ratings), seed, clusters)
    values, places = _categories(ratings)
    k = len(values)

    def figure(sums: Array) -> Array:
        table = sums.reshape(-1, k, k)
        totals = table.sum(axis=2)
        n = totals.sum(axis=1)
        cost = _cost(totals, level)
        return np.asarray(
            1 - (n - 1) * (table * cost).sum(axis=(1, 2)) / np.einsum("di,dj,dij->d", totals, totals, cost)
        )

    return _estimated(figure, _coincidences(places).reshape(-1, k * k), seed, clusters)


def _rated(ratings: Array, clusters: Sequence[Hashable] | None) -> tuple[Array, Sequence[Hashable] | None]:
    """Items that at least two rated, and their clusters."""
    several = (~np.isnan(ratings)).sum(axis=1) > 1
    return ratings[several], None if clusters is None else [
        c for c, kept in zip(clusters, several, strict=True) if kept
    ]


def _categories(ratings: Array) -> tuple[Array, Array]:
    """The values that occur, in order; and by item and rater, which it is, one 1 of as many numbers: shape ``(items, raters, values)``."""
    values = np.unique(ratings[~np.isnan(ratings)])
    if len(values) > _MOST:
        raise InvalidInput(f"There are {len(values)} different ratings", "Take the level interval, or round them.")
    return values, (ratings[:, :, None] == values).astype(float)


def _coincidences(places: Array) -> Array:
    """Krippendorff's coincidence matrix of each item: its ordered pairs of ratings of different raters, over its number of ratings less one."""
    counts = places.sum(axis=1)
    rated = counts.sum(axis=1)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(counts.shape[1])
    return np.asarray(pairs / np.maximum(rated - 1, 1)[:, None, None])


def _cost(totals: Array, level: Level) -> Array:
    """How far apart categories are: shape ``(draws, k, k)``; for ordinal ratings, by how many ratings there are from one to the other."""
    k = totals.shape[1]
    if level == "nominal":
        return np.broadcast_to(1 - np.eye(k), (len(totals), k, k))
    middles = np.cumsum(totals, axis=1) - totals / 2
    return np.asarray(np.square(middles[:, :, None] - middles[:, None, :]))


def _moments(ratings: Array) -> Array:
    """By item: how many ratings, their sum, that of their squares, and twice their squared distances over all pairs, over their number less one."""
    centred = ratings - np.nanmean(ratings) if ratings.size else ratings
    n = (~np.isnan(centred)).sum(axis=1)
    total, squares = np.nansum(centred, axis=1), np.nansum(np.square(centred), axis=1)
    return np.column_stack((n, total, squares, 2 * (n * squares - np.square(total)) / np.maximum(n - 1, 1)))


def _interval_alpha(sums: Array) -> Array:
    n, total, squares, within = sums.T
    return np.asarray(1 - (n - 1) * within / (2 * (n * squares - np.square(total))))


def _estimated(
    figure: Callable[[Array], Array], columns: Array, seed: int, clusters: Sequence[Hashable] | None
) -> Interval | None:
    """``figure`` of the columns' sums, with its interval over items."""
    n, places = len(columns), places_of(clusters)
    count = None if places is None else int(places.max()) + 1
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(figure(columns.sum(axis=0)[None])[0]) if n else np.nan
        if not np.isfinite(value):
            return None
        if n < LEAST or (count is not None and count < LEAST_CLUSTERS):
            return Interval(value, None, None, n, "too few", count)
        drawn = np.concatenate(
            [figure(weights @ columns) for weights in resamples(n, seed, clusters=places_of(clusters))]
        )
    drawn = drawn[np.isfinite(drawn)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return Interval(value, float(low), float(high), n, "bootstrap", count)
