"""How much of a reference a response says, and of the response the reference: token F1 and ROUGE.

ROUGE-N and ROUGE-L as F1 after Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004), words unstemmed; token F1 after
Rajpurkar et al., "SQuAD" (2016). Of several references the best counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from aver.evals.scorers.kinds import NOTHING, Judge, Kind, Means, Score, references
from aver.evals.scorers.normalising import squad, words
from aver.evals.types import Case, Response

__all__ = ["ROUGE", "TOKEN_F1", "rouge_l", "rouge_n", "token_f1"]


def token_f1(response: str, reference: str) -> float:
    """1 where both say nothing."""
    given, wanted = squad(response).split(), squad(reference).split()
    if not given or not wanted:
        return float(given == wanted)
    return _f1(sum((Counter(given) & Counter(wanted)).values()), len(given), len(wanted))


def rouge_n(response: str, reference: str, n: int) -> float:
    given, wanted = _grams(words(response), n), _grams(words(reference), n)
    return _f1(sum((given & wanted).values()), sum(given.values()), sum(wanted.values()))


def rouge_l(response: str, reference: str) -> float:
    """By the longest common subsequence of the two as wholes."""
    given, wanted = words(response), words(reference)
    return _f1(_common(given, wanted), len(given), len(wanted))


def _f1(common: int, given: int, wanted: int) -> float:
    return 2 * common / (given + wanted) if given + wanted else 0.0


def _grams(tokens: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(n)), strict=False))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence, a bit a word of ``one`` (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(one)) - 1
    row = every
    for word in other:
        met = row & places.get(word, 0)
        row = (row + met) | (row - met)
    return len(one) - (row & every).bit_count()


def _best(measures: dict[str, Callable[[str, str], float]]) -> Callable[[Any, Means], Judge]:
    def make(settings: Any, means: Means) -> Judge:
        del settings, means

        def judge(case: Case, response: Response) -> Score:
            texts = references(case)
            if not texts:
                return NOTHING
            return {
                name: (max(measure(response.text, each) for each in texts), 1.0) for name, measure in measures.items()
            }, ""

        return judge

    return make


TOKEN_F1 = Kind(
    "token_f1", "words that the response and the reference share, as F1", ("token_f1",), _best({"token_f1": token_f1})
)
ROUGE = Kind(
    "rouge",
    "words, pairs of words and the longest sequence of words in common with the reference, as F1",
    ("rouge_1", "rouge_2", "rouge_l"),
    _best(
        {
            "rouge_1": lambda given, wanted: rouge_n(given, wanted, 1),
            "rouge_2": lambda given, wanted: rouge_n(given, wanted, 2),
            "rouge_l": rouge_l,
        }
    ),
)
