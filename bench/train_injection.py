"""Trains the injection detector, and says what it does on sets that it has not seen.

Each set in turn is left out of the training and judged by what the others taught; thresholds come from clean texts judged so, one for
all lengths. Written are the weights of all sets together, into the package, and those without each, for ``bench/guardrails.py``, which
measures with them. ``--cache FILE`` keeps embeddings from one run to the next; without it a run takes ten minutes.

    python bench/train_injection.py [--cache FILE]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scaffold import say
from scaffold.injection_fit import Windows, fitted, label, read
from scaffold.injection_sets import HELD_OUT, SETS

from aver.gateway.adapters.minilm import MiniLM
from aver.guard.injection.concepts import SIZE
from aver.guard.injection.model import HeadName

PACKAGE = Path(__file__).parents[1] / "src" / "aver" / "guard" / "injection" / "weights.npz"
EVERY = {"handbook_sourcegraph": 5, "handbook_18f": 2}
HEADS: tuple[HeadName, ...] = ("input", "untrusted")
FALSE_ALARMS = 0.01
SECOND_LOOKS = 0.12
"""Of the windows of clean texts, those that may be embedded."""
FIRST = slice(0, SIZE)
BOTH = slice(None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = read(SETS, MiniLM(Path(folder)), EVERY, options.cache)
    say(f"{len(data.of)} texts, {len(data.text)} windows")
    package: dict[str, np.ndarray] = {}
    held_out: dict[str, np.ndarray] = {}
    for head in HEADS:
        trained(data, head, package, held_out)
    np.savez_compressed(PACKAGE, **package)
    np.savez_compressed(HELD_OUT, **held_out)


def trained(data: Windows, head: HeadName, package: dict[str, np.ndarray], held_out: dict[str, np.ndarray]) -> None:
    odds = np.full(len(data.of), np.nan, np.float32)
    first_odds = np.full(len(data.text), np.nan, np.float32)
    origins = list(dict.fromkeys(each.origin for each in SETS))
    for origin in origins:
        mine = np.array([each.origin == origin for each in SETS])[data.of]
        first = fitted(data, SETS, head, FIRST, without=origin)
        second = fitted(data, SETS, head, BOTH, without=origin)
        odds[mine] = data.worst(data.features @ second)[mine]
        windows = mine[data.text]
        first_odds[windows] = data.features[windows, FIRST] @ first
        held_out |= {
            f"{origin}_{head}_first": first.astype(np.float16),
            f"{origin}_{head}_second": second.astype(np.float16),
        }
    clean = [
        odds[data.of == number] for number, each in enumerate(SETS) if label(each, head) == 0 and counted(each.name)
    ]
    threshold = float(max(np.quantile(each, 1 - FALSE_ALARMS) for each in clean))
    of_clean = np.array([label(each, head) == 0 and each.where == "result" for each in SETS])[data.of][data.text]
    gate = float(np.quantile(first_odds[of_clean], 1 - SECOND_LOOKS))
    for number, each in enumerate(SETS):
        mine = odds[data.of == number]
        say(
            f"{head:10} {each.name:24} {'attack' if each.attack else 'clean':7} found {np.mean(mine >= threshold):.3f} of {len(mine)}"
        )
    say(f"{head:10} threshold {threshold:.2f} gate {gate:.2f}")
    package |= {
        f"{head}_first": fitted(data, SETS, head, FIRST).astype(np.float16),
        f"{head}_second": fitted(data, SETS, head, BOTH).astype(np.float16),
        f"{head}_threshold": np.float32(threshold),
        f"{head}_gate": np.float32(gate),
    }


def counted(name: str) -> bool:
    """Sets large enough that one text in a hundred is some."""
    return name in {"notinject", "xstest_safe", "handbook_18f", "handbook_sourcegraph", "xquad", "clapnq", "articles"}


if __name__ == "__main__":
    main()
