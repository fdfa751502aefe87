"""A router trained from outcomes: how likely each model is to answer a prompt well, and how far behind the best a cheaper one may be.

Nearest neighbours in the same vectors were measured beside the regression and are worse at every cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aver.core.errors import InvalidInput
from aver.gateway.routing.estimation import Value, Verdict, choose, frontier, slack_for, value
from aver.gateway.routing.learned_features import Features, Seen, join, look
from aver.gateway.routing.learned_fit import fold, learn, probability
from aver.gateway.routing.offpolicy import Logged, doubly_robust
from aver.gateway.types import Embedder

__all__ = ["Example", "LearnedModel", "train"]

Array = NDArray[np.float64]
_LEAST_OUTCOMES = 50
_LEAST_PEOPLE = 10
_MARGIN = 1e-6


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt with what is known of the models' success on it, each from 0 to 1: of all models, or of the one that was asked. Then
    ``propensity`` says how likely each model was to be asked. ``cost`` is in any unit, the same for all examples."""

    text: str
    success: Mapping[str, float]
    cost: Mapping[str, float] = field(default_factory=dict)
    propensity: Mapping[str, float] = field(default_factory=dict)
    seen: Seen | None = None
    """What a router saw of the prompt, where the text was not kept."""
    person: str = ""
    """Who asked, where the model was drawn once for each person and not for each prompt: such examples are no independent draws."""


@dataclass(frozen=True)
class LearnedModel:
    """What was learned. ``models`` are in the order of ``costs``; ``coefficients`` has a row for each; ``curve`` is the
    :func:`~aver.gateway.routing.estimation.frontier` of predictions for prompts that had not been seen."""

    models: tuple[str, ...]
    costs: tuple[float, ...]
    features: Features
    embedder: str
    coefficients: Array
    curve: Array
    estimate: Value
    verdict: Verdict
    """Whether choosing is worth it at :attr:`target`. If not, the best single model is always chosen."""
    why: str
    target: float
    examples: int

    @property
    def best(self) -> str:
        """The best single model."""
        return self.estimate.best

    def scores(self, seen: Seen) -> dict[str, float]:
        """How likely each model is to answer one prompt well: calibrated. Takes microseconds."""
        return dict(zip(self.models, map(float, self.predict(seen)[0]), strict=True))

    def predict(self, seen: Seen) -> Array:
        """The same for many: a row a prompt, a column a model."""
        return probability(self.features.rows(seen) @ self.coefficients.T)

    def slack(self, target: float) -> float | None:
        """How far behind the best prediction a cheaper model may be so that all in all ``target`` of the best single model's success
        is kept; ``None`` when choosing is not worth it."""
        return slack_for(self.curve, target) if self.verdict == "better" else None

    def choose(self, predicted: Array, target: float) -> NDArray[np.int64]:
        """The model for each row of predictions, by its index."""
        slack = self.slack(target)
        if slack is None:
            return np.full(len(predicted), self.models.index(self.best))
        return choose(predicted, np.array(self.costs), slack + _MARGIN)

    def graded(self, scores: Mapping[str, float], target: float) -> dict[str, float]:
        """``scores`` for a router that takes the cheapest model with at least ``target`` of the best score. The best keeps its
        probability; one that is the slack behind it gets exactly ``target`` of that. Where choosing is not worth it, only the best
        single model has a score."""
        slack = self.slack(target)
        if slack is None:
            return {name: score if name == self.best else 0.0 for name, score in scores.items()}
        most = max(scores.values())
        return {name: _graded(score, most, slack + _MARGIN, target) for name, score in scores.items()}


def _graded(score: float, most: float, slack: float, target: float) -> float:
    behind = most - score
    if behind <= slack:
        return most * (1 - (1 - target) * behind / slack)
    return target * most * score / (most - slack)


def train(examples: Sequence[Example], embedder: Embedder, seed: int, target: float = 0.97) -> LearnedModel:
    """Learn from ``examples``. Everything that is estimated is estimated on prompts that were left out: the penalty, the calibration,
    the slack, and the value of the whole policy, whose slack was found on still other prompts. Takes about a minute for 8,000 examples.

    Raises :class:`~aver.core.errors.InvalidInput` when there are fewer than two models, a model has fewer than 50 known outcomes, or
    nothing is known of its cost.
    """
    names, costs = _models(examples)
    outcomes = np.array([[each.success.get(name, np.nan) for name in names] for each in examples], float)
    propensities = _propensities(examples, names, outcomes)
    seen = _seen(examples, embedder)
    features = Features.of(seen)
    rows = features.rows(seen)
    parts = fold(len(rows), seed)
    fitted = [learn(rows, outcomes[:, each], parts, propensities[:, each]) for each in range(len(names))]
    predicted = np.column_stack([each.unseen for each in fitted])
    values = predicted + np.where(np.isnan(outcomes), 0.0, (outcomes - predicted) / propensities)
    chosen = _left_out(predicted, values, costs, parts, target)
    estimate = value(names, values, costs, chosen, seed, [each.person for each in examples])
    inconclusive = _support(examples, names, predicted, outcomes, chosen)
    verdict = "inconclusive" if inconclusive else estimate.verdict(target)
    return LearnedModel(
        models=names,
        costs=tuple(map(float, costs)),
        features=features,
        embedder=embedder.name,
        coefficients=np.stack([each.coefficients for each in fitted]),
        curve=frontier(predicted, values, costs),
        estimate=estimate,
        verdict=verdict,
        why=inconclusive or _reason(estimate, verdict),
        target=target,
        examples=len(examples),
    )


