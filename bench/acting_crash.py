"""Kill -9 at random moments of turns whose tools have effects; each effect happened exactly once, or is reported undecided, none twice.

Two processes at a time work on turns and are killed without warning; whoever is next goes on. The effects are done to a database of
their own with its own ledger, which is compared with evidence at the end. ``killed`` counts kills by the last step on record.

    python bench/acting_crash.py --json [--kills 1000] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from scaffold import say

from aver.testing.acting import ActingCrashes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    started = time.perf_counter()
    say(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="aver-bench-") as folder:
        crashes = ActingCrashes(Path(folder), arguments.seed)
        for number in crashes.run(arguments.kills):
            if number % 50 == 0:
                say(f"{number} killed")
        crashes.finish()
        crashes.close()
    found = crashes.found
    result = {
        "kills": sum(found.killed.values()),
        "killed": dict(found.killed.most_common()),
        "turns": found.turns,
        "effects": found.effects,
        "outcomes": dict(found.outcomes.most_common()),
        "undecided": found.outcomes["undecided"],
        "problems": found.problems,
        "seed": found.seed,
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))
    if found.problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
