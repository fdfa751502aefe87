"""How good answers are without a language model, and how well verification tells what a text says from what it does not.

``xquad``: each of 1,190 questions asked of the real assistant in extractive mode, with 240 paragraphs as documents. ``gold_in_citations``
is the share whose cited sentences hold the answer that people marked, ``abstained`` the share without an answer, ``held_back`` the share
of questions that get none once their paragraph is taken away.

``clapnq``: the log odds that a question's own passage answers it, of answerable against unanswerable ones: the area under the ROC curve.

``qags`` (Wang et al., 2020): sentences of summaries, judged by three people each; ``summedits`` (Laban et al., 2023): summaries with
small edits, supported when every sentence is. The support scorer's area under the ROC curve beside that of unigram overlap, over all
and over the half of the articles that nothing was fitted on. ``altered``: XQuAD's sentences changed by rule, and the share accepted
(all but the reordered are wrong).

    python bench/answers.py --json [--every N]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scaffold import DATA, Installation, installation, jsonl, say

from aver.agents import Answer, Assistant, Release, Released, always
from aver.agents.support import Thresholds, support
from aver.core import SystemClock
from aver.core.sentences import sentences
from aver.evals.abstention import auroc
from aver.evidence import Ledger
from aver.gateway.adapters.extractive import _LEAST_ODDS, Extractive
from aver.gateway.adapters.extractive_scoring import score
from aver.gateway.config.types import GatewayConfig
from aver.gateway.service import Gateway
from aver.gateway.types import Embedder, Passage
from aver.knowledge import AccessList, Page, SourceItem
from aver.knowledge.ingest import document_id

NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+(?: [A-Z][a-z]+)*")
FIGURE = re.compile(r"(?<![\w.,])\d{1,3}(?![\w,.]*\d)")
VERB = re.compile(r"\b(?:is|was|are|were|has|have|can|will|had|may|must)\b(?! not)")


class Paragraphs:
    """A source of plain texts."""

    name = "xquad"

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = {f"{number}.txt": text for number, text in enumerate(texts)}

    def pages(self, cursor: str) -> Iterator[Page]:  # noqa: ARG002
        yield Page(tuple(SourceItem(path, f"bench:{path}", len(text)) for path, text in self.texts.items()))

    def fetch(self, item: SourceItem) -> bytes:
        return self.texts[item.path].encode()


def paragraphs() -> list[dict[str, Any]]:
    articles = json.loads((DATA / "xquad" / "xquad.en.json").read_text(encoding="utf-8"))["data"]
    return [paragraph for article in articles for paragraph in article["paragraphs"]]


def xquad(bench: Installation, every: int) -> dict[str, float]:
    texts = paragraphs()
    bench.knowledge.ingest(Paragraphs([each["context"] for each in texts]), AccessList.everyone())
    asked = [(each, home) for home, paragraph in enumerate(texts) for each in paragraph["qas"]][::every]
    extractive = Extractive(bench.embedder)
    gateway = Gateway(GatewayConfig, last_resort=extractive)
    release = Release(model=extractive.name, embedder=bench.embedder.name)
    clock = SystemClock()
    ledger = Ledger(bench.store, clock)
    lend = always(Released(release, gateway))
    assistant = Assistant(bench.store, ledger, bench.knowledge, clock, bench.embedder, lend)

    async def answers() -> list[Answer]:
        found = []
        for number, (each, _) in enumerate(asked):
            found.append(await assistant.ask(bench.principal, each["question"]))
            if number % 200 == 0:
                say(f"asked {number} of {len(asked)}")
        return found

    given = asyncio.run(answers())
    held = 0
    for each, home in asked:
        hits = bench.knowledge.search(bench.principal, each["question"], release.passages + 3)
        away = [hit for hit in hits if hit.document != document_id("xquad", f"{home}.txt")][: release.passages]
        passages = [Passage(number, hit.title, hit.text) for number, hit in enumerate(away, 1)]
        scored = score(each["question"], passages, bench.embedder)
        held += scored is None or scored.odds < _LEAST_ODDS
    right = [
        any(gold["text"] in citation.quote for gold in each["answers"] for citation in answer.citations)
        for (each, _), answer in zip(asked, given, strict=True)
    ]
    return {
        "questions": len(asked),
        "gold_in_citations": _mean(right),
        "abstained": _mean([answer.abstained for answer in given]),
        "sentences": _mean([len(answer.sentences) for answer in given if not answer.abstained]),
        "conflicts": _mean([bool(answer.conflicts) for answer in given]),
        "held_back": held / len(asked),
    }


def clapnq(embedder: Embedder) -> dict[str, float]:
    odds: dict[str, list[float]] = {}
    for kind in ("answerable", "unanswerable"):
        odds[kind] = []
        for row in jsonl(DATA / "clapnq" / f"dev_{kind}.jsonl"):
            passage = Passage(1, row["passages"][0]["title"], row["passages"][0]["text"])
            scored = score(row["input"], [passage], embedder)
            odds[kind].append(scored.odds if scored else -np.inf)
    return {
        "auroc": auroc(odds["answerable"], odds["unanswerable"]),
        "answered": _mean([each >= _LEAST_ODDS for each in odds["answerable"]]),
        "held_back": _mean([each < _LEAST_ODDS for each in odds["unanswerable"]]),
    }


def judged() -> Iterator[tuple[str, str, list[str], str, bool]]:
    """Family, set, sentences, text, whether people find them supported."""
    for name in ("xsum", "cnndm"):
        for item in jsonl(DATA / "groundedness" / f"qags_mturk_{name}.jsonl"):
            for each in item["summary_sentences"]:
                yes = [response["response"] == "yes" for response in each["responses"]]
                yield "qags", name, [each["sentence"]], item["article"], 2 * sum(yes) > len(yes)
    for name in ("scitldr", "samsum", "sales_email"):
        for item in json.loads((DATA / "groundedness" / f"summedits_{name}.json").read_text(encoding="utf-8")):
            summary = item["summary"]
            claims = [summary[start:end] for start, end in sentences(summary)]
            yield "summedits", name, claims, item["doc"], bool(item["label"])


def grounded(embedder: Embedder, every: int) -> dict[str, dict[str, dict[str, float]]]:
    rows: dict[tuple[str, str], list[tuple[bool, float, float, bool, bool]]] = defaultdict(list)
    thresholds = Thresholds()
    for number, (family, name, claims, text, right) in enumerate(list(judged())[::every]):
        found = [support(claim, text, embedder, thresholds) for claim in claims]
        ours, plain = min(each.score for each in found), min(overlap(claim, text) for claim in claims)
        unseen = hashlib.sha256(text.encode()).digest()[0] % 2 == 1
        rows[family, name].append((right, ours, plain, all(each.supported for each in found), unseen))
        if number % 500 == 0:
            say(f"judged {number}")
    report: dict[str, dict[str, dict[str, float]]] = {"qags": {}, "summedits": {}}
    for (family, name), every_one in rows.items():
        half = [row for row in every_one if row[4]]
        right, wrong = ([row for row in every_one if row[0] is truth] for truth in (True, False))
        report[family][name] = {
            "auroc": _auroc_of(every_one, 1),
            "auroc_overlap": _auroc_of(every_one, 2),
            "unseen_auroc": _auroc_of(half, 1),
            "unseen_auroc_overlap": _auroc_of(half, 2),
            "accepted_of_right": _mean([row[3] for row in right]),
            "accepted_of_wrong": _mean([row[3] for row in wrong]),
        }
    return report


def altered(embedder: Embedder, most: int) -> dict[str, dict[str, float]]:
    chance = random.Random(1)
    every = list(_altered(chance))
    kinds: dict[str, list[bool]] = defaultdict(list)
    for kind, claim, text in chance.sample(every, min(most, len(every))):
        kinds[kind].append(support(claim, text, embedder, Thresholds()).supported)
    return {kind: {"n": len(accepted), "accepted": _mean(accepted)} for kind, accepted in kinds.items()}


def _altered(chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """Kind of alteration, sentence, text."""
    for text in (paragraph["context"] for paragraph in paragraphs()):
        for start, end in sentences(text):
            sentence = text[start:end]
            if figure := FIGURE.search(sentence):
                wrong = str(int(figure[0]) + chance.randint(1, 9))
                yield "figure", sentence[: figure.start()] + wrong + sentence[figure.end() :], text
            if verb := VERB.search(sentence):
                yield "negation", f"{sentence[: verb.end()]} not{sentence[verb.end() :]}", text
            others = [name for name in NAME.findall(text) if name not in sentence]
            if (name := NAME.search(sentence)) and others:
                yield "name", sentence.replace(name[0], chance.choice(others)), text
            if ", " in sentence and len(sentence.split()) > 8:
                head, tail = sentence.rstrip(".").split(", ", 1)
                yield "reordered (right)", f"{tail[0].upper()}{tail[1:]}, {head}.", text


def _auroc_of(rows: Sequence[tuple[Any, ...]], column: int) -> float:
    right = [row[column] for row in rows if row[0]]
    wrong = [row[column] for row in rows if not row[0]]
    return auroc(right, wrong) if right and wrong else float("nan")


def overlap(claim: str, text: str) -> float:
    """The share of the claim's words that the text has."""
    words = re.findall(r"\w+", claim.lower())
    known = set(re.findall(r"\w+", text.lower()))
    return sum(word in known for word in words) / max(1, len(words))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--every", type=int, default=1, help="take every Nth question and claim")
    parser.add_argument("--altered", type=int, default=1000, metavar="N", help="altered sentences to judge")
    arguments = parser.parse_args()
    with installation() as bench:
        report: dict[str, Any] = {"xquad": xquad(bench, arguments.every), "clapnq": clapnq(bench.embedder)}
        report |= grounded(bench.embedder, arguments.every)
        report["altered"] = altered(bench.embedder, arguments.altered)
    rounded = json.loads(json.dumps(report), parse_float=lambda text: round(float(text), 4))
    print(json.dumps(rounded, indent=None if arguments.json else 2))


if __name__ == "__main__":
    main()
