"""How quick the console's pages are with a million turns: each page, and the page of turns under every filter and pairs of them.

``python bench/console.py --json [--turns 1000000] [--data DIR]``. It writes the evidence of generated turns to the chain of a new installation, has them counted and indexed, serves
it with ``aver serve`` in another process, and asks each address as a signed-in browser does. ``--data`` keeps the installation there, and takes it as it is the next time.

A page may take 200 ms at p95 and 150 KB. Beside the pages of turns stands what SQLite takes for the same rows: read by their numbers, and found, counted and sorted without the index.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from scaffold import say
from scaffold.traffic import TENANT, write_traffic

from aver.core import SystemClock
from aver.core.settings import Settings
from aver.ops.reading import EvidenceReader
from aver.server.application import Application
from aver.server.console.rooms import ROOMS
from aver.store import Store

P95_MS, PAGE_KB = 200.0, 150.0
PAGES: tuple[str, ...] = (*(room.address for room in ROOMS), "/approvals", "/turns/{turn}")
"""The addresses that are asked, those of every room among them; others are added here."""
FILTERS: dict[str, str] = {
    "feature": "desk",
    "release": "4444",
    "arm": "candidate",
    "outcome": "failed",
    "model": "large",
    "provider": "two",
    "tool": "mail",
    "key": "key_generated03",
    "check": "personal",
    "unsupported": "1",
    "denied": "1",
    "feedback": "bad",
    "since": "7d",
    "until": "3d",
}
SORTS = ("newest", "cost", "latency")
TRIPLES = 40


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=100_000, help="turns that are written")
    parser.add_argument("--rounds", type=int, default=5, help="how often each address is asked")
    parser.add_argument("--data", type=Path, help="a data directory to keep")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = measure(given.data or Path(folder) / "data", given.turns, given.rounds)
    if given.json:
        print(json.dumps(report))
        return 0
    for name, figures in report.items():
        print(name, json.dumps(figures))
    return 0


def measure(data: Path, turns: int, rounds: int) -> dict[str, Any]:
    report: dict[str, Any] = {"turns": turns}
    if not data.exists():
        report["written_s"] = written(data, turns)
    report["read_s"] = read(data)
    with served(data) as browser:
        pages = {address: asked(browser, address, rounds) for address in expanded(browser)}
        filters = {address: asked(browser, address, rounds) for address in filtered()}
    report["pages"] = pages
    report["filters"] = summary(filters)
    report["worst_filters"] = sorted(
        ({"address": address, **figures} for address, figures in filters.items()), key=lambda each: -each["p95_ms"]
    )[:5]
    every = [*pages.values(), *filters.values()]
    report["all"] = summary({**pages, **filters})
    report["beside"] = beside(data, filters)
    report["within"] = {
        "p95_ms": all(each["p95_ms"] <= P95_MS for each in every),
        "kb": all(each["kb"] <= PAGE_KB for each in every),
        "status": all(each["status"] == 200 for each in every),
    }
    return report


def written(data: Path, turns: int) -> float:
    began = time.perf_counter()
    for count in write_traffic(data, turns):
        if count % 50_000 == 0:
            say(f"{count:,} turns written, {time.perf_counter() - began:.0f} s")
    return round(time.perf_counter() - began, 1)


def read(data: Path) -> float:
    """Seconds of the pass that counts evidence and fills the index."""
    store = Store(data)
    reader = EvidenceReader(store.tenant(TENANT), SystemClock())
    began = time.perf_counter()
    reader.catch_up()
    took = time.perf_counter() - began
    store.close()
    say(f"read in {took:.0f} s")
    return round(took, 1)


class Browser:
    """One connection, signed in."""

    def __init__(self, address: str, key: str) -> None:
        place = urlsplit(address)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=120)
        self._headers: dict[str, str] = {}
        form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        self._connection.request("POST", "/sign-in", urlencode({"key": key}), form)
        response = self._connection.getresponse()
        response.read()
        self._headers = {"Cookie": (response.getheader("set-cookie") or "").partition(";")[0]}

    def get(self, address: str) -> tuple[int, bytes]:
        self._connection.request("GET", address, headers=self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()


@contextmanager
def served(data: Path) -> Iterator[Browser]:
    application = Application(Settings(data=data))
    key = application.create_key(TENANT, "bench", [], ["owner"])[1]
    application.close()
    command = [sys.executable, "-m", "aver", "--data", str(data), "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            said = ""
            while "}" not in said:
                said += process.stdout.readline()
            browser = Browser(json.loads(said)["address"], key)
            time.sleep(3)  # what is loaded beside serving is no page's
            yield browser
        finally:
            process.terminate()
            process.wait(60)


def expanded(browser: Browser) -> list[str]:
    _, body = browser.get("/turns?feature=desk&denied=1")
    turn = re.search(r"/turns/(turn_\w+)", body.decode())
    return [address.format(turn=turn[1] if turn else "none") for address in PAGES]


def filtered() -> Iterator[str]:
    """Every filter alone and in pairs, some in threes, in each order; and pages far behind the first."""
    several: list[Sequence[str]] = [(), *itertools.combinations(FILTERS, 1), *itertools.combinations(FILTERS, 2)]
    draw = random.Random(1)
    several += draw.sample(list(itertools.combinations(FILTERS, 3)), TRIPLES)
    for place, names in enumerate(several):
        sorts = SORTS if len(names) < 2 else (SORTS[place % 3],)
        for sort in sorts:
            yield "/turns?" + urlencode({**{name: FILTERS[name] for name in names}, "sort": sort})
    yield "/turns?after=1000"
    yield "/turns?sort=cost&after=1000000.5000"


def asked(browser: Browser, address: str, rounds: int) -> dict[str, Any]:
    """The first time is told by itself: it may be that which compiles a template."""
    took, status, size = [], 0, 0
    for _ in range(rounds + 1):
        began = time.perf_counter()
        status, body = browser.get(address)
        took.append((time.perf_counter() - began) * 1000)
        size = max(size, len(body))
    first, took = took[0], took[1:]
    return {
        "first_ms": round(first, 1),
        "p50_ms": round(statistics.median(took), 1),
        "p95_ms": round(sorted(took)[min(len(took) - 1, int(0.95 * len(took)))], 1),
        "max_ms": round(max(took), 1),
        "kb": round(size / 1000, 1),
        "status": status,
    }


def summary(several: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Over addresses: the median, the 95th percentile and the most of their slow ends."""
    slow = sorted(each["p95_ms"] for each in several.values())
    return {
        "addresses": len(slow),
        "p50_ms": round(statistics.median(each["p50_ms"] for each in several.values()), 1),
        "p95_ms": slow[min(len(slow) - 1, int(0.95 * len(slow)))],
        "max_ms": max(each["max_ms"] for each in several.values()),
        "kb": max(each["kb"] for each in several.values()),
    }


def beside(data: Path, filters: dict[str, dict[str, Any]]) -> dict[str, float]:
    """What SQLite takes for the rows of a page: read by their numbers, and found and counted without the index."""
    (file,) = (data / "tenants").glob("*/tenant.db")
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)

    def median(*queries: str) -> float:
        took = []
        for _ in range(9):
            began = time.perf_counter()
            for query in queries:
                database.execute(query).fetchall()
            took.append((time.perf_counter() - began) * 1000)
        return statistics.median(took)

    last = database.execute("SELECT max(n) FROM ops_turns").fetchone()[0] or 0
    rows = median(f"SELECT * FROM ops_turns WHERE n IN ({','.join(str(last - 7 * each) for each in range(50))})")
    where = "WHERE feature = 'desk' AND outcome = 'failed'"
    scan = median(
        f"SELECT * FROM ops_turns {where} ORDER BY nano DESC LIMIT 50", f"SELECT count(*) FROM ops_turns {where}"
    )
    page = statistics.median(each["p50_ms"] for each in filters.values())
    return {
        "select_ms": round(rows, 2),
        "scan_ms": round(scan, 1),
        "page_to_select": round(page / rows, 1),
        "page_to_scan": round(page / scan, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
