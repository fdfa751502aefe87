"""How often the extractive model answers, and how often it rightly holds back.

For each question of XQuAD and ClapNQ (folders under ``--data``) the seven nearest passages of the set are searched, by words and
vectors in equal parts, once with the passage that answers (put last when the search misses it) and once without.

``answered``: share that get any sentence. ``right``: share whose sentences hold the answer (XQuAD) or one that people chose
(ClapNQ). ``p50_ms``: choosing the sentences, model warm.

    python bench/extractive.py --data shared/data --json [--every 5]
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aver.gateway.adapters import extractive
from aver.gateway.adapters.extractive_scoring import score
from aver.gateway.adapters.minilm import MiniLM
from aver.gateway.types import Passage

NEAREST = 7


@dataclass(frozen=True)
class Asked:
    """``home`` is the position of the passage it was asked about; ``answers`` is empty when that does not answer it."""

    question: str
    answers: tuple[str, ...]
    home: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="take every Nth question")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        embedder = MiniLM(Path(folder))
        result = {
            name: measure(embedder, *read(options.data / name), options.every)
            for name, read in (("xquad", xquad), ("clapnq", clapnq))
        }
    print(json.dumps(result, indent=None if options.json else 2))


def measure(
    embedder: MiniLM, passages: list[tuple[str, str]], asked: list[Asked], every: int
) -> dict[str, dict[str, float]]:
    """Figures for questions whose answer is there, is not there, and (ClapNQ) whose own passage does not answer."""
    search = Search(embedder, passages)
    tallies: dict[str, list[tuple[int, bool, float]]] = {}
    for each in asked[::every]:
        order = search.order(each.question)
        there = order[:NEAREST] if each.home in order[:NEAREST] else [*order[: NEAREST - 1], each.home]
        away = [place for place in order if place != each.home][:NEAREST]
        for kind, places in (("answerable" if each.answers else "unanswerable", there), ("passage_removed", away)):
            start = time.perf_counter()
            sentences = write(embedder, each.question, [passages[place] for place in places])
            right = any(overlaps(answer, sentence) for answer in each.answers for sentence in sentences)
            tallies.setdefault(kind, []).append((len(sentences), right, time.perf_counter() - start))
    return {kind: summary(rows, with_right=kind == "answerable") for kind, rows in tallies.items()}


def summary(rows: list[tuple[int, bool, float]], *, with_right: bool) -> dict[str, float]:
    counts = [count for count, _, _ in rows if count]
    figures = {"questions": len(rows), "answered": round(len(counts) / len(rows), 3)}
    if with_right:
        figures["right"] = round(sum(right for _, right, _ in rows) / len(rows), 3)
    figures["sentences"] = round(statistics.mean(counts), 2) if counts else 0
    figures["p50_ms"] = round(statistics.median(seconds for _, _, seconds in rows) * 1000, 1)
    return figures


def write(embedder: MiniLM, question: str, found: list[tuple[str, str]]) -> list[str]:
    passages = [Passage(number, title, text) for number, (title, text) in enumerate(found, 1)]
    scored = score(question, passages, embedder)
    if scored is None or scored.odds < extractive._LEAST_ODDS:
        return []
    return [candidate.text for candidate in extractive.choose(scored)]


def overlaps(answer: str, sentence: str) -> bool:
    return answer in sentence or (len(sentence) > 20 and sentence in answer)


def xquad(folder: Path) -> tuple[list[tuple[str, str]], list[Asked]]:
    articles = json.loads((folder / "xquad.en.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    asked = [
        Asked(question["question"], (question["answers"][0]["text"],), home)
        for home, paragraph in enumerate(paragraphs)
        for question in paragraph["qas"]
    ]
    return [("", paragraph["context"]) for paragraph in paragraphs], asked


def clapnq(folder: Path) -> tuple[list[tuple[str, str]], list[Asked]]:
    rows = [
        json.loads(line)
        for name in ("answerable", "unanswerable")
        for line in (folder / f"dev_{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    passages = [(row["passages"][0]["title"], row["passages"][0]["text"]) for row in rows]
    return passages, [Asked(row["input"], tuple(chosen(row)), home) for home, row in enumerate(rows)]


def chosen(row: dict) -> Iterator[str]:
    for output in row["output"]:
        yield from output.get("selected_sentences", ()) if output.get("answer") else ()


class Search:
    """BM25 and vectors, each scaled to [0, 1], summed."""

    def __init__(self, embedder: MiniLM, passages: list[tuple[str, str]]) -> None:
        self.embedder = embedder
        self.vectors = embedder.embed([text for _, text in passages])
        self.counts = [Counter(re.findall(r"\w+", text.lower())) for _, text in passages]
        self.lengths = np.array([sum(count.values()) for count in self.counts])
        self.seen = Counter(word for count in self.counts for word in count)

    def order(self, question: str) -> list[int]:
        words = np.zeros(len(self.counts))
        for word in set(re.findall(r"\w+", question.lower())) & set(self.seen):
            weight = math.log(1 + (len(self.counts) - self.seen[word] + 0.5) / (self.seen[word] + 0.5))
            times = np.array([count[word] for count in self.counts])
            words += weight * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * self.lengths / self.lengths.mean()))
        cosines = self.vectors @ self.embedder.embed([question])[0]
        return np.argsort(-(scaled(words) + scaled(cosines))).tolist()


def scaled(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (np.ptp(values) or 1)


if __name__ == "__main__":
    main()
