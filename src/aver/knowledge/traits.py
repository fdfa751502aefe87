"""What is measured of a document when it is taken in, so that its source can be judged later without reading it again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson

from aver.core import sha256_hex
from aver.knowledge.language import Language, language_of, words_of
from aver.knowledge.sketch import sketch
from aver.knowledge.types import Block

__all__ = ["Traits", "dump_traits", "load_traits", "traits"]

_PROSE = frozenset({"heading", "paragraph", "list", "caption"})
"""Blocks that are prose: tables and code obey other laws."""
_TOKEN = re.compile(r"\w+")
_LATIN = re.compile(r"[a-z\u00df-\u024f]{4,}")
_VOWEL = re.compile(r"[aeiouyà-æè-öø-ýÿāăąēĕėęěĩīĭįıōŏőœũūŭůűų]")
_GOES_ON = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xC0))
_DAMAGE = re.compile(
    # The replacement character, and private characters, to which only a document's own font gives a shape; one alone is a bullet.
    r"\ufffd|(?<!^)[\ue000-\uf8ff]|[\ue000-\uf8ff](?!$)"
    # UTF-8 that was read as Windows-1252: a first byte, and as many more as it announces. Of two-byte ones those of the Latin, Greek and
    # Cyrillic letters, since a quotation mark after another capital is ordinary text.
    rf"|[ÂÃÄÅÎÏÐÑ][{re.escape(_GOES_ON)}]|[à-ï][{re.escape(_GOES_ON)}]{{2}}|[ð-ô][{re.escape(_GOES_ON)}]{{3}}"
)


@dataclass(frozen=True, slots=True)
class Traits:
    """``words`` counts figures too; ``prose`` those words that stand in neither tables nor code, ``longest`` those of the longest paragraph.
    ``lost`` and ``unlikely`` are shares from 0 to 1. ``same`` is equal for texts that differ in nothing but white space, case and
    punctuation; ``sketch`` tells those that are nearly the same, see :func:`~aver.knowledge.sketch.alike`."""

    words: int
    prose: int
    headings: int
    longest: int
    lost: float
    """In how many of what white space divides there are characters that were lost or misread."""
    unlikely: float
    """How many of the longer words in Latin letters, in prose, have no vowel."""
    language: Language
    same: str
    sketch: str


def traits(text: str, blocks: Sequence[Block]) -> Traits:
    """Of a document of this text; a few milliseconds for a thousand words."""
    tokens = _TOKEN.findall(text.lower())
    by_block = [(block, words_of(text[block.start : block.end])) for block in blocks if block.kind in _PROSE]
    prose = [word for _, words in by_block for word in words]
    return Traits(
        words=len(tokens),
        prose=len(prose),
        headings=sum(block.kind == "heading" for block, _ in by_block),
        longest=max((len(words) for block, words in by_block if block.kind == "paragraph"), default=0),
        lost=_lost(text),
        unlikely=_unlikely(prose),
        language=language_of(prose),
        same=sha256_hex(" ".join(tokens).encode("utf-8", "surrogatepass")),
        sketch=sketch(tokens),
    )


def _lost(text: str) -> float:
    if not _DAMAGE.search(text):
        return 0.0
    runs = text.split()
    return round(sum(bool(_DAMAGE.search(run)) for run in runs) / len(runs), 4)


def _unlikely(words: Sequence[str]) -> float:
    longer = Counter({word: times for word, times in Counter(words).items() if _LATIN.fullmatch(word)})
    without = sum(times for word, times in longer.items() if not _VOWEL.search(word))
    return round(without / longer.total(), 4) if longer else 0.0


def dump_traits(measured: Traits) -> str:
    """As they are stored with a version."""
    return orjson.dumps(asdict(measured)).decode()


def load_traits(stored: str) -> Traits:
    """The inverse of :func:`dump_traits`."""
    return Traits(**orjson.loads(stored))
