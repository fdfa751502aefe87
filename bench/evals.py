"""How many cases a second a run takes by itself, how much memory, and how long its report takes to open; beside other harnesses.

Every case has a reference, the target answers at once and the answer is compared: all that is measured is the harness. Aver's runs are written to disk, a
line a case and a response a case, in a process of their own for each size; memory is the most that was resident, there and through the command line. Peers are installed once under
``~/.cache/aver-bench`` and run at their own defaults, with fewer cases, since some of them slow down as cases grow.

    python bench/evals.py --json [--sizes 10000 100000] [--peers inspect promptfoo deepeval] [--peer-cases 1000] [--rounds 3] [--only commands]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scaffold import say
from scaffold.noop import PEERS, measured

from aver.core import SystemClock
from aver.evals.report import measured as report_of
from aver.evals.running.bounds import Bounds
from aver.evals.running.file import RunWriter, read_run
from aver.evals.running.responses import Responses
from aver.evals.running.service import Runner
from aver.evals.scorers.kinds import Means
from aver.evals.scorers.registry import Declared, scorers_of
from aver.evals.types import Case, Response, Result, RunHeader

REPORT = 20_000
MEASURES, TAGS = 12, 8
HEADER = RunHeader("bench", "bench", "0" * 64, 0, "echo", "echo-1", "", {}, 0, 1, "2026-11-27T00:00:00Z", "bench")


class Echo:
    name, digest = "echo", "echo-1"

    async def respond(self, case: Case, *, seed: int = 0) -> Response:  # noqa: ARG002
        return Response(text=case.question)


def cases(count: int) -> Iterator[Case]:
    """One at a time, as a file of them is read."""
    for number in range(count):
        yield Case(f"c{number}", f"answer {number}", expected=f"answer {number}")


def ran(count: int, folder: Path) -> dict[str, float]:
    """In a process of its own: seconds, and the most memory."""
    path = folder / f"{count}.run.jsonl"
    writer, responses = RunWriter.begin(path, HEADER), Responses.beside(path)
    runner = Runner(
        Echo(), scorers_of([Declared("exact")], Means()), writer, responses, Bounds(), SystemClock(), run="bench"
    )
    began = time.monotonic()
    ended = asyncio.run(runner.run(cases(count), count))
    taken = time.monotonic() - began
    assert ended.tally.done == count
    assert ended.tally.measures["exact"].value == 1
    writer.close()
    responses.close()
    return {"seconds": taken, "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def aver(sizes: list[int], rounds: int) -> dict[str, Any]:
    found = {}
    for count in sizes:
        runs = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="aver-bench-") as folder:
                command = [sys.executable, __file__, "--child", str(count), folder]
                runs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        rates = [count / each["seconds"] for each in runs]
        found[count] = {"cases_per_s": statistics.median(rates), "rss_mb": max(each["rss_mb"] for each in runs)}
        say(f"aver, {count:,} cases: {found[count]['cases_per_s']:,.0f} cases/s, {found[count]['rss_mb']:.0f} MB")
    return {
        "cases_per_s": round(found[sizes[-1]]["cases_per_s"]),
        "rss_mb": round(max(each["rss_mb"] for each in found.values()), 1),
        "by_cases": {
            str(count): {name: round(value, 1) for name, value in each.items()} for count, each in found.items()
        },
    }


def commands(sizes: list[int]) -> dict[str, Any]:
    """The same through the command line: a file of cases asked of a file of responses, then judged, against itself as baseline too. The most that each
    command had resident, in MB."""
    found: dict[str, Any] = {}
    for count in sizes:
        with tempfile.TemporaryDirectory(prefix="aver-bench-") as place:
            folder = Path(place)
            _written(folder, count)
            run, cases_file = str(folder / "bench.run.jsonl"), str(folder / "cases.jsonl")
            target = f"responses:{folder / 'responses.jsonl'}"
            require = ("--require", "exact>=0.5", "--require", "exact>=baseline-0.05")
            asked = (
                "eval",
                "run",
                cases_file,
                "--tenant",
                "bench",
                "--target",
                target,
                "--scorer",
                "exact",
                "--out",
                run,
            )
            judged = ("gate", "--run", run, "--baseline", run, "--cases", cases_file, *require)
            _peak(folder, "tenant", "create", "bench")
            found[str(count)] = {"eval_run_rss_mb": _peak(folder, *asked), "gate_rss_mb": _peak(folder, *judged)}
        say(f"aver, {count:,} cases through the commands: {found[str(count)]}")
    return found


def _written(folder: Path, count: int) -> None:
    with (folder / "cases.jsonl").open("w") as cases_file, (folder / "responses.jsonl").open("w") as responses:
        for number in range(count):
            question = f"How many days of leave does employee {number} of department {number % 97} carry over to the next year?"
            case = {"id": f"case-{number}", "question": question, "expected": f"{number % 31} days"}
            case |= {"tags": [f"department-{number % 5}"], "cluster": f"document-{number % 5000}"}
            cases_file.write(json.dumps(case) + "\n")
            said = f"{number % 31 if number % 10 else 99} days"
            responses.write(json.dumps({"case": case["id"], "text": said}) + "\n")


def _peak(folder: Path, *words: str) -> float:
    """The most that a command had resident, in MB. It has to end well."""
    command = [sys.executable, "-m", "aver", "--data", str(folder / "data"), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, words
    return round(used.ru_maxrss / 1024, 1)


def report(rounds: int) -> dict[str, Any]:
    """A run of many cases, measures and slices, opened: its figures with their intervals, overall and by slice."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="aver-bench-") as folder:
        path = Path(folder) / "report.run.jsonl"
        writer = RunWriter.begin(path, HEADER)
        for number in range(REPORT):
            values = {f"measure_{each}": (draw.random(), 1.0) for each in range(MEASURES // 2)}
            values |= {f"rate_{each}": (float(draw.random() < 0.8), 1.0) for each in range(MEASURES // 2)}
            tags = (f"slice {number % TAGS}",)
            writer.add(Result(f"c{number}", 0, values, tags, cluster=f"d{number // 4}"))
        writer.close()
        times = []
        for _ in range(rounds):
            began = time.monotonic()
            found = report_of(read_run(path))
            times.append(time.monotonic() - began)
    assert len(found.overall) == MEASURES
    return {"cases": REPORT, "measures": MEASURES, "slices": TAGS, "open_s": round(statistics.median(times), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000], help="cases of Aver's runs")
    parser.add_argument("--peers", nargs="*", choices=tuple(PEERS), default=list(PEERS), help="which others")
    parser.add_argument("--peer-cases", type=int, default=1000, help="cases of theirs")
    parser.add_argument("--rounds", type=int, default=3, help="of each; the median counts")
    parser.add_argument("--only", choices=("commands",), help="measure this alone")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(ran(int(arguments.child[0]), Path(arguments.child[1]))))
        return
    if arguments.only == "commands":
        print(json.dumps({"commands": commands(arguments.sizes)}, indent=None if arguments.json else 2))
        return
    result: dict[str, Any] = {"aver": aver(arguments.sizes, arguments.rounds), "report": report(arguments.rounds)}
    result["commands"] = commands(arguments.sizes)
    for peer in arguments.peers:
        with tempfile.TemporaryDirectory(prefix="aver-bench-") as folder:
            result[peer] = measured(peer, arguments.peer_cases, Path(folder))
        say(f"{peer}: {result[peer]}")
    print(json.dumps(result, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
