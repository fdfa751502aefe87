"""What a turn pays for being on record and being watched: the share of its CPU that evidence and telemetry take together.

Turns of the assistant over the demo's handbook, answered without a provider, in one process that sends traces, metrics and logs to a
receiver beside it. Three shares are taken of the process's CPU time, each by a clock of its own: what the ledger appends within the turn
(hashing, encryption, the row, not the commit that the turn's other rows need, too), what the threads of telemetry take (reading the steps,
measuring, encoding, sending), and what handing the steps over costs the turn. ``on_off`` is the same from outside: CPU time of turns with
telemetry over that of turns without, turn about. A model that writes would make a turn dearer, and the shares smaller.

    python bench/telemetry.py --json [--turns 300]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aver.core.settings import Settings, TelemetrySettings
from aver.evidence import Ledger
from aver.evidence.telemetry.exporter import Exporter
from aver.evidence.telemetry.service import Telemetry
from aver.knowledge.sources import parse_sources
from aver.server.application import Application

HANDBOOK = Path(__file__).resolve().parents[1] / "demo" / "northwind-press" / "handbook"
QUESTIONS = (
    "How many days of leave carry over?",
    "Who approves expenses above the limit?",
    "How long is parental leave?",
    "What must be done before a book goes to print?",
)
LIMIT = 0.10
ROUND = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=300)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(measure(Path(folder), options.turns))
    if options.json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        print(f"{name:>24} {value}")


async def measure(folder: Path, turns: int) -> dict[str, Any]:
    receiving, address = receiver()
    clocks = Clocks()
    settings = TelemetrySettings(endpoint=address, interval=1.0)
    watched = opened(folder / "watched", settings)
    plain = opened(folder / "plain", TelemetrySettings())
    plain.telemetry.watch = lambda _tenant, _seen: None  # type: ignore[method-assign] - as if there were none
    spent: dict[str, list[float]] = {"watched": [], "plain": []}
    try:
        with clocks.attached():
            for application in (watched, plain):
                prepare(application)
                for question in QUESTIONS * 3:  # what is loaded at first use is nobody's cost
                    await ask(application, question)
            gc.collect()
            for _ in range(max(1, turns // ROUND)):
                for name, application in (("watched", watched), ("plain", plain)):
                    began = time.process_time()
                    clocks.counting = name == "watched"
                    for number in range(ROUND):
                        await ask(application, QUESTIONS[number % len(QUESTIONS)])
                    await asyncio.to_thread(application.telemetry.measured, "bench")
                    spent[name].append((time.process_time() - began) / ROUND)
            clocks.counting = True
            await asyncio.to_thread(watched.telemetry.close)  # what waited is paid for by the turns, too
    finally:
        for application in (watched, plain):
            await application.aclose()
            application.close()
        receiving.kill()
    rounds = len(spent["watched"])
    total = sum(spent["watched"]) * ROUND
    evidence, telemetry = clocks.evidence / total, (clocks.threads + clocks.handing) / total
    return {
        "turns": rounds * ROUND,
        "turn_cpu_ms": round(1e3 * total / rounds / ROUND, 2),
        "evidence_cpu_ms": round(1e3 * clocks.evidence / rounds / ROUND, 3),
        "telemetry_cpu_ms": round(1e3 * (clocks.threads + clocks.handing) / rounds / ROUND, 3),
        "handing_over_us": round(1e6 * clocks.handing / rounds / ROUND, 1),
        "evidence_share": round(evidence, 4),
        "telemetry_share": round(telemetry, 4),
        "share": round(evidence + telemetry, 4),
        "on_off": round(statistics.median(map(ratio, spent["watched"], spent["plain"])), 3),
        "limit": LIMIT,
        "ok": evidence + telemetry <= LIMIT,
    }


def ratio(one: float, other: float) -> float:
    return one / other


def opened(data: Path, telemetry: TelemetrySettings) -> Application:
    application = Application(Settings(data=data, telemetry=telemetry))
    application.store.create_tenant("bench")
    return application


def prepare(application: Application) -> None:
    sources = application.tenant("bench").sources
    sources.declare(parse_sources(f"sources: {{handbook: {{kind: folder, path: '{HANDBOOK}'}}}}", "bench"))
    sources.follow("handbook")


async def ask(application: Application, question: str) -> None:
    services = application.tenant("bench")
    answer = await services.assistant.ask(services.principal("ann"), question)
    assert answer.turn


class Clocks:
    """CPU seconds by the thread that spends them, while ``counting``."""

    def __init__(self) -> None:
        self.counting = False
        self.evidence = self.handing = self.threads = 0.0
        self._lock = threading.Lock()

    def attached(self) -> _Attached:
        return _Attached(self)

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def clocked(*given: Any, **named: Any) -> Any:
            began = time.thread_time()
            try:
                return work(*given, **named)
            finally:
                took = time.thread_time() - began
                if self.counting:
                    with self._lock:
                        setattr(self, name, getattr(self, name) + took)

        return clocked


class _Attached:
    """The clocks at what they are to time: everything that the ledger does within a turn, and the whole work of telemetry's threads."""

    def __init__(self, clocks: Clocks) -> None:
        self._places: Sequence[tuple[type, str, str]] = (
            (Ledger, "append_all", "evidence"),
            (Telemetry, "watch", "handing"),
            (Telemetry, "_look", "threads"),
            (Exporter, "_send", "threads"),
        )
        self._clocks = clocks
        self._before = [getattr(kind, name) for kind, name, _ in self._places]

    def __enter__(self) -> None:
        for kind, name, clock in self._places:
            setattr(kind, name, self._clocks.timed(clock, getattr(kind, name)))

    def __exit__(self, *_: object) -> None:
        for (kind, name, _), before in zip(self._places, self._before, strict=True):
            setattr(kind, name, before)


def receiver() -> tuple[Any, str]:
    """A process that takes whatever is sent to it, and its address."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=take, args=(theirs,), daemon=True)
    process.start()
    return process, f"http://127.0.0.1:{ours.recv()}"


def take(told: Connection) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    told.send(server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
