"""How often a semantic cache answers, and how often wrongly, on labelled question pairs; and what it costs.

``--pairs`` is a file of JSON lines ``{"text_a", "text_b", "label"}``. Questions that are linked by pairs stay together; ``--half``
chooses by the hash of their first text: ``tuning`` is what the gate was made on, ``held_out`` the rest, ``all`` both.

``pairs``: each pair alone, one question asked after the other was answered. ``stream``: all questions in turn against all before,
the nearest that passes; a hit that no label speaks of is counted apart (``unlabelled``), and is right when labels link the two
questions through others. Rates are of labelled hits, with Clopper and Pearson's two-sided 95 % interval.

The labels err. ``label_floor`` is how often they call two questions different that are equal but for case, spacing and
punctuation: no cache that answers a repeated question comes below it. No figure is adjusted by it.

    python bench/semantic_cache.py --json [--pairs FILE] [--half held_out]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aver.gateway.adapters.minilm import MiniLM
from aver.gateway.adapters.question_words import Stems
from aver.gateway.cache.bound import interval
from aver.gateway.cache.likeness import NEAR
from aver.gateway.cache.wording import form, plain

PAIRS = Path(__file__).resolve().parents[2] / "shared/data/semantic-cache/qqp_pairs.jsonl"
COSINES = (0.8, 0.85, 0.9, 0.95)
"""GPTCache's similarity thresholds as they are commonly set."""
_WORD = re.compile(r"[^\W_]+")


class Pairs(NamedTuple):
    texts: list[str]
    vectors: NDArray[np.float32]
    one: list[int]
    other: list[int]
    label: list[bool]


class Gate(NamedTuple):
    """Two questions share an answer when their keys are equal and their cosine is at least ``cosine``."""

    cosine: float
    key: Callable[[str], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pairs", type=Path, default=PAIRS)
    parser.add_argument("--half", choices=("tuning", "held_out", "all"), default="held_out")
    options = parser.parse_args()
    pairs = read(options.pairs, options.half)
    result = measure(pairs)
    print(json.dumps(result) if options.json else "\n".join(lines(result)))


def read(path: Path, half: str) -> Pairs:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts = sorted({row[name] for row in rows for name in ("text_a", "text_b")})
    place = {text: number for number, text in enumerate(texts)}
    edges = [(place[row["text_a"]], place[row["text_b"]]) for row in rows]
    linked = components(len(texts), edges)
    first = {root: texts[number] for number, root in reversed(list(enumerate(linked)))}
    side = {root: int(hashlib.sha256(text.encode()).hexdigest(), 16) % 2 for root, text in first.items()}
    wanted = {"tuning": (0,), "held_out": (1,), "all": (0, 1)}[half]
    chosen = [number for number, (one, _) in enumerate(edges) if side[linked[one]] in wanted]
    used = sorted({end for number in chosen for end in edges[number]})
    renumbered = {old: new for new, old in enumerate(used)}
    cache = Path(os.environ.get("AVER_DATA", tempfile.gettempdir())) / "models"
    kept = [texts[number] for number in used]
    return Pairs(
        kept,
        MiniLM(cache).embed(kept),
        [renumbered[edges[number][0]] for number in chosen],
        [renumbered[edges[number][1]] for number in chosen],
        [bool(rows[number]["label"]) for number in chosen],
    )


def components(size: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """For each of ``size`` things, one that stands for all it is linked to."""
    parent = list(range(size))

    def root(thing: int) -> int:
        while parent[thing] != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    for one, other in edges:
        parent[root(one)] = root(other)
    return [root(thing) for thing in range(size)]


def measure(pairs: Pairs) -> dict[str, Any]:
    """Every gate's figures, by pairs and by stream."""
    stems = Stems()
    gates = {f"cosine_{cosine}": Gate(cosine, lambda _text: 0) for cosine in COSINES}
    gates |= {"cosine_0.9_equal_words": Gate(0.9, stems)}
    gates |= {"aver": Gate(NEAR, lambda text: form(text) if plain(text) else text)}
    result: dict[str, Any] = {"pairs_of": len(pairs.label), "same": sum(pairs.label), "label_floor": floor(pairs)}
    for name, gate in gates.items():
        keys = [gate.key(text) for text in pairs.texts]
        result[name] = {"pairs": by_pairs(pairs, gate.cosine, keys), "stream": by_stream(pairs, gate.cosine, keys)}
    return result


def floor(pairs: Pairs) -> dict[str, float]:
    bare = [" ".join(_WORD.findall(text.lower())) for text in pairs.texts]
    signs = [re.sub(r"[\w\s.,?!'\"]", "", text) for text in pairs.texts]
    equal = [
        label
        for one, other, label in zip(pairs.one, pairs.other, pairs.label, strict=True)
        if bare[one] == bare[other] and signs[one] == signs[other]
    ]
    return rates(len(equal), equal.count(False))


def by_pairs(pairs: Pairs, cosine: float, keys: list[object]) -> dict[str, float]:
    near = (pairs.vectors[pairs.one] * pairs.vectors[pairs.other]).sum(axis=1) >= cosine
    hits = [
        label
        for one, other, label, close in zip(pairs.one, pairs.other, pairs.label, near, strict=True)
        if close and keys[one] == keys[other]
    ]
    rate = round(hits.count(True) / max(1, sum(pairs.label)), 4)
    return {"hit_rate": rate, **rates(len(hits), hits.count(False))}


def by_stream(pairs: Pairs, cosine: float, keys: list[object]) -> dict[str, float]:
    same = components(len(pairs.texts), links(pairs))
    apart = {
        frozenset((one, other))
        for one, other, label in zip(pairs.one, pairs.other, pairs.label, strict=True)
        if not label
    }
    right = wrong = unlabelled = 0
    asked = np.random.default_rng(0).permutation(len(pairs.texts)).tolist()
    earlier: dict[object, list[int]] = {}
    everything = pairs.vectors[asked]
    one_key = len(set(keys)) == 1
    for place, question in enumerate(asked):
        among = earlier.setdefault(keys[question], [])
        if among:
            near = (everything[:place] if one_key else pairs.vectors[among]) @ pairs.vectors[question]
            best = int(near.argmax())
            if near[best] >= cosine:
                if frozenset((question, among[best])) in apart:
                    wrong += 1
                elif same[question] == same[among[best]]:
                    right += 1
                else:
                    unlabelled += 1
        among.append(question)
    return {"of": len(asked), "unlabelled": unlabelled, **rates(right + wrong, wrong)}


def links(pairs: Pairs) -> list[tuple[int, int]]:
    return [(one, other) for one, other, label in zip(pairs.one, pairs.other, pairs.label, strict=True) if label]


def rates(hits: int, wrong: int) -> dict[str, float]:
    low, high = interval(wrong, hits)
    share = wrong / hits if hits else 0.0
    return {"hits": hits, "wrong": wrong, "rate": round(share, 4), "low": round(low, 4), "high": round(high, 4)}


def lines(result: dict[str, Any]) -> list[str]:
    found = [f"{result['pairs_of']} pairs, {result['same']} labelled the same; label floor {result['label_floor']}"]
    for name, figures in result.items():
        if isinstance(figures, dict) and "pairs" in figures:
            found += [f"{name:24} pairs  {figures['pairs']}", f"{'':24} stream {figures['stream']}"]
    return found


if __name__ == "__main__":
    main()
