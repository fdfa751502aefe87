"""A passage in one value, and what becomes of one that was damaged."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from aver.core.errors import Unavailable
from aver.knowledge.index import Place, candidates, packed, unpacked

PLACES = [Place(f"doc_{number}", 1, 0, 9, "A section") for number in range(3)]
VECTORS = np.eye(3, 8, dtype=np.float32)
PASSAGES = [packed(place, "some terms", vector) for place, vector in zip(PLACES, VECTORS, strict=True)]


def test_each_passage_is_read_once():
    found = candidates([*PASSAGES, PASSAGES[1]], 8)
    assert (found.places, found.terms) == (PLACES, ["some terms"] * 3)
    assert np.array_equal(found.vectors, VECTORS)
    assert candidates([], 8).vectors.shape == (0, 8)


@pytest.mark.parametrize(
    "damaged",
    [b"", PASSAGES[0][:20], PASSAGES[0][:-12], hashlib.sha256(PASSAGES[0]).digest(), PASSAGES[0][:40] + b"\xff\xfe"],
    ids=["empty", "half a vector", "no place", "noise", "no text"],
)
def test_a_damaged_passage_is_told_as_such(damaged):
    with pytest.raises(Unavailable, match="damaged"):
        unpacked(damaged, 8)
    with pytest.raises(Unavailable, match="damaged"):
        candidates([*PASSAGES, damaged], 8)
