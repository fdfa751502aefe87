"""What a hit of the cache costs, beside the two steps it cannot do without: one row read by key, and one question embedded.

Milliseconds, medians over ``--times`` rounds, on SQLite with ``--entries`` answers kept; an exact hit, a semantic hit and a miss.

    python bench/cache_cost.py --json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import select

from aver.core import Principal, SystemClock
from aver.gateway.adapters.minilm import MiniLM
from aver.gateway.cache import TenantCache
from aver.gateway.cache.store import cached_answers
from aver.gateway.calls import Call
from aver.gateway.config.types import CachePolicy
from aver.gateway.types import ChatRequest, Completion, Message, Text
from aver.store import Store

POLICY = CachePolicy(3600, 3600, wrong=1.0, shadow=0.0)


async def measure(folder: Path, times: int, entries: int) -> dict[str, float]:
    store = Store(folder)
    store.create_tenant("acme")
    tenant = store.tenant("acme")
    embedder = MiniLM(Path(os.environ.get("AVER_DATA", tempfile.gettempdir())) / "models")
    cache = TenantCache(tenant, lambda: embedder, lambda _who, _documents: True, SystemClock())

    def call(question: str) -> Call:
        chat = ChatRequest((Message("system", "Be brief. " * 50), Message("user", question)))
        return Call(Principal(tenant.tenant.id, "ada"), "m", lambda _call, _record: None, lambda: chat)

    completion = Completion((Text("An answer of some length. " * 20),), "stop")
    for number in range(entries):
        await cache.keep(call(f"How do I reset router number {number}?"), "r", POLICY, completion)
    spent: dict[str, list[float]] = {"row": [], "embedding": [], "exact": [], "semantic": [], "miss": []}
    for number in range(times):
        of = number % entries
        began = time.perf_counter()
        with tenant.read() as tx:
            tx.execute(select(cached_answers).where(cached_answers.c.exact == str(number))).all()
        spent["row"].append(time.perf_counter() - began)
        began = time.perf_counter()
        embedder.embed([f"How can I reset router number {of}?"])
        spent["embedding"].append(time.perf_counter() - began)
        for verdict, question in (
            ("exact", f"How do I reset router number {of}?"),
            ("semantic", f"How can I reset the router number {of}?"),
            ("miss", f"Who resets router number {of}?"),
        ):
            asked = call(question)
            began = time.perf_counter()
            found = await cache.find(asked, "r", POLICY)
            spent[verdict].append(time.perf_counter() - began)
            assert found.verdict == verdict, (found.verdict, question)
    store.close()
    return {name: round(1000 * statistics.median(seconds), 3) for name, seconds in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--entries", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measure(Path(folder), options.times, options.entries))
    print(json.dumps(result) if options.json else "\n".join(f"{name:10} {value} ms" for name, value in result.items()))


if __name__ == "__main__":
    main()
