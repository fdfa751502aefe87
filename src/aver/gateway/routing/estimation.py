"""What a policy that chooses models is worth, beside the best single model and beside choosing at random at the same cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interval", "Value", "Verdict", "choose", "frontier", "mixing", "slack_for", "value"]

Array = NDArray[np.float64]
Verdict = Literal["better", "not better", "inconclusive"]
_RESAMPLES = 1000
_AT_ONCE = 100


class Interval(NamedTuple):
    """A value with the 2.5th and 97.5th percentile of its bootstrap."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Value:
    """A policy over ``calls`` prompts. ``share`` is its success over the best single model's, ``gain`` its success less that of mixing
    single models at random at the same cost, ``cost`` its mean cost over the best single model's (1 where that costs nothing)."""

    best: str
    success: Interval
    share: Interval
    gain: Interval
    cost: float
    chosen: dict[str, float]
    """The share of the prompts that each model answers."""
    single: dict[str, float]
    """The success of each model on all prompts."""
    mixed: float
    """The success of mixing at the same cost."""
    calls: int

    def verdict(self, target: float) -> Verdict:
        """Better when the interval of the gain over mixing is above 0, it is cheaper than the best single model or surely better, and the
        interval of the share reaches ``target``."""
        worth = self.cost < 1 or self.share.low > 1
        return "better" if self.gain.low > 0 and worth and self.share.high >= target else "not better"


def choose(predicted: Array, costs: Array, slack: float) -> NDArray[np.int64]:
    """For each row the cheapest model whose predicted success is at most ``slack`` below the best prediction."""
    good = predicted >= predicted.max(axis=1, keepdims=True) - slack
    # Among models that cost the same, the better prediction decides.
    ranked = np.lexsort((-predicted, np.broadcast_to(costs, predicted.shape)), axis=1)
    first = np.take_along_axis(good, ranked, axis=1).argmax(axis=1)
    return np.asarray(np.take_along_axis(ranked, first[:, None], axis=1)[:, 0])


def frontier(predicted: Array, values: Array, costs: Array, points: int = 400) -> Array:
    """Rows ``(slack, success over the best single model's, cost over its)`` by rising slack, from none to one that always takes the
    cheapest."""
    behind = predicted.max(axis=1, keepdims=True) - predicted
    slacks = np.unique(np.concatenate(([0.0], np.quantile(behind[behind > 0], np.linspace(0, 1, points)), [1.0])))
    best = int(values.mean(axis=0).argmax())
    rows = np.arange(len(values))
    found = []
    for slack in slacks:
        taken = choose(predicted, costs, slack)
        found.append(
            (slack, values[rows, taken].mean() / values[:, best].mean(), _over(costs[taken].mean(), costs[best]))
        )
    return np.array(found)


def slack_for(curve: Array, target: float) -> float | None:
    """The largest slack of a :func:`frontier` that keeps ``target``, or ``None`` when none does.

    It is a share of the best single model's success; of the choosing's own, where that is so much higher that even this share of it is
    above the best single model: models that are good at different things are worth more than the least that keeps up with one."""
    most = curve[:, 1].max()
    kept = curve[curve[:, 1] >= (target * most if target * most > 1 else target)]
    return float(kept[-1, 0]) if len(kept) else None


def mixing(success: Array, costs: Array, budget: Array) -> Array:
    """The most that models drawn at random, without looking at the prompt, achieve at a mean cost of ``budget``. ``success`` has one
    row for each of the budgets: between two models the success is linear in the cost."""
    order = np.argsort(costs, kind="stable")
    reached = np.where(costs[order] <= budget[:, None] + 1e-12, success[:, order], -np.inf).max(axis=1)
    for low in order:
        for high in order:
            if costs[high] > costs[low]:
                part = (budget - costs[low]) / (costs[high] - costs[low])
                between = success[:, low] + part * (success[:, high] - success[:, low])
                reached = np.maximum(reached, np.where((part >= 0) & (part <= 1), between, -np.inf))
    return np.asarray(reached)


def value(
    names: tuple[str, ...],
    values: Array,
    costs: Array,
    chosen: NDArray[np.int64],
    seed: int,
    people: Sequence[str] = (),
) -> Value:
    """``values`` is the success of each model for each prompt, known or estimated without bias; ``chosen`` the policy's model. The
    intervals are bootstraps over prompts, 1,000 of them; prompts of one of ``people`` (a name for each prompt, or nothing) are drawn
    together."""
    rows = np.arange(len(values))
    columns = np.column_stack((values, values[rows, chosen], costs[chosen]))
    best = int(values.mean(axis=0).argmax())
    means = columns.mean(axis=0, keepdims=True)
    draws = _resampled(columns, seed, people)
    point, spread = _figures(means, costs, best)[0], _figures(draws, costs, best)
    low, high = np.quantile(spread, (0.025, 0.975), axis=0)
    success, share, gain = (Interval(*map(float, each)) for each in zip(point, low, high, strict=True))
    taken = np.bincount(chosen, minlength=len(names)) / len(chosen)
    return Value(
        best=names[best],
        success=success,
        share=share,
        gain=gain,
        cost=_over(means[0, -1], costs[best]),
        chosen=dict(zip(names, map(float, taken), strict=True)),
        single=dict(zip(names, map(float, means[0]), strict=False)),
        mixed=success.value - gain.value,
        calls=len(values),
    )


def _figures(means: Array, costs: Array, best: int) -> Array:
    """Success, share and gain from rows of means."""
    single, success, cost = means[:, : len(costs)], means[:, -2], means[:, -1]
    return np.column_stack((success, success / single[:, best], success - mixing(single, costs, cost)))


def _over(cost: float, best: float) -> float:
    return float(cost / best) if best else 1.0


def _resampled(columns: Array, seed: int, people: Sequence[str]) -> Array:
    """Means of the columns over prompts drawn with replacement, or over people with all of theirs."""
    if any(people):
        units = [person or row for row, person in enumerate(people)]
        numbers = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
        place = np.array([numbers[unit] for unit in units])
        sums, sizes = np.zeros((len(numbers), columns.shape[1])), np.bincount(place).astype(float)
        np.add.at(sums, place, columns)
    else:
        sums, sizes = columns, np.ones(len(columns))
    random = np.random.default_rng(seed)
    count = len(sums)
    found = []
    for _ in range(0, _RESAMPLES, _AT_ONCE):
        drawn = random.multinomial(count, np.full(count, 1 / count), size=_AT_ONCE)
        found.append(drawn @ sums / (drawn @ sizes)[:, None])
    return np.concatenate(found)
