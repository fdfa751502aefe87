"""How well verification tells what a text says from what it does not, beside the overlap of words.

QAGS (Wang et al., 2020): sentences of summaries, judged by three people each; SummEdits (Laban et al., 2023): summaries with small
edits that do or do not change what is said, supported when every sentence is. XQuAD's sentences, altered by rule: a figure,
an inserted "not", a name from elsewhere in the paragraph (all wrong), clauses in another order (right).

Prints the area under the ROC curve of the score, and of the claims people hold true and false the share accepted.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from aver.agents.support import Thresholds, support
from aver.core.sentences import sentences
from aver.gateway.adapters.minilm import MiniLM

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+(?: [A-Z][a-z]+)*")
FIGURE = re.compile(r"(?<![\w.,])\d{1,3}(?![\w,.]*\d)")
VERB = re.compile(r"\b(?:is|was|are|were|has|have|can|will|had|may|must)\b(?! not)")


def judged() -> Iterator[tuple[str, list[str], str, bool]]:
    """Set, sentences, text, whether people find them supported."""
    for name in ("xsum", "cnndm"):
        for line in (DATA / f"groundedness/qags_mturk_{name}.jsonl").open():
            item = json.loads(line)
            for each in item["summary_sentences"]:
                yes = [response["response"] == "yes" for response in each["responses"]]
                yield f"qags_{name}", [each["sentence"]], item["article"], 2 * sum(yes) > len(yes)
    for name in ("scitldr", "samsum", "sales_email"):
        for item in json.loads((DATA / f"groundedness/summedits_{name}.json").read_text()):
            summary = item["summary"]
            found = [summary[start:end] for start, end in sentences(summary)]
            yield f"summedits_{name}", found, item["doc"], bool(item["label"])


def altered(chance: random.Random) -> Iterator[tuple[str, str, str]]:
    """Kind of alteration, sentence, text."""
    data = json.loads((DATA / "xquad/xquad.en.json").read_text())
    for text in (paragraph["context"] for article in data["data"] for paragraph in article["paragraphs"]):
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


def auroc(right: Sequence[float], wrong: Sequence[float]) -> float:
    """The chance that a right one scores above a wrong one, ties counted half."""
    ranked = np.sort(wrong)
    below = np.searchsorted(ranked, right, "left") + np.searchsorted(ranked, right, "right")
    return float(below.mean() / 2 / len(wrong))


def overlap(claim: str, text: str) -> float:
    """The share of the claim's words that the text has."""
    words = re.findall(r"\w+", claim.lower())
    return len([word for word in words if word in set(re.findall(r"\w+", text.lower()))]) / max(1, len(words))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--altered", type=int, default=2000, metavar="N", help="altered sentences to judge")
    arguments = parser.parse_args()
    thresholds = Thresholds()
    report: dict[str, dict[str, dict[str, float]]] = {"judged": {}, "altered": {}}
    with tempfile.TemporaryDirectory() as cache:
        embedder = MiniLM(Path(cache))
        rows: dict[str, list[tuple[bool, float, float, bool]]] = {}
        for name, claims, text, right in judged():
            found = [support(claim, text, embedder, thresholds) for claim in claims]
            score, plain = min(each.score for each in found), min(overlap(claim, text) for claim in claims)
            rows.setdefault(name, []).append((right, score, plain, all(each.supported for each in found)))
        for name, judgements in rows.items():
            right = [each for each in judgements if each[0]]
            wrong = [each for each in judgements if not each[0]]
            report["judged"][name] = {
                "auroc": auroc([each[1] for each in right], [each[1] for each in wrong]),
                "auroc_overlap": auroc([each[2] for each in right], [each[2] for each in wrong]),
                "accepted_of_right": sum(each[3] for each in right) / len(right),
                "accepted_of_wrong": sum(each[3] for each in wrong) / len(wrong),
            }
        chance = random.Random(1)
        alterations = list(altered(chance))
        kinds: dict[str, list[bool]] = {}
        for kind, claim, text in chance.sample(alterations, min(arguments.altered, len(alterations))):
            kinds.setdefault(kind, []).append(support(claim, text, embedder, thresholds).supported)
        for kind, accepted in kinds.items():
            report["altered"][kind] = {"n": len(accepted), "accepted": sum(accepted) / len(accepted)}
    if arguments.json:
        print(json.dumps(report))
        return
    for part in report.values():
        for name, figures in part.items():
            print(f"{name:24}", "  ".join(f"{figure} {value:.3f}" for figure, value in figures.items()))


if __name__ == "__main__":
    main()
