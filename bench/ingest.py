"""How much of the embedder's own speed an ingest keeps, and what an ingest of unchanged documents costs.

``throughput_ratio``: passages a second of a first ingest of the newest 18F handbook, over those of the bare embedder given the same
texts in one call, taken turn and turn about; the median of the pairs. ``unchanged_ratio``: the time of a second, unchanged ingest over
that of the first.

    python bench/ingest.py --json [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

from scaffold import DATA, installation, say

from aver.knowledge import AccessList, FolderSource
from aver.knowledge.parsers import Parsers
from aver.knowledge.preparation import Prepared, embedded_text, prepare


def measure(folder: str) -> dict[str, float]:
    source = FolderSource(DATA / folder, "handbook")
    with installation() as bench, Parsers() as parsers:
        texts = [
            embedded_text(prepared.title, chunk.section, prepared.text[chunk.start : chunk.end], chunk.header)
            for prepared in prepare(source, source.items(), {}, parsers)
            if isinstance(prepared, Prepared)
            for chunk in prepared.chunks
        ]
        started = time.perf_counter()
        bench.embedder.embed(texts)
        bare = time.perf_counter() - started
        started = time.perf_counter()
        report = bench.knowledge.ingest(source, AccessList.everyone())
        first = time.perf_counter() - started
        assert report.passages == len(texts), report
        started = time.perf_counter()
        report = bench.knowledge.ingest(source, AccessList.everyone())
        second = time.perf_counter() - started
        assert report.unchanged, report
        assert not report.added, report
    say(f"{len(texts)} passages: bare {bare:.1f} s, first ingest {first:.1f} s, second {second:.3f} s")
    return {"passages": len(texts), "bare": bare, "first": first, "second": second}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    rounds = [measure("handbook-18f/2025-02-27") for _ in range(arguments.rounds)]
    result = {
        "passages": rounds[0]["passages"],
        "passages_per_second": round(statistics.median(r["passages"] / r["first"] for r in rounds), 1),
        "throughput_ratio": round(statistics.median(r["bare"] / r["first"] for r in rounds), 3),
        "unchanged_ratio": round(statistics.median(r["second"] / r["first"] for r in rounds), 4),
    }
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
