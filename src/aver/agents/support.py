"""Whether a text says what a sentence claims, and where.

The test is strict and deterministic. A sentence that stands in the text word for word is supported. Any other is aligned
to one sentence of the text or two adjacent ones, and supported only if nothing there contradicts it (every number and
name occurs, nothing is denied in one and asserted in the other, no word is turned into its opposite), enough of its content
words are found, and the two are near in meaning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from aver.agents.alteration import altered
from aver.agents.opposites import opposed
from aver.agents.reading import Reading, merge, read
from aver.agents.wording import closeness
from aver.core.sentences import sentences
from aver.gateway.types import Embedder

__all__ = ["Reason", "Span", "Support", "Thresholds", "align", "contradictions", "coverage", "join", "spans", "support"]

Reason = Literal["number", "name", "negation", "opposite", "coverage", "meaning"]

_CONSIDERED = 4
"""How many of the best-covering spans are compared by meaning."""
_PENALTY = 0.25
"""What each contradiction takes off, where spans are compared."""
_ALTERED = 0.8
"""What a foreign name takes off, where likeness counts from 0 to 1: by hand, between what half of QAGS asks for (0.2 to 0.4) and what
sentences do that were edited by rule (1.5)."""
_TURNED = 2.0
"""What a denial or an opposite weighs, in foreign names."""
_SLOPE, _BIAS = 1.8, -1.6
"""From the sum of signs to a probability, by logistic regression on half of QAGS (``bench/answers.py``)."""
_STRAIGHT = str.maketrans("\u2018\u2019\u201c\u201d\u00a0", "''\"\" ")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a claim that contradicts nothing must reach. On QAGS (953 sentences judged by three people each) these accept 86 %
    of what people accept in CNN/DM and 30 % in XSum, whose summaries paraphrase freely; see ``bench/answers.py``."""

    coverage: float = 0.6
    """Share of the claim's content words and numbers found in the span."""
    likeness: float = 0.75
    """Mean of that share and of the cosine of the two sentences' embeddings."""


@dataclass(frozen=True, slots=True)
class Span:
    """One or more sentences of a text and what they say; ``parts`` is what each says, when they are several."""

    start: int
    end: int
    text: str
    reading: Reading
    parts: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class Support:
    """The best span for a claim, ``text[start:end]``. Supported when there are no reasons against it; ``score`` in [0, 1] is about how
    likely people are to find it supported."""

    start: int
    end: int
    score: float
    reasons: tuple[Reason, ...] = ()
    verbatim: bool = False

    @property
    def supported(self) -> bool:
        return not self.reasons


def support(claim: str, text: str, embedder: Embedder, thresholds: Thresholds, *, context: str = "") -> Support:
    """The best evidence in ``text`` for ``claim`` (a sentence without citation marks).

    ``context`` is what the text is known to be about (its title and section): words of the claim may come from there, numbers
    may not. Where the claim says nothing, or the text has no sentence, the span is empty and nothing is supported.
    """
    if found := _verbatim(claim, text):
        return Support(*found, 1.0, verbatim=True)
    candidates = spans(text)
    if not candidates or not read(claim).claims:
        return Support(0, 0, 0.0, ("coverage",))
    return align(claim, candidates, embedder, thresholds, context=context)


def align(
    claim: str, candidates: Sequence[Span], embedder: Embedder, thresholds: Thresholds, *, context: str = ""
) -> Support:
    """The candidate that says what ``claim`` says, or else the nearest to it, with the reasons why it does not."""
    said = read(claim)
    known = said.terms & read(context).terms
    judged = [(_against(said, span, known), coverage(said, span.reading, known), span) for span in candidates]
    judged.sort(key=lambda item: (len(item[0]), -item[1], item[2].end - item[2].start, item[2].start))
    texts = [span.text for span in candidates if not span.parts] or [candidates[0].text]
    whole = merge(span.reading for span in candidates)
    close = closeness(claim, texts) - _ALTERED * altered(said, whole, " ".join(texts), known)
    best_against, best_covered, best = judged[0]
    if best_covered < thresholds.coverage:
        # Its meaning could not help it, so it is not asked, and put as near as its words are.
        score = _score(best_covered, best_against, close)
        return Support(best.start, best.end, score, (*best_against, "coverage"))
    nearest = judged[:_CONSIDERED]
    vectors = embedder.embed([claim, *(span.text for _, _, span in nearest)])
    found: list[tuple[float, Support]] = []
    for (against, covered, span), similarity in zip(nearest, vectors[1:] @ vectors[0], strict=True):
        reasons = list(against)
        if covered < thresholds.coverage:
            reasons.append("coverage")
        elif (covered + similarity) / 2 < thresholds.likeness:
            reasons.append("meaning")
        nearness = (covered + float(similarity)) / 3 - _PENALTY * len(against)
        score = _score(float(similarity), against, close)
        found.append((nearness, Support(span.start, span.end, score, tuple(reasons))))
    return max(found, key=lambda each: (each[1].supported, each[0]))[1]


