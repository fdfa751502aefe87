"""Hybrid search over many passages, for users who may see all of them, 10 % and 1 %.

The passages are made of real sentences, so that words are as common as they are: each joins two of some thousand
stretches of text from the shared data, drawn at random. Embedding a hundred thousand passages would take ten minutes and more, so the
stretches alone are embedded, and a passage's vector is the mean of its two, with noise of a twentieth of its length. Everything
else is the real path: documents, statistics and index are written as an ingest writes them, and the searches run in a fresh
process that opens the data and nothing else. What they find is compared with an exact search, made with numpy alone, over
exactly the passages that the user may see. ``ratio_to_raw`` compares the time of a search with that of LanceDB's two queries
alone, alternating, so that a busy machine slows both. ``build`` says how long the writing took, of which ``index_s`` is the
making of the index itself, and how many bytes there are then.

    python bench/search_scale.py --json [--passages 100000] [--keep DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import math
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scaffold import DATA, jsonl, say

from aver.core import Principal, SystemClock
from aver.evidence import Ledger
from aver.gateway.adapters.minilm import MiniLM
from aver.knowledge import Knowledge, SourceItem
from aver.knowledge.adapters.lancedb_writer import LanceWriter
from aver.knowledge.changes import Put
from aver.knowledge.chunking import Chunk
from aver.knowledge.index import CANDIDATES
from aver.knowledge.ingest import document_id
from aver.knowledge.lexical import K1, B, analyze
from aver.knowledge.preparation import Prepared
from aver.knowledge.state import read_state
from aver.knowledge.statistics import intern_acl
from aver.knowledge.store import CURRENT
from aver.knowledge.traits import traits
from aver.knowledge.types import Block
from aver.knowledge.visibility import visible_acls
from aver.store import Store, TenantStore

STRETCHES = 3000
PASSAGES_A_DOCUMENT = 8
READER_SETS = 100
QUERIES = 200
ROUNDS = 3
LIMIT = 10
GROUPS = {"100%": "all", "10%": "tenth", "1%": "g0"}
USERS = {share: Principal("bench", "ada", frozenset({group})) for share, group in GROUPS.items()}
SETS = {"100%": READER_SETS, "10%": READER_SETS // 10, "1%": 1}
"""How many of the reader sets each sees: the first ones."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="write the data there, or use what an earlier run wrote"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--ask", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ask:
        print(json.dumps(ask(*map(Path, arguments.ask))))
        return
    with tempfile.TemporaryDirectory(prefix="aver-bench-") as temporary:
        folder = arguments.keep / str(arguments.passages) if arguments.keep else Path(temporary)
        result = run(arguments.passages, folder)
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


def run(passages: int, folder: Path) -> dict:
    data, models = folder / "data", folder / "models"
    folder.mkdir(parents=True, exist_ok=True)
    queries = [row["text"] for row in jsonl(DATA / "scifact" / "queries.jsonl")]
    queries += [row["input"] for row in jsonl(DATA / "clapnq" / "dev_answerable.jsonl")]
    queries = random.Random(2).sample(queries, QUERIES)
    (folder / "queries.json").write_text(json.dumps(queries))
    embedder = MiniLM(models)
    corpus = Corpus(passages, embedder, folder)
    if not (folder / "build.json").exists():
        say("writing the index")
        shutil.rmtree(data, ignore_errors=True)  # what a run that was stopped left
        (folder / "build.json").write_text(json.dumps(corpus.write(data, embedder)))
    say("asking")
    command = [sys.executable, __file__, "--ask", str(folder), str(models)]
    answered = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    say("searching exactly, for comparison")
    vectors = embedder.embed(queries)
    visible = {}
    for share, sets in SETS.items():
        exact = corpus.exact(sets, queries, vectors)
        found = [set(map(tuple, hits)) for hits in answered[share].pop("hits")]
        recalls = [len(hits & best) / len(best) for hits, best in zip(found, exact, strict=True) if best]
        visible[share] = {**answered[share], "recall_at_10": round(sum(recalls) / len(recalls), 4)}
    build = json.loads((folder / "build.json").read_text())
    return {"passages": passages, "visible": visible, "rss_mb": answered["rss_mb"], "build": build}


