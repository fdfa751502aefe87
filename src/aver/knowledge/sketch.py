"""How alike texts are, from a few numbers each: MinHash over stretches of words.

The share of numbers that two sketches have in common estimates the Jaccard index of their stretches (Broder, "On the resemblance and
containment of documents", 1997). Sketches that agree in one band at least are compared, all others are not (Leskovec, Rajaraman, Ullman,
"Mining of Massive Datasets", 3.4): with bands of four numbers two texts that share four fifths are missed once in 3,000 times.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["alike", "sketch"]

_STRETCH = 5
"""Words."""
_NUMBERS, _BAND = 64, 4
_DRAWN = np.random.default_rng(20261126).integers(0, 2**64, size=(_NUMBERS, 2), dtype=np.uint64) | np.uint64(1)
"""Of each number its hash function, by multiplying and shifting (Dietzfelbinger et al., 1997). The same for ever: sketches are stored."""
_HALF = np.uint64(32)
_MOST_OF_A_BAND = 50
"""Texts with one band in common that are compared, so that a thousand alike do not take a million comparisons."""


def sketch(words: Sequence[str]) -> str:
    """Of a text of these words, as it is stored: 64 numbers of 32 bits in base64; empty for a text of fewer than five words."""
    if len(words) < _STRETCH:
        return ""
    encoded = " ".join(words).encode("utf-8", "surrogatepass").split(b" ")
    stretches = set(map(b" ".join, zip(*(encoded[first:] for first in range(_STRETCH)), strict=False)))
    hashed = np.fromiter(map(zlib.crc32, stretches), np.uint64, len(stretches))
    least = np.array([((hashed * a + b) >> _HALF).min() for a, b in _DRAWN], "<u4")
    return b64encode(least.tobytes()).decode()


def alike(sketches: Mapping[str, str], least: float) -> Iterator[tuple[str, str, float]]:
    """Pairs of names of texts that share ``least`` (0 to 1) of their stretches at least, and how much, each pair once."""
    read = {name: np.frombuffer(b64decode(each), "<u4") for name, each in sketches.items() if each}
    bands: defaultdict[tuple[int, bytes], list[str]] = defaultdict(list)
    for name, numbers in read.items():
        for at in range(0, _NUMBERS, _BAND):
            bands[at, numbers[at : at + _BAND].tobytes()].append(name)
    seen: set[tuple[str, str]] = set()
    for names in bands.values():
        for place, one in enumerate(names[:_MOST_OF_A_BAND]):
            for other in names[place + 1 : _MOST_OF_A_BAND]:
                if (one, other) in seen:
                    continue
                seen.add((one, other))
                share = _share(read[one], read[other])
                if share >= least:
                    yield one, other, share


def _share(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    return float((one == other).mean())
