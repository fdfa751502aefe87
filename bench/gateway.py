"""What a request through the gateway costs, beside LiteLLM's proxy on the same machine, in the same run, with the same model server.

Every gateway has a core of its own; a model server that costs next to nothing and the load generator share the other. Aver checks the
key, routes, reserves and settles two budgets, prices and records evidence for every call; LiteLLM checks its master key, routes and
prices, without a database. ``raw`` is the least a gateway can be (plain ASGI and aiohttp), ``direct`` asks the model server itself.
Rounds of all are interleaved, and each figure is the median of its rounds.

``cpu_ms_per_request``, ``rps``, ``p50_ms``, ``p99_ms``: 64 clients, short whole replies; CPU time is the kernel's, of all processes of
the gateway. ``p50_added_ms``: one client, less the same asked directly. ``ttft_added_ms``: the same to the first content of a stream.
``chunks_per_second``: eight streams of many pieces, one write each; ``cpu_us_per_chunk`` is what one costs. ``ready_s``: from the start of
the process to the first answer. ``rss_mb``: resident after the start, and after everything. ``requests_on_record`` are the calls in Aver's evidence, which are as many as were sent.

    python bench/gateway.py --json [--without litellm] [--rounds N] [--soak N]

``--soak N`` sends Aver N requests afterwards and says how its resident memory grows, by 100,000 requests.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from scaffold import say
from scaffold.gateways import MODEL, Gateway, aver, direct, litellm, on_record, raw
from scaffold.processes import cores, cpu_seconds, free_port, pinned, resident_mb, running

HERE = Path(__file__).resolve().parent
CLIENTS, STREAMS, CHUNKS = 64, 8, 500
REQUESTS, SLOW_REQUESTS = 6000, 600
SOAK_STEP = 20_000


class Bench:
    """Starts gateways and asks them, in a temporary folder."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self.core, self._rest = cores()
        self.pids: dict[str, int] = {}
        self.sent: dict[str, int] = {}
        self.upstream = free_port()
        command = (sys.executable, str(HERE / "scaffold" / "upstream.py"), str(self.upstream))
        stack.enter_context(running(command, self._rest, folder / "upstream.log"))
        self._answers(direct(self.upstream), 20)

    def start(self, gateway: Gateway) -> float:
        """Seconds until it answers a question."""
        began = time.monotonic()
        environment = {**os.environ, **gateway.environment}
        log = self._folder / f"{gateway.name}.log"
        process = self._stack.enter_context(running(gateway.command, self.core, log, environment, self._folder))
        self.pids[gateway.name] = process.pid
        if not self._answers(gateway, 120, process):
            raise SystemExit(f"error: {gateway.name} did not start:\n{log.read_text(errors='replace')[-3000:]}")
        return time.monotonic() - began

    def load(self, gateway: Gateway, clients: int, requests: int, chunks: int = 0) -> dict[str, float]:
        """What the load generator says, with the CPU seconds the gateway used meanwhile."""
        options = {"port": gateway.port, "key": gateway.key, "model": MODEL, "clients": clients, "requests": requests}
        command = [sys.executable, str(HERE / "scaffold" / "load.py"), json.dumps(options | {"chunks": chunks})]
        pid = self.pids.get(gateway.name)
        before = cpu_seconds(pid) if pid else 0.0
        with pinned(self._rest):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"error: {gateway.name} failed under load: {done.stderr[-2500:]}")
        result: dict[str, float] = json.loads(done.stdout)
        self.sent[gateway.name] += requests
        result["cpu"] = cpu_seconds(pid) - before if pid else 0.0
        return result

    def resident(self, gateway: Gateway) -> float:
        return resident_mb(self.pids[gateway.name])

    def _answers(self, gateway: Gateway, seconds: float, process: subprocess.Popen[bytes] | None = None) -> bool:
        body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Ready?"}]})
        headers = {"content-type": "application/json", "authorization": f"Bearer {gateway.key}"}
        end = time.monotonic() + seconds
        while time.monotonic() < end and (process is None or process.poll() is None):
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
            try:
                connection.request("POST", "/v1/chat/completions", body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.sent[gateway.name] = self.sent.get(gateway.name, 0) + 1
                    return True
                time.sleep(0.05)
            except OSError:
                time.sleep(0.01)
            finally:
                connection.close()
        return False


def measure(bench: Bench, gateways: list[Gateway], rounds: int) -> dict[str, Any]:
    result: dict[str, Any] = {each.name: {"version": each.version} for each in gateways}
    for each in gateways:
        if each.command:
            result[each.name]["ready_s"] = bench.start(each)
            bench.load(each, CLIENTS, _few(each, REQUESTS) // 3)
            bench.load(each, STREAMS, STREAMS, CHUNKS)
            result[each.name]["rss_mb"] = bench.resident(each)
            say(f"{each.name} is ready after {result[each.name]['ready_s']:.1f} s")
    taken: dict[str, list[dict[str, float]]] = {each.name: [] for each in gateways}
    for number in range(rounds):
        for each in gateways:
            taken[each.name].append(_round(bench, each))
            say(f"round {number + 1} of {rounds}: {each.name} {taken[each.name][-1]['rps']:.0f} requests/s")
    for each in gateways:
        figures = {name: statistics.median(one[name] for one in taken[each.name]) for name in taken[each.name][0]}
        result[each.name] |= figures
        if each.command:
            result[each.name]["rss_after_mb"] = bench.resident(each)
            for name in ("p50", "ttft"):
                # Of the same round: what the machine did meanwhile is in both.
                pairs = zip(taken[each.name], taken["direct"], strict=True)
                result[each.name][f"{name}_added_ms"] = statistics.median(
                    one[f"{name}_one_ms"] - other[f"{name}_one_ms"] for one, other in pairs
                )
    return result


def _round(bench: Bench, gateway: Gateway) -> dict[str, float]:
    many = bench.load(gateway, CLIENTS, _few(gateway, REQUESTS))
    one = bench.load(gateway, 1, _few(gateway, REQUESTS) // 6)
    first = bench.load(gateway, 1, _few(gateway, REQUESTS) // 10, 5)
    streams = bench.load(gateway, STREAMS, STREAMS * (1 if gateway.slow else 8), CHUNKS)
    return {
        "rps": many["rps"],
        "cpu_ms_per_request": 1000 * many["cpu"] / many["requests"],
        "p50_ms": many["p50_ms"],
        "p99_ms": many["p99_ms"],
        "p50_one_ms": one["p50_ms"],
        "ttft_one_ms": first["first_p50_ms"],
        "chunks_per_second": streams["events_per_second"],
        "cpu_us_per_chunk": 1e6 * streams["cpu"] / streams["events"],
    }


def _few(gateway: Gateway, requests: int) -> int:
    return requests * SLOW_REQUESTS // REQUESTS if gateway.slow else requests


def soak(bench: Bench, gateway: Gateway, requests: int) -> dict[str, Any]:
    """Resident megabytes as requests go by, and the slope of the second half by least squares."""
    points = [(0, bench.resident(gateway))]
    for done in range(SOAK_STEP, requests + 1, SOAK_STEP):
        bench.load(gateway, CLIENTS, SOAK_STEP)
        points.append((done, bench.resident(gateway)))
        if done % (5 * SOAK_STEP) == 0:
            say(f"{done} requests: {points[-1][1]:.1f} MB")
    half = points[len(points) // 2 :]
    slope = statistics.linear_regression(*zip(*half, strict=True)).slope if len(half) > 1 else 0.0
    return {
        "requests": points[-1][0],
        "rss_mb": [round(megabytes, 1) for _, megabytes in points[:: max(len(points) // 10, 1)]],
        "mb_per_100k_requests": slope * 100_000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--without", action="append", default=[], choices=("aver", "litellm", "raw"), help="leave one out"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--soak", type=int, default=0, metavar="N", help="then send Aver this many requests")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aver-bench-")))
        bench = Bench(stack, folder)
        gateways = [direct(bench.upstream)]
        if "raw" not in options.without:
            gateways.append(raw(bench.upstream))
        if "aver" not in options.without:
            gateways.append(aver(bench.upstream, folder / "aver"))
        if "litellm" not in options.without:
            gateways.append(litellm(bench.upstream, folder / "litellm"))
        result = measure(bench, gateways, options.rounds)
        if {"aver", "litellm"} <= result.keys():
            result["cpu_ratio"] = result["litellm"]["cpu_ms_per_request"] / result["aver"]["cpu_ms_per_request"]
            result["rps_ratio"] = result["aver"]["rps"] / result["litellm"]["rps"]
            result["chunks_ratio"] = result["aver"]["chunks_per_second"] / result["litellm"]["chunks_per_second"]
        if "aver" in result:
            own = gateways[[each.name for each in gateways].index("aver")]
            if options.soak:
                result["soak"] = soak(bench, own, options.soak)
            result["aver"]["requests_sent"] = bench.sent["aver"]
            result["aver"]["requests_on_record"] = on_record(folder / "aver")
    result["cores"] = os.cpu_count()
    print(json.dumps(_rounded(result), indent=None if options.json else 2))


def _rounded(figures: Any) -> Any:
    if isinstance(figures, dict):
        return {name: _rounded(each) for name, each in figures.items()}
    return round(figures, 3) if isinstance(figures, float) else figures


if __name__ == "__main__":
    main()
