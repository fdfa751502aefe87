"""What a sandbox costs, beside starting Python at all, and whether what should be contained is.

``cold_ms`` is a call from the request to the result in a process of its own that has run nothing before, median and 95th percentile;
``bare_ms`` starts ``python -I -S -c pass`` in turn with it, and ``ratio`` is one to the other. ``typed_ms`` is a call of a function by types
that JSON does not have, ``first_ms`` the first call of a sandbox, with which what the others are copies of begins. ``contained`` has a word for each attack: the error, or ``no``.

    python bench/sandbox.py --json [--calls N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from scaffold import say

from aver.agents.sandbox import Function, Limits, Sandbox, SandboxSettings, SandboxStopped, SandboxUnavailable

TARGET_MS = 60
TOOL = """
import datetime

def add(a, b):
    return a + b

def later(day: datetime.date) -> datetime.date:
    return day + datetime.timedelta(1)
"""
ADD, LATER = ({"a": 1, "b": 2}, 3), ({"day": "2026-02-28"}, "2026-03-01")
ATTACKS = {
    "hangs": ("import time\ntime.sleep(1000)", Limits(seconds=1)),
    "computes without end": ("while True: pass", Limits(seconds=60, cpu_seconds=1)),
    "returns 500 MB": ("'x' * 500_000_000", Limits(memory_mb=4096)),
    "prints 500 MB": ("for _ in range(500): print('x' * 1_000_000)", Limits(disk_mb=1024)),
    "takes memory without end": ("x = []\nwhile True: x.append(bytearray(10**7))", Limits()),
    "fills the disk": ("with open('x', 'wb') as f:\n while True: f.write(bytes(10**6))", Limits()),
    "forks": ("import os\nwhile True: os.fork()", Limits()),
    "answers no JSON": ("import os\nfor n in range(3, 9):\n try: os.write(n, b'\\0\\0\\0\\5hello')\n except OSError: pass\nos._exit(0)", Limits()),
    "says that its answer is 4 GB": ("import os\nfor n in range(3, 9):\n try: os.write(n, b'\\xff' * 9)\n except OSError: pass\nos._exit(0)", Limits()),
    "crashes": ("import ctypes\nctypes.string_at(0)", Limits()),
}  # fmt: skip


async def bare() -> float:
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-S", "-c", "pass")
    await process.wait()
    return 1000 * (time.perf_counter() - started)


async def cold(sandbox: Sandbox, function: Function, asked: tuple[dict[str, Any], Any]) -> float:
    started = time.perf_counter()
    result = await sandbox.run(function, asked[0])
    if result.value != asked[1]:
        raise SystemExit(f"error: the tool answers {result}")
    return 1000 * (time.perf_counter() - started)


def summary(times: list[float]) -> dict[str, float]:
    return {"p50": round(median(times), 1), "p95": round(quantiles(times, n=20)[-1], 1)}


async def contained(sandbox: Sandbox) -> dict[str, str]:
    found = {}
    for name, (code, limits) in ATTACKS.items():
        say(f"a tool that {name}")
        try:
            result = await sandbox.run_python(code, limits=limits)
            found[name] = "no" if result.failed is None else result.failed
        except SandboxStopped as error:
            found[name] = f"{type(error).__name__}: {error.cause}"
    return found


async def measure(calls: int) -> dict[str, Any]:
    result: dict[str, Any] = {"target_ms": TARGET_MS, "calls": calls, "levels": {}}
    with tempfile.TemporaryDirectory(prefix="aver-bench-") as folder:
        path = Path(folder) / "tool.py"
        path.write_text(TOOL)
        function, typed = Function(path, "add"), Function(path, "later", typed=True)
        for level in ("strict", "process"):
            sandbox = Sandbox(SandboxSettings(level))
            try:
                report = await sandbox.probe()
            except SandboxUnavailable as error:
                result["levels"][level] = {"refused": error.cause}
                continue
            sandbox.close()
            first = await cold(sandbox, function, ADD)
            await cold(sandbox, typed, LATER)
            rows = [
                (await bare(), await cold(sandbox, function, ADD), await cold(sandbox, typed, LATER))
                for _ in range(calls)
            ]
            bares, colds, types = map(list, zip(*rows, strict=True))
            result["levels"][level] = {
                "means": sorted(report.means),
                "holds": sorted(report.holds),
                "bare_ms": summary(bares),
                "cold_ms": summary(colds),
                "typed_ms": summary(types),
                "first_ms": round(first, 1),
                "ratio": round(median(colds) / median(bares), 2),
                "contained": await contained(sandbox),
            }
            sandbox.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    result = asyncio.run(measure(arguments.calls))
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))
    if any("no" in level.get("contained", {}).values() for level in result["levels"].values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
