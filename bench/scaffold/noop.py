"""The same no-op evaluation for each harness: cases with a reference, a target that answers at once, one exact comparison."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

from scaffold import say

__all__ = ["PEERS", "measured"]

CACHE = Path(os.environ.get("AVER_BENCH_CACHE", "~/.cache/aver-bench")).expanduser()
INSPECT = """
import json, sys, time
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import match
from inspect_ai.solver import solver
from inspect_ai.model import ModelOutput

@solver
def answer():
    async def solve(state, generate):
        state.output = ModelOutput.from_content("none", state.input_text)
        return state
    return solve

count, folder = int(sys.argv[1]), sys.argv[2]
samples = [Sample(id=f"c{n}", input=f"answer {n}", target=f"answer {n}") for n in range(count)]
task = Task(dataset=MemoryDataset(samples), solver=answer(), scorer=match(location="exact"))
began = time.monotonic()
logs = eval(task, model="mockllm/model", display="none", log_dir=folder, score_display=False)
taken = time.monotonic() - began
assert logs[0].status == "success" and logs[0].results.completed_samples == count
print(json.dumps({"seconds": taken}))
"""
DEEPEVAL = """
import json, sys, time
from deepeval import evaluate
from deepeval.evaluate.configs import AsyncConfig, CacheConfig, DisplayConfig
from deepeval.metrics import BaseMetric
from deepeval.test_case import LLMTestCase

class Exact(BaseMetric):
    threshold, async_mode = 1.0, False
    def measure(self, case, *args, **kwargs):
        self.score = float(case.actual_output == case.expected_output)
        self.success = self.score >= 1
        return self.score
    async def a_measure(self, case, *args, **kwargs):
        return self.measure(case)
    def is_successful(self):
        return self.success
    @property
    def __name__(self):
        return "exact"

count = int(sys.argv[1])
cases = [LLMTestCase(input=f"answer {n}", actual_output=f"answer {n}", expected_output=f"answer {n}") for n in range(count)]
began = time.monotonic()
evaluate(cases, [Exact()], async_config=AsyncConfig(run_async=False), display_config=DisplayConfig(show_indicator=False, print_results=False), cache_config=CacheConfig(write_cache=False))
print(json.dumps({"seconds": time.monotonic() - began}))
"""
PROMPTFOO = """
module.exports = class { id() { return "echo"; } async callApi(prompt) { return { output: prompt }; } };
"""
_QUIET = {"DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1"}
_LONGEST = 900.0


def measured(peer: str, count: int, folder: Path) -> dict[str, Any]:
    """Cases a second of a harness at its own defaults, with its version; or why it could not be measured."""
    try:
        return PEERS[peer](count, folder)
    except (OSError, subprocess.SubprocessError, ValueError, AssertionError) as error:
        output = getattr(error, "stderr", "") or getattr(error, "output", "") or ""
        return {"missing": f"{type(error).__name__}: {str(output).strip()[-300:] or error}"}


def _python(package: str, program: str, count: int, folder: Path) -> dict[str, Any]:
    place = CACHE / f"{package}-venv"
    python = place / "bin" / "python"
    if not (place / "done").exists():
        say(f"{package}: installing it once, under {CACHE}")
        venv.create(place, with_pip=True)
        _said([str(python), "-m", "pip", "install", "--quiet", package], folder)
        (place / "done").touch()
    version = _said([str(python), "-c", f"import importlib.metadata as m; print(m.version({package!r}))"], folder)
    found = json.loads(_said([str(python), "-c", program, str(count), str(folder)], folder).splitlines()[-1])
    return {"version": version.strip(), "cases": count, "cases_per_s": round(count / found["seconds"], 1)}


def _inspect(count: int, folder: Path) -> dict[str, Any]:
    return _python("inspect-ai", INSPECT, count, folder)


def _deepeval(count: int, folder: Path) -> dict[str, Any]:
    return _python("deepeval", DEEPEVAL, count, folder)


def _promptfoo(count: int, folder: Path) -> dict[str, Any]:
    place = CACHE / "promptfoo"
    program = place / "node_modules" / ".bin" / "promptfoo"
    if not (place / "done").exists():
        say(f"promptfoo: installing it once, under {CACHE}")
        place.mkdir(parents=True, exist_ok=True)
        _said(["npm", "install", "--prefix", str(place), "--no-audit", "--no-fund", "--silent", "promptfoo"], folder)
        (place / "done").touch()
    (folder / "echo.js").write_text(PROMPTFOO)
    tests = [
        {"vars": {"text": f"answer {n}"}, "assert": [{"type": "equals", "value": f"answer {n}"}]} for n in range(count)
    ]
    config = {"prompts": ["{{text}}"], "providers": ["file://echo.js"], "tests": tests}
    (folder / "promptfooconfig.json").write_text(json.dumps(config))
    version = _said([str(program), "--version"], folder)
    began = time.monotonic()
    command = [str(program), "eval", "-c", "promptfooconfig.json", "--no-table", "--no-progress-bar", "--no-cache"]
    done = subprocess.run(
        [*command, "-o", "out.json"],
        cwd=folder,
        env={**os.environ, **_QUIET, "PROMPTFOO_CONFIG_DIR": str(folder / "config")},
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST,
    )
    seconds = time.monotonic() - began
    passed = json.loads((folder / "out.json").read_text())["results"]["stats"]["successes"]
    assert passed == count, f"{passed} of {count} passed"
    return {
        "version": version.split()[-1],
        "cases": count,
        "cases_per_s": round(count / seconds, 1),
        "exit_code": done.returncode,
    }


def _said(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **_QUIET}, capture_output=True, text=True, check=True, timeout=_LONGEST
    )
    return done.stdout


PEERS = {"inspect": _inspect, "promptfoo": _promptfoo, "deepeval": _deepeval}

if __name__ == "__main__":
    sys.exit("run bench/evals.py")
