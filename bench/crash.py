"""Kill -9 at random moments of ingestion, deletion, compaction, rebuild, migration and rollback.

After each the index is verified, from another process and at once; at the end everything is brought to its end and verified again.
``problems`` is what was found wrong: nothing is lost, nothing half visible.

    python bench/crash.py --json [--moments 200] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from scaffold import say

from aver.testing.crash import Crashes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    started = time.perf_counter()
    say(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="aver-bench-") as folder:
        crashes = Crashes(Path(folder) / "data", arguments.seed)
        for number, kind in crashes.run(arguments.moments):
            if number % 10 == 0:
                say(f"{number} killed, the last at {kind}; {len(crashes.found.problems)} problems")
        crashes.finish()
        crashes.close()
    found = crashes.found
    result = {
        "moments": sum(found.killed.values()),
        "killed": dict(found.killed),
        "finished_before": dict(found.finished),
        "problems": found.problems,
        "seed": found.seed,
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))
    if found.problems:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
