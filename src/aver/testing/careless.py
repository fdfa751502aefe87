"""A model that answers from its sources and is careless about it, in known ways."""

from __future__ import annotations

import random
import re
import zlib
from dataclasses import dataclass
from typing import Literal

from aver.core.sentences import sentences
from aver.testing.replies import Received, Reply

__all__ = ["CarelessModel", "Slip", "Written"]

Slip = Literal["none", "wrong-number", "no-such-number", "altered-figure", "invented", "uncited"]
"""What is wrong with a sentence. ``uncited`` is right and cites nothing; every other but ``none`` is unsupported as cited."""

_SLIPS: tuple[Slip, ...] = (
    "none",
    "none",
    "none",
    "wrong-number",
    "no-such-number",
    "altered-figure",
    "invented",
    "uncited",
)
_PASSAGE = re.compile(r"^\[(\d{1,3})\][ \t]*(.*)$", re.MULTILINE)
_AFTER = re.compile(r"\n</passage>|\n\n\n")
"""What ends the last passage."""
_FIGURE = re.compile(r"\d+")
_INVENTIONS = (
    "The committee of nine wardens signed the accord in Valparaiso.",
    "Every giraffe on the premises must be registered with the harbour master.",
    "The amended charter forbids brass instruments after the autumn equinox.",
    "Visitors receive a ceremonial lantern from the deputy archivist.",
)
"""About nothing that any source holds, so that no source can support them by chance."""


@dataclass(frozen=True, slots=True)
class Written:
    """A sentence as the model wrote it, mark included, and what is wrong with it."""

    text: str
    slip: Slip


class CarelessModel:
    """A rule for :class:`~aver.testing.provider.FakeProvider`: takes sentences from the numbered passages of the prompt
    (``[1] ...`` at the start of a line) and spoils some. ``written`` keeps the sentences of all replies, in order, with what was
    done to each. The same seed and prompt give the same reply.
    """

    def __init__(self, seed: int = 0, *, sentences: int = 6) -> None:
        self.written: list[Written] = []
        self._seed = seed
        self._sentences = sentences

    def __call__(self, received: Received) -> Reply:
        chance = random.Random(zlib.crc32(f"{self._seed}\n{received.prompt}".encode("utf-8", "surrogatepass")))  # noqa: S311 - a script, not a secret
        sources = _sources(received.prompt)
        if not sources:
            return Reply("I do not know.")
        chosen = chance.sample(sources, min(self._sentences, len(sources)))
        numbers = sorted({number for number, _ in sources})
        answer = [_write(chance, number, sentence, numbers) for number, sentence in chosen]
        self.written += answer
        return Reply(" ".join(each.text for each in answer))


def _sources(prompt: str) -> list[tuple[int, str]]:
    """Every sentence of at least four words in the prompt's passages, with its passage's number."""
    found = []
    marks = list(_PASSAGE.finditer(prompt))
    ends = [*(mark.start() for mark in marks[1:]), len(prompt)]
    for mark, end in zip(marks, ends[: len(marks)], strict=True):
        body = _AFTER.split(prompt[mark.start(2) : end], maxsplit=1)[0]
        for first, last in sentences(body):
            sentence = body[first:last]
            if len(sentence.split()) >= 4 and sentence.endswith("."):
                found.append((int(mark[1]), sentence))
    return found


def _write(chance: random.Random, number: int, sentence: str, numbers: list[int]) -> Written:
    slip = chance.choice(_SLIPS)
    others = [each for each in numbers if each != number]
    match slip:
        case "wrong-number" if others:
            return Written(f"{sentence} [{chance.choice(others)}]", slip)
        case "no-such-number":
            return Written(f"{sentence} [{numbers[-1] + chance.randint(1, 9)}]", slip)
        case "altered-figure" if _FIGURE.search(sentence):
            return Written(f"{_FIGURE.sub(lambda figure: str(int(figure[0]) + 3), sentence)} [{number}]", slip)
        case "invented":
            return Written(f"{chance.choice(_INVENTIONS)} [{number}]", slip)
        case "uncited":
            return Written(sentence, slip)
    return Written(f"{sentence} [{number}]", "none")
