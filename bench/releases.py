"""How long a rollback takes to reach every replica, and what the registry costs beside it.

``--replicas`` processes read the registry four times a second, as served ones do; this one rolls back and promotes ``--times`` times, and
each of them says when it has seen it. Seconds, the slowest of all and the median; milliseconds for one query and one rollback; seconds to
freeze a bundle of ``--files`` files. The limit is one second. With ``--database-url`` on Postgres, else on SQLite.

    python bench/releases.py --json
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aver.core import SystemClock
from aver.releases import Registry
from aver.store import Store

LIMIT = 1.0
EVERY = 0.25
"""Seconds between two readings of a replica."""
ENVIRONMENT = "production"


def opened(folder: Path, database_url: str | None) -> Registry:
    return Registry(Store(folder, database_url), SystemClock(), folder / "releases")


def replica(folder: Path, database_url: str | None) -> None:
    """Say each digest that is seen, and when, until the pipe is closed."""
    registry = opened(folder, database_url)
    last = ""
    while True:
        digest = registry.pins()[ENVIRONMENT].digest
        if digest != last:
            last = digest
            sys.stdout.write(f"{digest} {time.time()}\n")
            sys.stdout.flush()
        time.sleep(EVERY)


def write_bundle(folder: Path, files: int, note: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "aver.yaml").write_text(
        f"feature: {{model: extractive}}\nrelease: {{environments: {{{ENVIRONMENT}: {{}}}}}}\n"
    )
    (folder / "prompts").mkdir(exist_ok=True)
    for number in range(files):
        (folder / "prompts" / f"{number}.md").write_text(f"Prompt {number} of {note}.\n" * 40)
    return folder


def measure(folder: Path, replicas: int, times: int, files: int, database_url: str | None) -> dict[str, float | int]:
    registry = opened(folder / "data", database_url)
    began = time.perf_counter()
    digests = [registry.create(write_bundle(folder / "bundle", files, "one"), by="bench").digest]
    freezing = time.perf_counter() - began
    digests.append(registry.create(write_bundle(folder / "bundle", files, "two"), by="bench").digest)
    for digest in digests:
        registry.promote(ENVIRONMENT, digest, "bench")
    command = [
        sys.executable,
        __file__,
        "--replica",
        str(folder / "data"),
        *(["--database-url", database_url] if database_url else []),
    ]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(replicas)]
    reached, took = [], []
    try:
        for process in processes:
            _seen(process)
        for number in range(times):
            time.sleep(EVERY * (number % 7) / 7)  # not in step with those who read
            sent = time.time()
            registry.rollback(ENVIRONMENT, "bench", "measured", digests[number % 2])
            took.append(time.time() - sent)
            reached += [_seen(process) - sent for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    began = time.perf_counter()
    for _ in range(200):
        registry.pins()
    return {
        "replicas": replicas,
        "rollbacks": times,
        "slowest_s": round(max(reached), 3),
        "median_s": round(statistics.median(reached), 3),
        "limit_s": LIMIT,
        "rollback_ms": round(statistics.median(took) * 1000, 2),
        "query_ms": round((time.perf_counter() - began) / 200 * 1000, 3),
        "files": files,
        "freeze_s": round(freezing, 3),
    }


def _seen(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    return float(process.stdout.readline().split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", type=int, default=4)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--database-url")
    parser.add_argument("--replica", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.replica:
        replica(arguments.replica, arguments.database_url)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), arguments.replicas, arguments.times, arguments.files, arguments.database_url)
    if arguments.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.write("".join(f"{name:<12} {value}\n" for name, value in found.items()))


if __name__ == "__main__":
    main()