def ask(folder: Path, models: Path) -> dict:
    """Time every query for each user, in this process alone: with its embedding, then often with its vector known."""
    queries = json.loads((folder / "queries.json").read_text())

    class Remembering(MiniLM):
        known: dict[str, np.ndarray] = {}  # noqa: RUF012

        def embed(self, texts: list[str]) -> np.ndarray:
            return np.stack(
                [
                    self.known[text] if text in self.known else super(Remembering, self).embed([text])[0]
                    for text in texts
                ]
            )

    embedder = Remembering(models)
    store = Store(folder / "data")
    tenant = store.tenant("bench")
    knowledge = Knowledge(tenant, Ledger(tenant, SystemClock()), embedder, SystemClock())
    result: dict = {}
    for share, user in USERS.items():
        for query in queries[:20]:
            knowledge.search(user, query, LIMIT)
        timed = [_timed(lambda query, user=user: knowledge.search(user, query, LIMIT), query) for query in queries]
        result[share] = {
            "p50_with_embedding_ms": _percentile([wall for _, wall, _ in timed], 50),
            "p95_with_embedding_ms": _percentile([wall for _, wall, _ in timed], 95),
            "hits": [[(hit.document, hit.start) for hit in hits] for hits, _, _ in timed],
        }
    result["rss_mb"] = _peak_rss_mb()
    embedder.known = {query: embedder.embed([query])[0] for query in queries}
    for share, user in USERS.items():
        bare = Bare(knowledge, tenant, user, embedder.known)
        rounds = [
            _round(lambda query, user=user: knowledge.search(user, query, LIMIT), bare, queries) for _ in range(ROUNDS)
        ]
        ours, cpu, theirs = (list(itertools.chain(*figures)) for figures in zip(*rounds, strict=True))
        result[share] |= {
            "p50_ms": _percentile(ours, 50),
            "p95_ms": _percentile(ours, 95),
            "p95_ms_of_rounds": [_percentile(each, 95) for each, _, _ in rounds],
            "cpu_ms": round(sum(cpu) / len(cpu), 2),
            "raw_p50_ms": _percentile(theirs, 50),
            "raw_p95_ms": _percentile(theirs, 95),
            "ratio_to_raw": round(float(np.median(ours) / np.median(theirs)), 2),
        }
    return result


class Bare:
    """The index's two queries alone, run side by side on the same open table: no SQL, no scores, no texts."""

    def __init__(
        self, knowledge: Knowledge, tenant: TenantStore, user: Principal, vectors: dict[str, np.ndarray]
    ) -> None:
        with tenant.read() as tx:
            version = read_state(tx)[CURRENT].version
            acls = [row.acl for row in tx.execute(visible_acls(user))]
        self._table = knowledge._index.run(knowledge._index.at(version))
        self._where = f"acl IN ({', '.join(map(str, acls))})"
        self._vectors = vectors
        self._terms = {query: " ".join(dict.fromkeys(analyze(query))) for query in vectors}
        self._loop = asyncio.Runner()

    def __call__(self, query: str) -> None:
        self._loop.run(self._both(query))

    async def _both(self, query: str) -> None:
        nearest = self._table.query().nearest_to(self._vectors[query]).distance_type("dot").nprobes(2**16)
        matching = self._table.query().nearest_to_text(self._terms[query], columns=["terms"])
        both = (half.where(self._where).limit(CANDIDATES) for half in (nearest, matching))
        scores = ("_distance", "_score")
        await asyncio.gather(
            *(half.select(["passage", score]).to_arrow() for half, score in zip(both, scores, strict=True))
        )


