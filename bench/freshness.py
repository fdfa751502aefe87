"""From the call that deletes a document to nobody being shown it, while questions come and another process ingests without a pause.

Each deleted document is one that a search of its own finds. From the moment that ``delete`` is called, searches for it follow one
another until one does not find it and its text cannot be read. Questions are searches with the built-in model, each embedded,
``--rate`` of them a second whether or not those before are answered; ``answered_per_second`` is what the machine kept up with.

    python bench/freshness.py --json [--deletions 100] [--rate 50] [--engine lancedb|pgvector] [--database-url URL]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from scaffold import DATA, Texts, jsonl, say

from aver.core import Principal, SystemClock
from aver.core.errors import NotFound
from aver.evidence import Ledger
from aver.gateway.adapters.minilm import MiniLM
from aver.knowledge import AccessList, Knowledge
from aver.store import Store

DOCUMENTS = 1000
CHANGING = 60
WATCHERS = 4


def opened(data: Path, models: Path, engine: str, url: str | None) -> Knowledge:
    store = Store(data, url)
    if not store.tenants():
        store.create_tenant("bench")
    tenant, clock = store.tenant("bench"), SystemClock()
    index = None
    if engine == "pgvector":
        from aver.knowledge.adapters.pgvector import PgvectorIndex

        index = PgvectorIndex(tenant)
    return Knowledge(tenant, Ledger(tenant, clock), MiniLM(models), clock, index=index)


def ingest_for_ever(where: tuple, texts: list[str], stop) -> None:
    knowledge, edition = opened(*where), 0
    while not stop.is_set():
        edition += 1
        pages = [(f"moving-{n}.md", f"Moving {n}", f"Edition {edition}. {texts[n]}") for n in range(CHANGING)]
        knowledge.ingest(Texts("moving", pages), AccessList.everyone())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deletions", type=int, default=100)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--engine", choices=["lancedb", "pgvector"], default="lancedb")
    parser.add_argument("--database-url")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aver-bench-") as folder:
        where = (Path(folder) / "data", Path(folder) / "models", arguments.engine, arguments.database_url)
        result = measure(where, arguments.deletions, arguments.rate)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


def measure(where: tuple, deletions: int, rate: float) -> dict:
    rows = jsonl(DATA / "scifact" / "corpus.jsonl")[: DOCUMENTS + CHANGING]
    queries = [row["text"] for row in jsonl(DATA / "scifact" / "queries.jsonl")]
    texts = [row["text"][:600] for row in rows]
    pages = [(f"page-{n}.md", f"Page zq{n}x", f"{texts[n]} This is zq{n}x.") for n in range(DOCUMENTS)]
    knowledge = opened(*where)
    say(f"ingesting {DOCUMENTS} documents")
    knowledge.ingest(Texts("still", pages), AccessList.everyone())
    user = Principal(knowledge._store.tenant.id, "ada")
    stop = threading.Event()
    processes = multiprocessing.get_context("spawn")
    ended = processes.Event()
    ingesting = processes.Process(target=ingest_for_ever, args=(where, texts[DOCUMENTS:], ended))
    ingesting.start()
    asked: list[float] = []
    asking = threading.Thread(target=ask_for_ever, args=(knowledge, user, queries, rate, stop, asked))
    asking.start()
    time.sleep(5)
    ids = {document.title: document.id for document in knowledge.documents(user)}
    say(f"deleting {deletions} of them")
    started, answered = time.perf_counter(), len(asked)
    times, returned = [], []
    for number in random.Random(3).sample(range(DOCUMENTS), deletions):
        gone, back = delete(knowledge, user, f"zq{number}x", ids[f"Page zq{number}x"])
        times.append(gone)
        returned.append(back)
    seconds, answered = time.perf_counter() - started, len(asked) - answered
    stop.set()
    ended.set()
    asking.join()
    ingesting.join()
    verified = knowledge.index.verify()
    return {
        "deletions": len(times),
        "invisible_p50_ms": _ms(times, 50),
        "invisible_p99_ms": _ms(times, 99),
        "invisible_max_ms": _ms(times, 100),
        "returned_p50_ms": _ms(returned, 50),
        "question_p50_ms": round(statistics.median(asked) * 1000, 1),
        "asked_per_second": rate,
        "answered_per_second": round(answered / seconds, 1),
        "documents_ingested_per_second": round(_ingested(knowledge) / seconds, 1),
        "problems": list(verified.problems),
    }


def ask_for_ever(knowledge: Knowledge, user: Principal, queries: list[str], rate: float, stop, asked: list) -> None:
    def ask(query: str) -> None:
        started = time.perf_counter()
        knowledge.search(user, query)
        asked.append(time.perf_counter() - started)

    with ThreadPoolExecutor(WATCHERS) as pool:
        waiting, number, due = [], 0, time.perf_counter()
        while not stop.is_set():
            waiting = [each for each in waiting if not each.done()]
            if len(waiting) < 4 * WATCHERS:  # what the machine cannot answer is not piled up
                waiting.append(pool.submit(ask, queries[number % len(queries)]))
            number, due = number + 1, due + 1 / rate
            time.sleep(max(0, due - time.perf_counter()))


def delete(knowledge: Knowledge, user: Principal, word: str, document: str) -> tuple[float, float]:
    """Seconds until it is invisible, and until the call comes back."""
    assert document in {hit.document for hit in knowledge.search(user, word)}
    back: list[float] = []
    started = time.perf_counter()

    def call() -> None:
        knowledge.delete(user, document)
        back.append(time.perf_counter() - started)

    deleting = threading.Thread(target=call)
    deleting.start()
    while visible(knowledge, user, word, document):
        pass
    gone = time.perf_counter() - started
    deleting.join()
    return gone, back[0]


def visible(knowledge: Knowledge, user: Principal, word: str, document: str) -> bool:
    if document in {hit.document for hit in knowledge.search(user, word)}:
        return True
    try:
        knowledge.document(user, document)
    except NotFound:
        return False
    return True


def _ingested(knowledge: Knowledge) -> int:
    """Versions of the documents that move."""
    from sqlalchemy import func, select

    from aver.knowledge.store import documents

    with knowledge._store.read() as tx:
        return int(tx.scalar(select(func.sum(documents.c.version)).where(documents.c.source == "moving")) or 0)


def _ms(times: list[float], percent: int) -> float:
    return round(float(np.percentile(times, percent)) * 1000, 1)


if __name__ == "__main__":
    main()
