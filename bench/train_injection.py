"""Trains the injection detector, and says what it does on sets that it has not seen.

Each set in turn is left out of the training, with its kin, and judged by what the others taught; the bound comes from clean texts judged so.
Written are the weights of all sets together, into the package, with a statement of how they came about, and those without each, for
``bench/guardrails.py``, which measures with them. ``--cache FILE`` keeps embeddings from one run to the next; without it a run takes ten
minutes. Nothing in it is left to chance. ``--without ORIGIN`` leaves sets out of all training, and writes nothing.

    python bench/train_injection.py [--cache FILE] [--without ORIGIN ...]
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scaffold import say
from scaffold.injection_fit import Windows, fitted, label, read
from scaffold.injection_sets import HELD_OUT, SETS

from aver.gateway.adapters.minilm import MiniLM
from aver.guard.injection.model import Head, HeadName

PACKAGE = Path(__file__).parents[1] / "src" / "aver" / "guard" / "injection" / "weights.npz"
EVERY = {"handbook_sourcegraph": 5, "handbook_18f": 2}
HEADS: tuple[HeadName, ...] = ("input", "untrusted")
FALSE_ALARMS = 0.0075
"""Of the clean texts that the bound is taken from. Other texts of their kinds raise more than those do, since a bound among the highest of a few
hundred is a rough one: with a quarter to spare, one in a hundred of all pages of the handbooks does."""
SECOND_LOOKS = 0.03
"""Of clean texts, those of which any window may be embedded: fewer than the one in twenty that the slowest passes are measured by."""
SHARE: dict[HeadName, float] = {"input": 0.5, "untrusted": 0.0}
"""What the first classifier counts in the mean with the second. Of what users write the embedding was taught by too few sentences to be trusted
alone: with the mean, sets that neither has seen are told apart better. Where documents stand it is not so."""
TAIL = 0.02
"""Of the windows of clean texts, the worst, from which it is told how fast their log odds fall off."""
COUNTED: dict[HeadName, tuple[str, ...]] = {
    "input": (
        "handbook_18f",
        "handbook_sourcegraph",
        "xquad",
        "clapnq",
        "articles",
        "xstest_safe",
        "pandalm",
        "routing",
        "asked",
    ),
    "untrusted": ("handbook_18f", "handbook_sourcegraph", "xquad", "clapnq", "articles"),
}
"""Clean sets large enough that one text in a hundred is some. What NotInject raises is measured beside, and what the records do where
documents stand: in them people ask a bank's bot for things."""

Stored = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--without", nargs="+", default=())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = read(SETS, MiniLM(Path(folder)), EVERY, options.cache)
    say(f"{len(data.of)} texts, {len(data.text)} windows")
    package: Stored = {}
    held_out: Stored = {}
    for head in HEADS:
        trained(data, head, package, held_out, tuple(options.without))
    if options.without:
        return
    np.savez_compressed(PACKAGE, **package)  # type: ignore[arg-type]  # the stub knows one more argument than names
    np.savez_compressed(HELD_OUT, **held_out)  # type: ignore[arg-type]
    PACKAGE.with_suffix(".txt").write_text(statement(data), encoding="utf-8")


def statement(data: Windows) -> str:
    lines = [
        "Weights of the detector of injections: two logistic regressions for each of two places, as model.py says. Made by",
        "`python bench/train_injection.py` from the public texts named in bench/scaffold/injection_sets.py and from the templates in",
        f"bench/scaffold/attacks.txt and lookalikes.txt: {len(data.of)} texts, {len(data.text)} windows.",
        f"sha256 of weights.npz: {hashlib.sha256(PACKAGE.read_bytes()).hexdigest()}",
    ]
    return "\n".join(lines) + "\n"


def trained(data: Windows, head: HeadName, package: Stored, held_out: Stored, never: tuple[str, ...]) -> None:
    first, second = (fitted(data, SETS, head, both=both, without=never) for both in (False, True))
    unseen = [np.zeros(len(data.text), np.float32) for _ in range(2)]
    for origin in dict.fromkeys(each.origin for each in SETS):
        mine = np.array([each.origin == origin for each in SETS])[data.of][data.text]
        left_out = (origin, *never)
        alone = fitted(data, SETS, head, both=False, without=left_out, start=first)
        mean = mixed(alone, fitted(data, SETS, head, both=True, without=left_out, start=second), SHARE[head])
        for number, (name, weights, features) in enumerate(
            (("first", alone, data.features.sparse), ("second", mean, data.features))
        ):
            held_out[f"{origin}_{head}_{name}"] = stored = weights.astype(np.float16)
            unseen[number][mine] = features.odds(stored.astype(np.float32))[mine]
    package |= {
        f"{head}_first": first.astype(np.float16),
        f"{head}_second": mixed(first, second, SHARE[head]).astype(np.float16),
    }
    package |= calibrated(data, head, *unseen)


def mixed(first: NDArray[np.float32], second: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """The weights of the mean of both log odds, of which the first's count ``share``."""
    mean = (1 - share) * second
    mean[: len(first)] += share * first
    return mean


def calibrated(data: Windows, head: HeadName, first: NDArray[np.float32], second: NDArray[np.float32]) -> Stored:
    """``gate``, ``rise`` and ``threshold`` from the odds of windows that the weights have not seen."""
    sets = {each.name: data.of == number for number, each in enumerate(SETS)}
    clean = [sets[name] for name in COUNTED[head]]
    windows = second[np.any(clean, axis=0)[data.text]]
    edge = np.quantile(windows, 1 - TAIL)
    rise = np.float32((windows[windows > edge] - edge).mean())
    rows = np.split(np.arange(len(data.text)), np.cumsum(data.counts)[:-1])
    made = Head(first, second, -np.inf, 0.0, float(rise))
    suspicion = [made.excess(-np.sort(-first[each]), len(each)) for each in rows]
    gate = exceeded(np.array([each.max(initial=-99) for each in suspicion]), clean, SECOND_LOOKS)
    above = np.array([worst(made, first[each], second[each], gate) for each in rows])
    threshold = exceeded(above, clean, FALSE_ALARMS)
    for each in SETS:
        found = np.mean(above[sets[each.name]] > threshold)
        kind = {1: "attack", 0: "clean", -1: "-"}[label(each, head)]
        say(f"{head:10} {each.name:24} {kind:7} found {found:.3f} of {sets[each.name].sum()}")
    say(f"{head:10} threshold {threshold:.2f} rise {rise:.2f} gate {gate:.2f}")
    return {f"{head}_gate": gate, f"{head}_rise": rise, f"{head}_threshold": threshold}


def worst(made: Head, first: NDArray[np.float32], second: NDArray[np.float32], gate: np.float32) -> float:
    """The excess of a text's worst window, of those that pass the gate."""
    order = np.argsort(-first, kind="stable")
    looked_at = order[: np.count_nonzero(made.excess(first[order], len(first)) >= gate)]
    return float(made.excess(-np.sort(-second[looked_at]), len(first)).max(initial=-99))


def exceeded(level: NDArray[np.float32], sets: Sequence[NDArray[np.bool_]], share: float) -> np.float32:
    """What ``share`` of the texts of ``sets`` lie above, each set counting the same."""
    levels = np.concatenate([level[each] for each in sets])
    counts = np.concatenate([np.full(each.sum(), 1 / (each.sum() * len(sets))) for each in sets])
    order = np.argsort(-levels)
    return np.float32(levels[order][np.searchsorted(np.cumsum(counts[order]), share, side="right")])


if __name__ == "__main__":
    main()