def _round(ours: Callable, theirs: Callable, queries: list[str]) -> tuple[list[float], list[float], list[float]]:
    """Wall and processor milliseconds of every query, and the wall time of the peer; each warms no query for the other."""
    walls, cpus, peers = [], [], []
    for query, other in zip(queries, queries[len(queries) // 2 :] + queries[: len(queries) // 2], strict=True):
        _, wall, cpu = _timed(ours, query)
        walls.append(wall)
        cpus.append(cpu)
        peers.append(_timed(theirs, other)[1])
    return walls, cpus, peers


def _timed(work: Callable, query: str) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(query)
    return found, (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def _peak_rss_mb() -> int:
    # Not getrusage: its figure for a child begins with what its parent had.
    status = Path("/proc/self/status").read_text()
    return round(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024)


def _percentile(times: list[float], percent: int) -> float:
    return round(float(np.percentile(times, percent)), 2)


class Corpus:
    """Passages made of pairs of stretches. Documents are spread evenly over the reader sets."""

    def __init__(self, passages: int, embedder: MiniLM, folder: Path) -> None:
        rng, noise = random.Random(1), np.random.default_rng(1)
        self.stretches = rng.sample(_stretches(), STRETCHES)
        known = folder / "stretches.npy"
        if not known.exists():
            say(f"embedding {STRETCHES} stretches of text")
            np.save(known, embedder.embed(self.stretches))
        vectors = np.load(known)
        self.terms = [analyze(stretch) for stretch in self.stretches]
        self.pairs = np.array([rng.sample(range(STRETCHES), 2) for _ in range(passages)])
        mixed = (vectors[self.pairs[:, 0]] + vectors[self.pairs[:, 1]]) / 2
        scale = np.linalg.norm(mixed, axis=1, keepdims=True) / 20 / math.sqrt(vectors.shape[1])
        mixed += noise.standard_normal(mixed.shape, np.float32) * scale
        self.vectors = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
        self.documents = np.arange(passages) // PASSAGES_A_DOCUMENT
        self.sets = self.documents % READER_SETS
        self.keys: list[tuple[str, int]] = []
        for first in range(0, passages, PASSAGES_A_DOCUMENT):
            rows = range(first, min(first + PASSAGES_A_DOCUMENT, passages))
            self.keys += [(self.document(first), start) for start, _ in self._spans(rows)]

    def document(self, row: int) -> str:
        return document_id("bench", self._path(row))

    def _path(self, row: int) -> str:
        return f"page-{self.documents[row]}.md"

    def _texts(self, rows: range) -> list[str]:
        return ["\n".join(self.stretches[part] for part in self.pairs[row]) for row in rows]

    def _spans(self, rows: range) -> list[tuple[int, int]]:
        """Where the passages of a document stand in its text."""
        ends = np.cumsum([len(text) + 2 for text in self._texts(rows)]).tolist()
        return [(start, end - 2) for start, end in zip([0, *ends], ends, strict=False)]

    def passage_terms(self, row: int) -> list[str]:
        first, second = self.pairs[row]
        return self.terms[first] + self.terms[second]

    def write(self, data: Path, embedder: MiniLM) -> dict[str, float]:
        """As an ingest does, but for the embedding; how long it took, in seconds, and how large it is, in bytes."""
        started = time.perf_counter()
        store = Store(data)
        store.create_tenant("bench")
        tenant = store.tenant("bench")
        knowledge = Knowledge(tenant, Ledger(tenant, SystemClock()), embedder, SystemClock())
        with tenant.begin() as tx:
            acls = [
                intern_acl(tx, [f"group:g{number}", "group:all", *["group:tenth"] * (number < SETS["10%"])])
                for number in range(READER_SETS)
            ]
        changes = knowledge._changes()
        LanceWriter.keep_up = lambda _: None  # in bulk: the indexes are made once, at the end
        puts, first = [], 0
        for start in range(0, len(self.pairs), PASSAGES_A_DOCUMENT):
            rows = range(start, min(start + PASSAGES_A_DOCUMENT, len(self.pairs)))
            puts.append(self._put(rows, acls))
            if rows.stop - first >= 10_000 or rows.stop == len(self.pairs):
                changes.put(puts, self.vectors[first : rows.stop])
                say(f"wrote {rows.stop} passages in {time.perf_counter() - started:.0f} s")
                puts, first = [], rows.stop
        indexing = time.perf_counter()
        changes.tidy()
        done = time.perf_counter()
        status = knowledge.index.status()
        knowledge.close()
        store.close()
        sizes = {"index_bytes": status.bytes, "bytes": sum(f.stat().st_size for f in data.rglob("*") if f.is_file())}
        return {"write_s": round(indexing - started, 1), "index_s": round(done - indexing, 1), **sizes}

    def _put(self, rows: range, acls: list[int]) -> Put:
        path, spans = self._path(rows.start), self._spans(rows)
        item = SourceItem(path, f"bench:{path}", spans[-1][1])
        chunks = [Chunk(start, end, "") for start, end in spans]
        terms = [self.passage_terms(row) for row in rows]
        text = "\n\n".join(self._texts(rows))
        blocks = tuple(Block("paragraph", start, end) for start, end in spans)
        content = Prepared(item, "", path, text, blocks, chunks, terms, traits(text, blocks))
        return Put(self.document(rows.start), "bench", acls[self.sets[rows.start]], content)

    def exact(self, sets: int, queries: list[str], vectors: np.ndarray) -> list[set[tuple[str, int]]]:
        """The best ``LIMIT`` of all passages under the first ``sets`` reader sets, each scored, with no index."""
        rows = np.flatnonzero(self.sets < sets)
        counts = [Counter(analyze(query)) for query in queries]
        wanted = {term for count in counts for term in count}
        lengths = np.array([len(self.passage_terms(row)) for row in rows])
        held: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for place, row in enumerate(rows):
            for term, times in Counter(term for term in self.passage_terms(row) if term in wanted).items():
                held[term][0].append(place)
                held[term][1].append(times)
        norm = K1 * (1 - B + B * lengths / lengths.mean())
        visible = self.vectors[rows]
        best = []
        for count, vector in zip(counts, vectors, strict=True):
            words, most = np.zeros(len(rows)), 0.0
            for term, weight in count.items():
                if term in held:
                    places, times = (np.array(part) for part in held[term])
                    idf = math.log1p((len(rows) - len(places) + 0.5) / (len(places) + 0.5)) * weight * (K1 + 1)
                    words[places] += idf * times / (times + norm[places])
                    most += idf
            scores = (words / most if most else 0) + np.clip(visible @ vector, 0, 1)
            best.append({self.keys[rows[place]] for place in np.argsort(-scores)[:LIMIT]})
        return best


def _stretches() -> list[str]:
    """Three sentences in a row, from scientific abstracts, encyclopedia passages and two handbooks."""
    texts = [row["text"] for row in jsonl(DATA / "scifact" / "corpus.jsonl")[::2]]
    texts += [passage["text"] for row in jsonl(DATA / "clapnq" / "dev_answerable.jsonl") for passage in row["passages"]]
    for folder in ("handbook-18f", "handbook-sourcegraph"):
        texts += [path.read_text(encoding="utf-8", errors="replace") for path in sorted((DATA / folder).rglob("*.md"))]
    found = set()
    for text in texts:
        sentences = [part for part in _SENTENCE_END.split(text) if 20 < len(part) < 400]
        found |= {" ".join(sentences[at : at + 3]) for at in range(0, len(sentences) - 2, 3)}
    return sorted(found)


if __name__ == "__main__":
    main()