def coverage(claim: Reading, source: Reading, known: frozenset[str] = frozenset()) -> float:
    """The share in [0, 1] of the claim's terms and stated quantities that the source has; ``known`` terms are not asked."""
    asked = claim.terms - known
    stated = [quantity for quantity in claim.quantities if quantity.stated]
    if not asked and not stated:
        return 0.0
    met = sum(quantity.answered_by(source.quantities) for quantity in stated)
    return (len(asked & source.terms) + met) / (len(asked) + len(stated))


def contradictions(claim: Reading, source: Reading, known: frozenset[str] = frozenset()) -> tuple[Reason, ...]:
    """What in ``claim`` the source denies, or lacks although no wording could make up for it."""
    reasons: list[Reason] = []
    if any(quantity.stated and not quantity.answered_by(source.quantities) for quantity in claim.quantities):
        reasons.append("number")
    if claim.names - source.terms - known:
        reasons.append("name")
    only_denied, only_asserted = source.denied - source.asserted, source.asserted - source.denied
    turned = (claim.asserted - claim.denied) & only_denied or (claim.denied - claim.asserted) & only_asserted
    if turned or (claim.negated and not source.negated):
        reasons.append("negation")
    if opposed(claim.words, source.words):
        reasons.append("opposite")
    return tuple(reasons)


def spans(text: str) -> list[Span]:
    """Every sentence of ``text``, then every two adjacent ones."""
    single = [Span(start, end, text[start:end], read(text[start:end])) for start, end in sentences(text)]
    return single + [join((a, b), text[a.start : b.end]) for a, b in pairwise(single)]


def join(parts: Sequence[Span], text: str) -> Span:
    """Several spans read as one, whose words are ``text``."""
    readings = tuple(part.reading for part in parts)
    return Span(parts[0].start, parts[-1].end, text, merge(readings), readings)


def _against(claim: Reading, span: Span, known: frozenset[str]) -> tuple[Reason, ...]:
    """The contradictions of a span. Of several sentences, the others may add what the main one leaves open, but not replace
    what it says: ``Ann gets 10 days. Bob gets 20 days.`` does not support ``Ann gets 20 days.``"""
    reasons = contradictions(claim, span.reading, known)
    if reasons or not span.parts:
        return reasons
    main = max(span.parts, key=lambda part: coverage(claim, part, known))
    lacking = contradictions(claim, main, known)
    stated = {quantity.value for quantity in claim.quantities}
    replaced = {
        "number": any(quantity.stated and quantity.value not in stated for quantity in main.quantities),
        "name": bool(main.names - claim.terms),
    }
    return tuple(reason for reason in lacking if replaced.get(reason, True))


def _score(likeness: float, against: Sequence[Reason], close: float) -> float:
    """How near the span is in meaning, less what in it speaks against the claim, with how ``close`` the claim keeps to the text, as a
    probability."""
    signs = likeness + close - _ALTERED * _TURNED * len({"negation", "opposite"}.intersection(against))
    return 1 / (1 + math.exp(-_SLOPE * signs - _BIAS))


def _verbatim(claim: str, text: str) -> tuple[int, int] | None:
    """Where ``claim`` stands in ``text`` as whole sentences, white space and the shape of quotes aside.

    A part of a sentence is no quotation of it: what was cut off may have turned its meaning.
    """
    words = claim.translate(_STRAIGHT).split()
    if not words:
        return None
    bounds = sentences(text)
    starts, ends = {start for start, _ in bounds}, {end for _, end in bounds}
    for match in re.finditer(r"\s+".join(map(re.escape, words)), text.translate(_STRAIGHT)):
        if match.start() in starts and match.end() in ends:
            return match.start(), match.end()
    return None
