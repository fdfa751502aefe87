"""Retrieval quality through the real ingest and search: nDCG@10 of words, of vectors, and of both.

SciFact is a retrieval benchmark; to know: BM25 .679 (Thakur et al., 2021, BEIR), all-MiniLM-L6-v2 .645 (its model card). In XQuAD and
ClapNQ each question is to find the paragraph it was asked about, among all of the set. Documents are split into passages as any
document is; a document ranks by its best passage.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from scaffold import DATA, Installation, Texts, installation, jsonl, say

from aver.evals.scorers.ranking import ndcg
from aver.knowledge import AccessList
from aver.knowledge.ingest import document_id
from aver.knowledge.lexical import analyze, bm25
from aver.knowledge.scope import EVERYTHING
from aver.knowledge.search import MOST_HITS, _cosines, _telling

DEPTH = 10


class Collection(NamedTuple):
    """Documents (id, title, text), and for each query the documents that answer it, with their gain."""

    name: str
    corpus: list[tuple[str, str, str]]
    judged: Mapping[str, Mapping[str, int]]


def rankings(bench: Installation, query: str) -> dict[str, list[str]]:
    """Documents, best first, by each half alone and by the search itself."""
    searcher = bench.knowledge._searcher
    view = searcher._look(bench.principal, Counter(analyze(query)), EVERYTHING, "")
    vector = bench.embedder.embed([query])[0]
    wanted = _telling(Counter(analyze(query)), view.statistics)
    telling = {term: weight * view.statistics.idf(term) for term, weight in wanted.items()}
    found = bench.knowledge._index.search(view.version, view.acls, view.statistics.passages, vector, telling)
    documents = [place.document for place in found.places]
    halves = {"bm25": bm25(wanted, found.terms, view.statistics), "dense": _cosines(found.vectors, vector)}
    ranked = {name: [documents[row] for row in (-scores).argsort(kind="stable")] for name, scores in halves.items()}
    ranked["hybrid"] = [hit.document for hit in bench.knowledge.search(bench.principal, query, MOST_HITS)]
    return {name: list(dict.fromkeys(ranking)) for name, ranking in ranked.items()}


def scifact() -> Collection:
    folder = DATA / "scifact"
    corpus = [(row["_id"], row["title"], row["text"]) for row in jsonl(folder / "corpus.jsonl")]
    queries = {row["_id"]: row["text"] for row in jsonl(folder / "queries.jsonl")}
    judged: dict[str, dict[str, int]] = defaultdict(dict)
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, gain = line.split("\t")
        judged[queries[query]][document] = int(gain)
    return Collection("scifact", corpus, judged)


def xquad() -> Collection:
    articles = json.loads((DATA / "xquad" / "xquad.en.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    corpus = [(str(number), f"Paragraph {number}", each["context"]) for number, each in enumerate(paragraphs)]
    judged = {asked["question"]: {str(number): 1} for number, each in enumerate(paragraphs) for asked in each["qas"]}
    return Collection("xquad", corpus, judged)


def clapnq() -> Collection:
    rows = [row for name in ("answerable", "unanswerable") for row in jsonl(DATA / "clapnq" / f"dev_{name}.jsonl")]
    corpus = [(row["id"], row["passages"][0]["title"], row["passages"][0]["text"]) for row in rows]
    return Collection("clapnq", corpus, {row["input"]: {row["id"]: 1} for row in rows})


def measured(collection: Collection) -> dict[str, float]:
    name = collection.name
    with installation() as bench:
        source = Texts(name, [(f"{document}.md", title, text) for document, title, text in collection.corpus])

        def progress(done: int, total: int, _path: str) -> None:
            if done % 500 == 0:
                say(f"{name}: ingested {done} of {total}")

        report = bench.knowledge.ingest(source, AccessList.everyone(), progress=progress)
        say(
            f"{report.added} documents, {report.passages} passages, {len(report.failed)} failed, {report.seconds:.0f} s"
        )
        scores: dict[str, list[float]] = defaultdict(list)
        for query, gains in collection.judged.items():
            relevance = {document_id(name, f"{document}.md"): gain for document, gain in gains.items()}
            for kind, ranking in rankings(bench, query).items():
                scores[kind].append(ndcg(ranking, relevance, DEPTH))
    return {kind: round(sum(values) / len(values), 4) for kind, values in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--sets", nargs="+", choices=tuple(_SETS), default=list(_SETS), help="which collections")
    arguments = parser.parse_args()
    result = {name: measured(_SETS[name]()) for name in arguments.sets}
    print(json.dumps(result, indent=None if arguments.json else 2))


_SETS = {"scifact": scifact, "xquad": xquad, "clapnq": clapnq}


if __name__ == "__main__":
    main()
