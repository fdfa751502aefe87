"""How findings of personal data are scored: by spans, as presidio-research's ``SpanEvaluator`` does with its defaults.

Words that say nothing (punctuation, function words, ``street``, ``apt``) are taken off both ends of a span, and spans of nothing else are
dropped. Spans of one kind with only such words between them are one. For each labelled span in order, the predictions over it that are not
used up are added one after the other as long as the characters they share with it, as a share of those that either covers, grow; at
.9 and more the span is found, and they count as one prediction. Whatever is left over is a false one.

``precision``, ``recall`` and ``f2`` disregard kinds, as that library's do: what is personal must be found, and which kind it is comes second.
``typed_*`` are the same where the kind must be right, and so are the rows by kind.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt

__all__ = ["Score", "Span", "f_beta", "score", "wilson"]

Span = tuple[int, int, str]
OVERLAP = 0.9
_WORD = re.compile(r"\w+(?:['\u2019.]\w+)*\.?|[^\w\s]")
_SKIPPED = frozenset(
    """'s street st. st de rue via do day address country state city zip po apt apt. unit corner p.o. box suite mr. mrs. miss year years
y/o month months old morning noon afternoon night evening first last week weeks weekend days age ago inc inc. ltd a about above
after again all also am an and any are as at be because been before being below between both but by can could did does down during
each few for from further had has have he her here hers him his how i if in into is it its just me more most my no nor not now of
off on once only or other our out over own same she should so some such than that the their them then there these they this those
through to too under until up us very was we were what when where which while who whom why will with would you your
""".split()  # noqa: SIM905 - words, read as words
)


def _skipped(word: str) -> bool:
    return word.lower() in _SKIPPED or not any(map(str.isalnum, word))


@dataclass
class Counts:
    found: int = 0
    labelled: int = 0
    predicted: int = 0

    @property
    def precision(self) -> float:
        return self.found / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.found / self.labelled if self.labelled else 0.0


@dataclass
class Score:
    any: Counts = field(default_factory=Counts)
    typed: Counts = field(default_factory=Counts)
    kinds: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))


def f_beta(counts: Counts, beta: float = 2) -> float:
    below = beta**2 * counts.precision + counts.recall
    return (1 + beta**2) * counts.precision * counts.recall / below if below else 0.0


def wilson(found: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """A 95 % interval of a share (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    share, square = found / of, z * z / of
    middle, half = share + square / 2, z * sqrt(share * (1 - share) / of + square / of / 4)
    return max(0.0, (middle - half) / (1 + square)), min(1.0, (middle + half) / (1 + square))


def score(documents: Iterable[tuple[str, Sequence[Span], Sequence[Span]]]) -> Score:
    """Of ``(text, labelled, predicted)``."""
    total = Score()
    for text, labelled, predicted in documents:
        words = [(each.start(), each.end(), _skipped(each[0])) for each in _WORD.finditer(text)]
        gold, said = _merged(labelled, words), _merged(predicted, words)
        total.any.labelled += len(gold)
        total.typed.labelled += len(gold)
        total.typed.predicted += len(said)
        for _, _, kind in gold:
            total.kinds[kind].labelled += 1
        for _, _, kind in said:
            total.kinds[kind].predicted += 1
        free, free_typed = set(said), set(said)
        for span in gold:
            if used := _matched(span, free):
                free -= used
                total.any.found += 1
                total.any.predicted += 1
            if used := _matched(span, {each for each in free_typed if each[2] == span[2]}):
                free_typed -= used
                total.typed.found += 1
                total.kinds[span[2]].found += 1
        total.any.predicted += len(free)
    return total


def _merged(spans: Sequence[Span], words: Sequence[tuple[int, int, bool]]) -> list[Span]:
    merged: list[Span] = []
    for start, end, kind in sorted(spans):
        inside = [each for each in words if each[0] < end and each[1] > start and not each[2]]
        if not inside:
            continue
        begin, finish = max(start, inside[0][0]), min(end, inside[-1][1])
        last = merged[-1] if merged else None
        if last and last[2] == kind and all(each[2] for each in words if each[0] >= last[1] and each[1] <= begin):
            merged[-1] = (last[0], max(last[1], finish), kind)
        else:
            merged.append((begin, finish, kind))
    return merged


def _matched(span: Span, predictions: set[Span]) -> set[Span]:
    chosen: list[Span] = []
    best = 0.0
    for each in sorted(predictions):
        if each[0] < span[1] and each[1] > span[0] and (share := _share(span, [*chosen, each])) > best:
            chosen.append(each)
            best = share
    return set(chosen) if best >= OVERLAP else set()


def _share(span: Span, predictions: Sequence[Span]) -> float:
    covered = {place for start, end, _ in predictions for place in range(start, end)}
    own = set(range(span[0], span[1]))
    return len(own & covered) / len(own | covered)