def _seen(examples: Sequence[Example], embedder: Embedder) -> Seen:
    kept = [each.seen for each in examples if each.seen is not None]
    if len(kept) == len(examples):
        return join(kept)
    texts = [each.text for each in examples if each.seen is None]
    looked = look(texts, embedder)
    if not kept:
        return looked
    places = {False: iter(range(len(texts))), True: iter(range(len(texts), len(examples)))}
    order = [next(places[each.seen is not None]) for each in examples]
    return join([looked, *kept]).take(order)


def _models(examples: Sequence[Example]) -> tuple[tuple[str, ...], Array]:
    """The models from cheap to dear, and what a call of each costs on average."""
    costs: dict[str, list[float]] = {}
    known: dict[str, int] = {}
    for each in examples:
        for name in each.success:
            known[name] = known.get(name, 0) + 1
        for name, cost in each.cost.items():
            costs.setdefault(name, []).append(cost)
    if len(known) < 2:
        raise InvalidInput(f"The examples know of {len(known)} models", "Give outcomes of at least two.")
    for name, count in known.items():
        if count < _LEAST_OUTCOMES:
            raise InvalidInput(
                f"Only {count} outcomes of the model {name!r} are known", f"Collect at least {_LEAST_OUTCOMES} of each."
            )
        if not costs.get(name) or min(costs[name]) < 0:
            raise InvalidInput(f"The cost of the model {name!r} is not known", "Give it in `cost`.")
    if not any(map(any, costs.values())):
        raise InvalidInput("No model costs anything", "Ask the best of them always, or give `cost` in time.")
    means = {name: float(np.mean(costs[name])) for name in known}
    names = tuple(sorted(known, key=lambda name: (means[name], name)))
    return names, np.array([means[name] for name in names])


def _propensities(examples: Sequence[Example], names: tuple[str, ...], outcomes: Array) -> Array:
    """How likely each outcome was to be known; 1 where nothing was left to chance. For cells without outcome they mean nothing."""
    found = np.array(
        [[each.propensity.get(name, 0.0 if each.propensity else 1.0) for name in names] for each in examples]
    )
    if (found[~np.isnan(outcomes)] <= 0).any():
        raise InvalidInput(
            "An outcome is known of a model that was never asked", "Give the propensities of all models."
        )
    if (np.isnan(outcomes).any(axis=1) & np.array([not each.propensity for each in examples])).any():
        raise InvalidInput("Outcomes are missing and no propensities say why", "Give `propensity` with each example.")
    return np.where(found > 0, found, 1.0)


def _left_out(
    predicted: Array, values: Array, costs: Array, parts: NDArray[np.int64], target: float
) -> NDArray[np.int64]:
    """The policy's choices, each part's with a slack that was found on the others."""
    chosen = np.empty(len(predicted), np.int64)
    for part in np.unique(parts):
        inside = parts != part
        slack = slack_for(frontier(predicted[inside], values[inside], costs), target)
        best = int(values[inside].mean(axis=0).argmax())
        chosen[~inside] = best if slack is None else choose(predicted[~inside], costs, slack)
    return chosen


def _support(
    examples: Sequence[Example], names: tuple[str, ...], predicted: Array, outcomes: Array, chosen: NDArray[np.int64]
) -> str:
    """Why the logged calls cannot tell what the policy is worth, or nothing."""
    people = {each.person for each in examples} - {""}
    if people and len(people) < _LEAST_PEOPLE:
        return f"each of {len(people)} people was asked of one model alone, and {_LEAST_PEOPLE} people are needed"
    logged = []
    for row, example in enumerate(examples):
        if not example.propensity:
            continue
        asked = int(np.nanargmax(np.where(np.isnan(outcomes[row]), -1.0, 1.0)))
        model = names[chosen[row]]
        logged.append(
            Logged(
                propensity=example.propensity[names[asked]],
                target=float(chosen[row] == asked),
                reward=float(outcomes[row, asked]),
                covered=float(example.propensity.get(model, 0.0) > 0),
                predicted=float(predicted[row, asked]),
                expected=float(predicted[row, chosen[row]]),
            )
        )
    return doubly_robust(logged).inconclusive if logged else ""


def _reason(estimate: Value, verdict: Verdict) -> str:
    gain = f"{estimate.gain.low:+.4f} to {estimate.gain.high:+.4f} over mixing at the same cost"
    share = f"{estimate.share.low:.4f} to {estimate.share.high:.4f} of {estimate.best}'s success"
    kept = "chosen by prompt" if verdict == "better" else f"{estimate.best} always"
    return f"{gain}, {share} at {estimate.cost:.2f} of its cost: {kept}"
