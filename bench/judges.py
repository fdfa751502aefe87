"""A model judge held against people, on PandaLM: 999 pairs of responses that three people compared, with the verdicts of gpt-3.5-turbo. No model is called.

``aver judge calibrate`` reads the pairs as anybody's labels: ``agreement`` is how often the judge says what most people do, ``people`` how often two of them say the same,
``kappa`` the judge's agreement beyond chance, ``biases`` what moves it and not them. Then half of the pairs are taken for labels and the other half for what nobody
labelled, again and again: ``rate`` has how far the share of pairs whose first response is better comes out from what people say of that half, as the judge sees it and
as corrected, and how often the corrected interval holds it. ``gates`` says whether the judge may gate at a bar below its agreement and at the usual one.

    python bench/judges.py --json [--halves 200]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scaffold import DATA, say

from aver.evals.judges.labels import Labelled, read_labels
from aver.evals.statistics.correction import rogan_gladen
from aver.evals.statistics.intervals import Interval, interval

PEOPLE = {0: "tie", 1: "first", 2: "second"}
JUDGE = {"Tie": "tie", "1": "first", "2": "second"}
"""Anything else it wrote is no verdict."""
BARS = (0.4, 0.6)
HALVES = 200


def pairs() -> list[dict[str, Any]]:
    """PandaLM's pairs as labels, those of one instruction in one cluster."""
    folder = DATA / "judges"
    if not folder.is_dir():
        raise SystemExit(f"error: {folder} is not there. Put the public data beside the checkout, in shared/data.")
    shown = json.loads((folder / "pandalm_testset-v1.json").read_text(encoding="utf-8"))
    said = {
        each["idx"]: each["gpt_result"]
        for each in json.loads((folder / "pandalm_gpt-3.5-turbo.json").read_text(encoding="utf-8"))
    }
    return [
        {
            "id": str(each["idx"]),
            "question": f"{each['instruction']}\n{each['input'] or ''}",
            "first": str(each["response1"] or ""),
            "second": str(each["response2"] or ""),
            "labels": {str(who): PEOPLE[each[f"annotator{who}"]] for who in (1, 2, 3)},
            "judge": JUDGE.get(said[each["idx"]]),
            "authors": each["cmp_key"].split("_"),
            "cluster": each["instruction"],
        }
        for each in shown
    ]


def aver(file: Path, *words: str) -> dict[str, Any]:
    """The JSON document of ``aver judge calibrate``."""
    command = [sys.executable, "-m", "aver", "judge", "calibrate", str(file), *words, "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: {done.stdout or done.stderr}")
    return json.loads(done.stdout)


def halved(items: Sequence[Labelled], times: int) -> dict[str, float]:
    """Of the half without labels: how far off its rate is, in the mean, and how often the interval holds it."""
    random = np.random.default_rng(0)
    sides = np.array([(each.consensus == "first", each.verdict == "first") for each in items if each.verdict])
    _, places = np.unique([each.cluster for each in items if each.verdict], return_inverse=True)

    def share(of: np.ndarray, where: np.ndarray) -> Interval:
        return interval(np.column_stack((of[where], np.ones(where.sum()))), clusters=places[where].tolist())

    as_seen, corrected, held = [], [], 0
    for _ in range(times):
        ours = random.permutation(places.max() + 1)[places] % 2 == 0
        people, judge = sides.T
        found = rogan_gladen(share(judge, ~ours), share(judge, ours & people), share(~judge, ours & ~people))
        assert found is not None
        truth = people[~ours].mean()
        as_seen.append(judge[~ours].mean() - truth)
        corrected.append(found.value - truth)
        held += found.low <= truth <= found.high
    return {
        "off_as_seen": round(float(np.mean(as_seen)), 4),
        "off_corrected": round(float(np.mean(corrected)), 4),
        "held": held / times,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--halves", type=int, default=HALVES, help="how often the pairs are halved")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aver-bench-") as scratch:
        file = Path(scratch) / "pandalm.jsonl"
        file.write_text("".join(json.dumps(each) + "\n" for each in pairs()), encoding="utf-8")
        say("calibrating")
        found = {bar: aver(file, "--least-kappa", str(bar)) for bar in BARS}
        labels = read_labels(file)
        say("halving")
        halves = halved(labels.items, options.halves)
    one = found[BARS[-1]]
    figures = ("value", "low", "high")
    result = {
        "pairs": one["items"],
        "without_verdict": one["failed"],
        **{
            name: {figure: round(one[name][figure], 4) for figure in figures}
            for name in ("agreement", "people", "kappa")
        },
        "biases": {each["name"]: [round(each["amount"][figure], 4) for figure in figures] for each in one["biases"]},
        "rate": {
            "as_seen": round(one["seen"]["value"], 4),
            "corrected": [round(one["corrected"][figure], 4) for figure in figures],
            "people": round(one["true"]["value"], 4),
            **halves,
        },
        "gates": {str(bar): each["standing"] for bar, each in found.items()},
    }
    print(json.dumps(result, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
