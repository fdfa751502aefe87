"""How long an evidence pack takes, and how long to verify it with the program that travels.

Whole turns of six steps are appended to a fresh embedded store, the chain is anchored in a file twice, and all of it is packed with the controls of every
framework. ``verify`` is `python -I -S aver-verify.py` in a process of its own.

    python bench/pack.py --json [--turns 100000]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from aver.core import SystemClock, new_id
from aver.evidence import Draft, Ledger
from aver.governance.anchors.adapters.file import FilePlace
from aver.governance.anchors.service import Anchors
from aver.governance.controls.reading import find, plain_frameworks
from aver.governance.packs.service import Packs
from aver.governance.proof.joined import joined
from aver.store import Store

TURNS_A_TRANSACTION = 200
KINDS: tuple[tuple[Any, dict[str, Any]], ...] = (
    ("admitted", {"feature": "assistant", "release": "5f2c" * 16, "characters": 61, "guardrails": "g1"}),
    ("retrieved", {"passages": 8, "documents": 3, "ms": 11.5}),
    ("called", {"model": "small", "provider": "one", "input_tokens": 900, "output_tokens": 90, "nano_usd": 900_000}),
    ("verified", {"sentences": 4, "claims": 4, "supported": 4, "shown": 4, "ms": 9.1}),
    ("responded", {"abstained": False, "mode": "generated", "sentences": 4, "citations": 5, "ms": 410.0}),
    ("sealed", {"ms": 410.0}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder), options.turns)
    print(json.dumps(report) if options.json else "  ".join(f"{name} {value:,}" for name, value in report.items()))


def measure(folder: Path, turns: int) -> dict[str, float]:
    clock = SystemClock()
    store = Store(folder / "data")
    store.create_tenant("bench")
    tenant = store.tenant("bench")
    ledger = Ledger(tenant, clock)
    anchors = Anchors(tenant, ledger, clock, [FilePlace(folder / "states.jsonl")])
    begin = clock.now() - timedelta(seconds=1)
    for first in range(0, turns, TURNS_A_TRANSACTION):
        drafts = [
            Draft(turn, kind, f"user:person{number % 200}", facts, {"text": "Up to five days carry over. " * 8})
            for number in range(first, min(first + TURNS_A_TRANSACTION, turns))
            for turn in [new_id("turn")]
            for kind, facts in KINDS
        ]
        with tenant.begin() as tx:
            ledger.append_all(tx, drafts)
        if first == turns // 2 // TURNS_A_TRANSACTION * TURNS_A_TRANSACTION:
            anchors.anchor()
    anchored, _ = timed(anchors.anchor)
    packs, out = Packs(tenant, ledger, clock, anchors), folder / "pack.zip"
    frameworks = plain_frameworks(find())
    packed, made = timed(lambda: packs.make(out, since=begin, until=clock.now(), frameworks=frameworks))
    program = folder / "aver-verify.py"
    program.write_text(joined())
    command = [sys.executable, "-I", "-S", str(program), str(out), "--json", "--key", made.fingerprint]
    verified, ran = timed(lambda: subprocess.run(command, capture_output=True, text=True, check=True))
    assert json.loads(ran.stdout)["ok"]
    store.close()
    return {
        "turns": turns,
        "steps": made.last - made.first + 1,
        "anchor_s": round(anchored, 2),
        "pack_s": round(packed, 2),
        "verify_s": round(verified, 2),
        "mib": round(made.bytes / 2**20, 1),
    }


def timed(work: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


if __name__ == "__main__":
    main()
