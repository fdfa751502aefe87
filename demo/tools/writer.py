"""The demo's stand-in for a language model that answers from documents: ``python demo/tools/writer.py --port PORT`` prints its address and
serves. It is a script that quotes whole sentences of the passages, and that heeds a few words of its prompt: how much it writes, whether it names the
passage of each sentence, and what it does where the passages say nothing. So a prompt can be changed for the worse, and the answers become worse.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.testing.provider import FakeProvider
from aver.testing.replies import Received, Reply

__all__ = ["Instructions", "write"]

PASSAGE = re.compile(r"<passage>\n\[(\d+)\] (.*?)\n(.*?)\n</passage>", re.DOTALL)
SENTENCE = re.compile(r"[^.!?|]+(?:[.!?](?!\s|$)[^.!?|]*)*[.!?]")
WORD = re.compile(r"[a-z]+|\d+(?:[.,]\d+)*")
_IDLE = """
    a an and any are as at be been before by can do does for from get have has how i if in is it its long many may me much must my of on
    or our shall should than that the their them there they this to until up us was we what when where which who whom why will with would
    you your
"""
IDLE = frozenset(_IDLE.split())
"""Words that say nothing of what is asked."""
SUFFIX = re.compile(r"(?:ings?|ions?|ed|es|s|e|y|ies|als?)$")
ENOUGH = 0.5
"""The share of what a question asks that a sentence has to be about."""

CHATTER = "Most publishers handle this generously, and exceptions are granted on request."
"""What it says of its own accord where nothing keeps it to the passages."""


@dataclass(frozen=True)
class Instructions:
    """What it heeds of a prompt."""

    cites: bool
    """``End every sentence with the number of the passage``."""
    sentences: int
    """``At most two sentences``."""
    declines: str
    """``Where the passages do not answer, write only: ...``; empty where nothing is said, and then it guesses."""
    keeps: bool
    """``From the passages, and from nothing else``; otherwise it adds what anybody might say."""

    @classmethod
    def read(cls, prompt: str) -> Instructions:
        said = re.search(r"write only: ?(.+)", prompt)
        most = re.search(r"\bat most (one|two|three|four|five) sentences?", prompt, re.IGNORECASE)
        count = ("one", "two", "three", "four", "five").index(most[1].lower()) + 1 if most else 3
        cites = re.search(r"number of (?:the|its) passage", prompt) is not None
        return cls(cites, count, said[1].strip() if said else "", "nothing else" in prompt)


@dataclass(frozen=True)
class Said:
    """A sentence of a passage, and the words it is about: its own, and those of its heading."""

    passage: str
    text: str
    own: frozenset[str]
    around: frozenset[str]


def write(received: Received) -> Reply:
    """An answer to the last question from the passages before it. A rule for :class:`~aver.testing.provider.FakeProvider`."""
    messages: Sequence[Mapping[str, Any]] = received.body.get("messages", [])
    prompt = "\n".join(str(each["content"]) for each in messages if each["role"] == "system")
    passages, _, question = str(messages[-1]["content"] if messages else "").rpartition("Question: ")
    instructions, wanted = Instructions.read(prompt), stems(question)
    said = list(sentences(passages))
    common = Counter(stem for each in said for stem in each.own)
    weights = {stem: 1 / (1 + common[stem] / 4) for stem in wanted}
    most = sum(weights.values()) or 1.0
    ranked = sorted(said, key=lambda each: -about(each, question, weights))
    if not ranked or about(ranked[0], question, weights) / most < ENOUGH:
        if instructions.declines or not ranked:
            return Reply(instructions.declines or "I do not know.")
        # Nothing keeps it from answering: what it found is as good to it as what was asked for.
        return Reply(f"In most companies that is settled as follows: {ranked[0].text}")
    best = about(ranked[0], question, weights)
    chosen = [each for each in ranked[: instructions.sentences] if about(each, question, weights) > 0.8 * best]
    answer = " ".join(f"{each.text} [{each.passage}]" if instructions.cites else each.text for each in chosen)
    return Reply(answer if instructions.keeps else f"{answer} {CHATTER}")


def sentences(passages: str) -> Iterator[Said]:
    for number, title, text in PASSAGE.findall(passages):
        for block in re.split(r"\n\s*\n", text):
            for found in SENTENCE.findall(" ".join(block.split())):
                yield Said(number, found.strip(), stems(found), stems(title))


def about(each: Said, question: str, weights: Mapping[str, float]) -> float:
    """How much of what is asked the sentence is about. A heading counts for half, and a number is wanted where one is asked for."""
    found = sum(w for stem, w in weights.items() if stem in each.own)
    found += sum(w / 2 for stem, w in weights.items() if stem in each.around and stem not in each.own)
    asked = re.search(r"\bhow (many|much|long|far|high)\b", question, re.IGNORECASE)
    return found + (0.1 if asked and NUMBER.search(each.text) else 0.0)


NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|once|twice)\b", re.IGNORECASE
)


def stems(text: str) -> frozenset[str]:
    words = (word for word in WORD.findall(text.lower()) if word not in IDLE)
    return frozenset(SUFFIX.sub("", word) if len(word) > 4 else word for word in words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="any free one, if left out")
    with FakeProvider(write, port=parser.parse_args().port) as server:
        print(server.base_url, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
