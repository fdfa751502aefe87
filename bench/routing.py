"""What a learned router keeps of the strong model's success, and at how many of its calls, on prompts it was not trained on.

For each kind of task (MMLU, and the others in the data) a router is trained on one half of the prompts and measured on the other; for
MMLU also on tasks it has never seen. Beside it: the weak model, the strong model, whoever is right of the two (``oracle``), and drawing
one of the two at random with as many calls of the strong one (``random``). Intervals are 95 % bootstraps over the prompts measured.

``at_target``: the router as it would be used, with its slack found in training for 97 % of the strong model's success; where training
does not find it better than drawing at random, it is the strong model always, and ``forced`` says what following it would have given.
``at_60_percent``: the slack with which 60 % of the training prompts went to the strong model.

    python bench/routing.py --json [--data FILE] [--held FILE] [--seed N]

``--held`` measures on the prompts of another file and trains on all of ``--data``.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scaffold import DATA, jsonl, say

from aver.gateway.adapters.minilm import MiniLM
from aver.gateway.routing.estimation import Value, choose, value
from aver.gateway.routing.learned import Example, LearnedModel, train
from aver.gateway.routing.learned_features import look

PUBLISHED = DATA / "routing" / "routellm_2model.jsonl"
TARGET, MOST_CALLS = 0.97, 0.60
SEED = 20261124
"""Of the split: the features were chosen by cross-validation within its first half alone."""
COSTS = {"weak": 0.02, "strong": 1.0}
"""Near the ratio of the two models' list prices; what is counted is calls of the strong one."""


class Remembering:
    """The built-in embedder; each text is embedded once in all splits."""

    def __init__(self, folder: Path) -> None:
        self._embedder = MiniLM(folder)
        self.name, self.dimension = self._embedder.name, self._embedder.dimension
        self._known: dict[str, np.ndarray] = {}

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= dict(zip(new, self._embedder.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts]) if texts else np.empty((0, self.dimension), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--data", type=Path, default=PUBLISHED, help="prompts with the success of two models")
    parser.add_argument("--held", type=Path, help="measure on these, and train on all of --data")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    rows = jsonl(options.data)
    held = jsonl(options.held) if options.held else None
    with tempfile.TemporaryDirectory() as folder:
        embedder = Remembering(Path(os.environ.get("AVER_BENCH_CACHE", folder)) / "models")
        result = measure(rows, held, embedder, options.seed)
    print(json.dumps(result, indent=None if options.json else 2))


def measure(rows: list[dict], held: list[dict] | None, embedder: Remembering, seed: int) -> dict[str, Any]:
    result: dict[str, Any] = {"target": TARGET, "most_calls": MOST_CALLS, "seed": seed}
    order = np.random.default_rng(seed).permutation(len(rows))
    first = [rows[i] for i in np.sort(order[: len(rows) // 2])]
    second = [rows[i] for i in np.sort(order[len(rows) // 2 :])]
    for kind in sorted({kind_of(row) for row in rows}):
        own = [row for row in rows if kind_of(row) == kind]
        if held is not None:
            other = [row for row in held if kind_of(row) == kind]
            result[kind] = {"given": split(own, other, embedder, seed)} if other else {}
            continue
        half = [[row for row in part if kind_of(row) == kind] for part in (first, second)]
        result[kind] = {"random": split(*half, embedder, seed)}
        tasks = sorted({row["task"] for row in own})
        if len(tasks) > 1:
            seen = {tasks[i] for i in np.random.default_rng(seed).permutation(len(tasks))[: len(tasks) // 2]}
            half = [[row for row in own if (row["task"] in seen) == inside] for inside in (True, False)]
            result[kind]["by_task"] = split(*half, embedder, seed)
    return result


def kind_of(row: dict) -> str:
    return str(row["task"]).partition("_")[0]


def split(own: list[dict], other: list[dict], embedder: Remembering, seed: int) -> dict[str, Any]:
    began = time.monotonic()
    model = train([example(row) for row in own], embedder, seed, TARGET)
    say(f"{kind_of(own[0])}: trained on {len(own)} in {time.monotonic() - began:.0f} s: {model.verdict}, {model.why}")
    texts = [row["prompt"] for row in other]
    outcomes = np.array([[float(example(row).success[name]) for name in model.models] for row in other])
    predicted = model.predict(look(texts, embedder))
    figures = {
        "trained_on": len(own),
        "measured_on": len(other),
        "weak": outcomes[:, 0].mean(),
        "strong": outcomes[:, 1].mean(),
        "oracle": outcomes.max(axis=1).mean(),
        "trained_verdict": model.verdict,
        "at_target": policy(model, outcomes, model.choose(predicted, TARGET), seed),
        "at_60_percent": policy(
            model, outcomes, choose(predicted, np.array(model.costs), slack_at(model, MOST_CALLS)), seed
        ),
        "calibration_error": {
            name: calibration_error(predicted[:, place], outcomes[:, place]) for place, name in enumerate(model.models)
        },
    }
    if model.verdict != "better":
        slack = next((row[0] for row in model.curve[::-1] if row[1] >= TARGET), 0.0)
        figures["forced"] = policy(model, outcomes, choose(predicted, np.array(model.costs), slack), seed)
    return rounded(figures)


def example(row: dict) -> Example:
    success = {name.partition(":")[0]: float(right) for name, right in row["score"].items()}
    return Example(row["prompt"], success, COSTS)


def slack_at(model: LearnedModel, calls: float) -> float:
    """The least slack that sent no more than this share of the training prompts to the strong model."""
    weak, strong = model.costs
    return float(next(slack for slack, _, cost in model.curve if (cost * strong - weak) / (strong - weak) <= calls))


def policy(model: LearnedModel, outcomes: np.ndarray, chosen: np.ndarray, seed: int) -> dict[str, Any]:
    worth: Value = value(model.models, outcomes, np.array(model.costs), chosen, seed)
    strong = float(outcomes[:, 1].mean())
    return {
        "accuracy": worth.success.value,
        "accuracy_interval": worth.success[1:],
        "share_of_strong": worth.success.value / strong,
        "share_of_strong_interval": worth.share[1:],
        "strong_calls": worth.chosen["strong"],
        "random": worth.mixed,
        "random_share_of_strong": worth.mixed / strong,
        "gain_over_random": worth.gain.value,
        "gain_interval": worth.gain[1:],
        "verdict": "better" if worth.gain.low > 0 else "not better",
        "meets": bool(worth.success.value / strong >= TARGET and worth.chosen["strong"] <= MOST_CALLS),
    }


def calibration_error(predicted: np.ndarray, outcomes: np.ndarray) -> float:
    """Mean distance between prediction and outcome over ten bins of equally many prompts."""
    bins = np.array_split(np.argsort(predicted), 10)
    return float(np.mean([abs(predicted[each].mean() - outcomes[each].mean()) for each in bins]))


def rounded(figures: Any) -> Any:
    if isinstance(figures, dict):
        return {name: rounded(each) for name, each in figures.items()}
    if isinstance(figures, tuple | list):
        return [rounded(each) for each in figures]
    return round(float(figures), 4) if isinstance(figures, float | np.floating) else figures


if __name__ == "__main__":
    main()
