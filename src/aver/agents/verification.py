"""Verification, sentence by sentence: what was written becomes what may be shown.

The rules, which hold for generated and for extractive answers alike:

- A sentence is judged against the passages it cites. A mark whose passage does not exist or does not say it is dropped;
  with none left the sentence is unsupported, whatever else might have supported it.
- A sentence that cites two passages may be supported by both together.
- A sentence without marks may be attributed to a passage that was retrieved and says it.
- A sentence that claims nothing ("Here is what I found:") is left out.
- Unsupported sentences are shown, marked as such, but only after a supported one; an answer without any is not given.
- Right before it is shown, every citation is resolved anew, as the principal, against the stored document. A sentence whose
  source was deleted or closed to them meanwhile is not shown, and nor is an unsupported one, which may rest on anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from aver.agents.citing import uncite
from aver.agents.reading import read
from aver.agents.support import Span, Support, Thresholds, align, join, support
from aver.agents.types import Citation, Sentence, SentenceReady
from aver.core import Principal
from aver.core.errors import NotFound
from aver.gateway.types import Embedder
from aver.knowledge.types import DocumentText, Hit

__all__ = ["Judgement", "Readable", "Verifier"]

Fate = Literal["shown", "held", "withheld", "no claim"]


class Readable(Protocol):
    """What verification asks of :class:`~aver.knowledge.Knowledge`."""

    def document(self, principal: Principal, document: str, version: int | None = None) -> DocumentText: ...

    def readable(self, principal: Principal, pairs: Sequence[tuple[str, int]]) -> frozenset[tuple[str, int]]: ...


@dataclass(slots=True)
class Judgement:
    """One sentence as written and as judged. ``found`` pairs the number of a passage with the support in it."""

    written: str
    text: str
    marks: tuple[int, ...]
    found: tuple[tuple[int, Support], ...] = ()
    fate: Fate = "held"
    citations: tuple[int, ...] = field(default=())

    @property
    def supported(self) -> bool:
        return any(support.supported for _, support in self.found)

    def record(self) -> dict[str, Any]:
        """As it is kept in evidence."""
        return asdict(self) | {"supported": self.supported}


class Verifier:
    """The verification of one answer. Blocking; its methods are called one at a time. ``remembered`` are the document versions
    that earlier answers, of which the model was reminded, rest on."""

    def __init__(
        self,
        principal: Principal,
        hits: Sequence[Hit],
        knowledge: Readable,
        embedder: Embedder,
        thresholds: Thresholds,
        remembered: frozenset[tuple[str, int]] = frozenset(),
    ) -> None:
        self.judgements: list[Judgement] = []
        self.sentences: list[Sentence] = []
        self.citations: list[Citation] = []
        self._principal = principal
        self._hits = hits
        self._knowledge = knowledge
        self._embedder = embedder
        self._thresholds = thresholds
        self._remembered = remembered

    def verify(self, written: str) -> list[SentenceReady]:
        """Judge the next sentence; what may be shown now, in order: unsupported ones wait for the first supported."""
        judgement = self._judge(written)
        self.judgements.append(judgement)
        if not (self.sentences or judgement.supported):
            return []
        waiting = [each for each in self.judgements if each.fate == "held"]
        return [ready for each in waiting if (ready := self._show(each))]

    def _judge(self, written: str) -> Judgement:
        cited = uncite(written)
        judgement = Judgement(written, cited.text, cited.numbers)
        if not read(cited.text).claims:
            judgement.fate = "no claim"
            return judgement
        numbers = [number for number in cited.numbers if 0 < number <= len(self._hits)]
        if cited.numbers:
            judgement.found = self._cited(cited.text, numbers)
        else:
            judgement.found = tuple(self._attributed(cited.text))
        return judgement

    def _cited(self, claim: str, numbers: Sequence[int]) -> tuple[tuple[int, Support], ...]:
        each = tuple((number, self._support(claim, number)) for number in numbers)
        if len(each) < 2 or any(found.supported for _, found in each):
            return each
        return self._together(claim, each) or each

    def _together(self, claim: str, each: Sequence[tuple[int, Support]]) -> tuple[tuple[int, Support], ...]:
        """The best spans of several passages, each with support, when only all of them say what is claimed."""
        nearest = [(number, found) for number, found in each if found.end]
        if len(nearest) < 2:
            return ()
        parts: list[Span] = []
        for number, found in nearest:
            text = self._hits[number - 1].text[found.start : found.end]
            parts.append(Span(found.start, found.end, text, read(text)))
        whole = join(parts, " ".join(part.text for part in parts))
        context = " ".join(_context(self._hits[number - 1]) for number, _ in nearest)
        joint = align(claim, [whole], self._embedder, self._thresholds, context=context)
        if not joint.supported:
            return ()
        return tuple((number, Support(found.start, found.end, joint.score)) for number, found in nearest)

    def _attributed(self, claim: str) -> Iterator[tuple[int, Support]]:
        """The best passage for an unmarked sentence: the first that holds it word for word, else the best supporting one."""
        found = [(number, self._support(claim, number)) for number in range(1, len(self._hits) + 1)]
        if found:
            yield max(found, key=lambda item: (item[1].verbatim, item[1].supported, item[1].score, -item[0]))

    def _support(self, claim: str, number: int) -> Support:
        hit = self._hits[number - 1]
        return support(claim, hit.text, self._embedder, self._thresholds, context=_context(hit))

    def _show(self, judgement: Judgement) -> SentenceReady | None:
        if judgement.supported:
            resolved = [
                citation
                for number, found in judgement.found
                if found.supported and (citation := self._resolve(self._hits[number - 1], found))
            ]
        else:
            resolved = []
        if (judgement.supported and not resolved) or not (resolved or self._all_readable()):
            judgement.fate = "withheld"
            return None
        before = len(self.citations)
        for citation in resolved:
            if citation not in self.citations:
                self.citations.append(citation)
        judgement.fate = "shown"
        judgement.citations = tuple(dict.fromkeys(self.citations.index(citation) for citation in resolved))
        sentence = Sentence(judgement.text, bool(resolved), judgement.citations)
        self.sentences.append(sentence)
        return SentenceReady(sentence, tuple(self.citations[before:]))

    def _resolve(self, hit: Hit, found: Support) -> Citation | None:
        """The citation, if the document still says it there and the principal may still read it."""
        start, end = hit.start + found.start, hit.start + found.end
        quote = hit.text[found.start : found.end]
        try:
            document = self._knowledge.document(self._principal, hit.document, hit.version)
        except NotFound:
            return None
        if not quote or document.text[start:end] != quote:
            return None
        return Citation(hit.document, document.title, document.uri, hit.version, start, end, quote)

    def _all_readable(self) -> bool:
        pairs = self._remembered | {(hit.document, hit.version) for hit in self._hits}
        return pairs <= self._knowledge.readable(self._principal, sorted(pairs))


def _context(hit: Hit) -> str:
    return f"{hit.title} {hit.section}"
