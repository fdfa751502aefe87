"""Retrieval quality on SciFact, through the real ingest and search: nDCG@10 of words, of vectors, and of both.

Documents are split into passages as any document is; a document ranks by its best passage. To know: BM25 .679 (Thakur et
al., 2021, BEIR), all-MiniLM-L6-v2 .645 (its model card).
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from scaffold import DATA, Installation, Texts, installation, jsonl, say

from aver.knowledge import AccessList
from aver.knowledge.ingest import document_id
from aver.knowledge.lexical import analyze, bm25
from aver.knowledge.search import MOST_HITS, _cosines, _telling

DEPTH = 10


def ndcg(ranking: Sequence[str], relevance: Mapping[str, int]) -> float:
    """nDCG@10 with linear gain, as trec_eval computes it (Järvelin and Kekäläinen, 2002)."""
    gained = sum(relevance.get(document, 0) / math.log2(rank + 2) for rank, document in enumerate(ranking[:DEPTH]))
    best = sorted(relevance.values(), reverse=True)[:DEPTH]
    return gained / sum(gain / math.log2(rank + 2) for rank, gain in enumerate(best))


def rankings(bench: Installation, query: str) -> dict[str, list[str]]:
    """Documents, best first, by each half alone and by the search itself."""
    searcher = bench.knowledge._searcher
    view = searcher._look(bench.principal, Counter(analyze(query)), "")
    vector = bench.embedder.embed([query])[0]
    wanted = _telling(Counter(analyze(query)), view.statistics)
    telling = {term: weight * view.statistics.idf(term) for term, weight in wanted.items()}
    found = bench.knowledge._index.search(view.version, view.acls, view.statistics.passages, vector, telling)
    documents = [place.document for place in found.places]
    halves = {"bm25": bm25(wanted, found.terms, view.statistics), "dense": _cosines(found.vectors, vector)}
    ranked = {name: [documents[row] for row in (-scores).argsort(kind="stable")] for name, scores in halves.items()}
    ranked["hybrid"] = [hit.document for hit in bench.knowledge.search(bench.principal, query, MOST_HITS)]
    return {name: list(dict.fromkeys(ranking)) for name, ranking in ranked.items()}


def scifact() -> dict[str, float]:
    folder = DATA / "scifact"
    corpus = [(row["_id"], row["title"], row["text"]) for row in jsonl(folder / "corpus.jsonl")]
    queries = {row["_id"]: row["text"] for row in jsonl(folder / "queries.jsonl")}
    judged: dict[str, dict[str, int]] = defaultdict(dict)
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, gain = line.split("\t")
        judged[query][document_id("scifact", f"{document}.md")] = int(gain)
    with installation() as bench:
        source = Texts("scifact", [(f"{name}.md", title, text) for name, title, text in corpus])

        def progress(done: int, total: int, _path: str) -> None:
            if done % 500 == 0:
                say(f"ingested {done} of {total}")

        report = bench.knowledge.ingest(source, AccessList.everyone(), progress=progress)
        say(
            f"{report.added} documents, {report.passages} passages, {len(report.failed)} failed, {report.seconds:.0f} s"
        )
        scores: dict[str, list[float]] = defaultdict(list)
        for query, relevance in judged.items():
            for name, ranking in rankings(bench, queries[query]).items():
                scores[name].append(ndcg(ranking, relevance))
    return {name: round(sum(values) / len(values), 4) for name, values in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    result = {"scifact": scifact()}
    print(json.dumps(result) if arguments.json else "\n".join(f"{k}: {v}" for k, v in result["scifact"].items()))


if __name__ == "__main__":
    main()
