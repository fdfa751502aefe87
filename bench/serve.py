"""What serving costs: seconds until ready, resident memory with a handbook loaded and after questions, size of the install.

    python bench/serve.py --json [--data DIR --tenant T]

Without ``--data`` it makes an installation in a temporary directory from the 18F handbook in ``../shared/data``.
Everything is done through the command line and HTTP, as an operator would.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HANDBOOK = ROOT.parent / "shared" / "data" / "handbook-18f"
TENANT, USER = "bench", "ann"
READY_SECONDS, RESIDENT_MB, INSTALL_MB = 3.0, 600, 700
QUESTIONS = (
    "How do I request leave?",
    "What is the travel policy?",
    "How are performance reviews done?",
    "Who approves a purchase?",
    "What are the core working hours?",
    "How do I report a security incident?",
    "What should I do on my first day?",
    "How does onboarding work?",
    "Which tools do we use to chat?",
    "How do I get reimbursed for a conference?",
)


def aver(data: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "aver", "--data", str(data), *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"error: {' '.join(arguments)} failed: {done.stdout}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def load(data: Path) -> None:
    if not HANDBOOK.is_dir():
        sys.exit("error: the 18F handbook is not in ../shared/data. Give --data DIR with a tenant in it.")
    newest = max(path for path in HANDBOOK.iterdir() if path.is_dir())
    aver(data, "tenant", "create", TENANT)
    aver(data, "ingest", str(newest), "--tenant", TENANT)


@contextmanager
def serving(data: Path) -> Iterator[tuple[int, str, float]]:
    """The server's process, address, and seconds from its start until ``/readyz`` says so."""
    started = time.monotonic()
    command = [sys.executable, "-m", "aver", "--data", str(data), "serve", "--port", "0", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        lines = [server.stdout.readline() for _ in range(3)]
        address = str(json.loads("".join(lines))["address"])
        while not ready(address):
            time.sleep(0.01)
        yield server.pid, address, time.monotonic() - started
    finally:
        server.terminate()
        server.wait(15)


def ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5):
            return True
    except urllib.error.HTTPError:
        return False


def ask(address: str, key: str, question: str) -> None:
    request = urllib.request.Request(
        f"{address}/v1/ask",
        json.dumps({"question": question}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        json.load(response)


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def install_mb() -> float:
    """The size on disk of every package in the core lock, as installed here."""
    names = {
        line.split("==")[0].strip()
        for line in (ROOT / "requirements" / "core.lock").read_text().splitlines()
        if "==" in line and not line.startswith(("#", " "))
    }
    return round(sum(map(size, sorted(names))) / 2**20, 1)


def size(name: str) -> int:
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return 0
    paths = {Path(str(file.locate())).resolve() for file in files}
    return sum(path.stat().st_size for path in paths if path.is_file())


def measure(data: Path, tenant: str) -> dict[str, Any]:
    key = str(aver(data, "keys", "create", "--tenant", tenant, "--user", USER)["key"])
    with serving(data) as (pid, address, seconds):
        started = resident_mb(pid)
        ask(address, key, QUESTIONS[0])
        loaded = resident_mb(pid)
        for number in range(50):
            ask(address, key, QUESTIONS[number % len(QUESTIONS)])
        asked = resident_mb(pid)
    install = install_mb()
    return {
        "ready_seconds": round(seconds, 2),
        "rss_mb": {"ready": started, "handbook_loaded": loaded, "after_50_questions": asked},
        "install_mb": install,
        "ratios": {
            "ready_to_limit": round(seconds / READY_SECONDS, 2),
            "rss_to_limit": round(asked / RESIDENT_MB, 2),
            "install_to_limit": round(install / INSTALL_MB, 2),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--data", type=Path, help="an installation that is there already")
    parser.add_argument("--tenant", default=TENANT, help="a tenant of it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = options.data or Path(temporary)
        if options.data is None:
            load(data)
        figures = measure(data, options.tenant)
    print(json.dumps(figures, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
