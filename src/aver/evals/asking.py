"""The questions of a set, asked as the people who would ask them: searched for, answered, and held against their labels."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aver.core import Clock, Principal
from aver.core.errors import LimitReached, NotFound, ProviderError
from aver.evals.labels import occurrences
from aver.evals.scorers import ranking
from aver.evals.types import Case, Gold, Outcome
from aver.gateway.adapters.extractive import choose
from aver.gateway.adapters.extractive_scoring import score
from aver.gateway.types import Embedder, Passage

if TYPE_CHECKING:
    from aver.agents.service import Assistant
    from aver.agents.types import Answer
    from aver.knowledge.service import Knowledge
    from aver.knowledge.types import Progress

__all__ = ["DEPTH", "Asked", "Examiner"]

T = TypeVar("T", bound=Hashable)
DEPTH = 100
"""Passages that are ranked for a question."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A case with who asks it and what its labels come to."""

    case: Case
    principal: Principal
    gold: Gold


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a document that a turn looked at, or quotes."""

    document: str
    start: int
    end: int
    text: str

    def holds(self, gold: Gold) -> bool:
        if gold.spans:
            return any(span.meets(self.document, self.start, self.end) for span in gold.spans)
        return _says(self.text, gold.anywhere) if gold.anywhere else self.document in gold.documents


@dataclass(slots=True)
class Examiner:
    """Asks. Without an ``assistant`` nothing is answered, only searched for; ``cutoffs`` are the k of measures at k."""

    knowledge: Knowledge
    embedder: Embedder
    clock: Clock
    assistant: Assistant | None = None
    cutoffs: Sequence[int] = (5, 10)

    async def examine(self, asked: Sequence[Asked], progress: Progress | None = None) -> list[Outcome]:
        """What came of each, in order. A turn that fails, as its provider failed or a budget was used up, is no answer and no
        abstention, and its error stands in its outcome; the others go on. Raises everything else that a search or a turn raises."""
        found = []
        for number, each in enumerate(asked, 1):
            outcome = Outcome(each.case, each.principal)
            self._search(each, outcome)
            if self.assistant is not None:
                await self._ask(self.assistant, each, outcome)
            found.append(outcome)
            if progress is not None:
                progress(number, len(asked), each.case.question)
        return found

    def _search(self, asked: Asked, outcome: Outcome) -> None:
        began = self.clock.monotonic()
        hits = self.knowledge.search(asked.principal, asked.case.question, DEPTH)
        outcome.retrieval_ms = (self.clock.monotonic() - began) * 1000
        gold = asked.gold
        if gold.documents:
            documents = list(dict.fromkeys(hit.document for hit in hits))
            self._rank(outcome, "", documents, dict.fromkeys(gold.documents, 1.0))
        if gold.passages:
            passages = [(hit.document, hit.start) for hit in hits]
            self._rank(outcome, "passage_", passages, dict.fromkeys(gold.passages, 1.0))
        elif gold.anywhere:
            holders = {hit.passage: 1.0 for hit in hits if _says(hit.text, gold.anywhere)}
            self._rank(outcome, "passage_", [hit.passage for hit in hits], holders, whole=False)

    def _rank(
        self, outcome: Outcome, prefix: str, ranked: Sequence[T], relevance: Mapping[T, float], *, whole: bool = True
    ) -> None:
        """``whole``: everything that is relevant is known, and not only what was found of it."""
        values = {"mrr": ranking.reciprocal_rank(ranked, relevance)}
        for k in self.cutoffs:
            values[f"precision@{k}"] = ranking.precision(ranked, relevance, k)
            values[f"hit@{k}"] = ranking.hit(ranked, relevance, k)
            if whole:
                values[f"recall@{k}"] = ranking.recall(ranked, relevance, k)
                values[f"ndcg@{k}"] = ranking.ndcg(ranked, relevance, k)
        outcome.values |= {prefix + name: (value, 1.0) for name, value in values.items()}

    async def _ask(self, assistant: Assistant, asked: Asked, outcome: Outcome) -> None:
        gold, answerable = asked.gold, not asked.case.unanswerable
        try:
            answer = await assistant.ask(asked.principal, asked.case.question)
        except (ProviderError, LimitReached) as error:
            outcome.error = error.slug
            missed = ("gold_in_citations", "answered") if answerable else ("held_back",)
            outcome.values |= dict.fromkeys(missed, (0.0, 1.0))
            return
        outcome.abstained, outcome.mode = answer.abstained, answer.mode
        outcome.answer_ms, outcome.cost_usd = answer.latency_ms, answer.usage.cost_usd
        looked, question = self._looked(assistant, asked, answer)
        confidence, held_back = self._judged(question, looked)
        outcome.confidence = confidence
        cited = [_Part(each.document, each.start, each.end, each.quote) for each in answer.citations]
        given = any(part.holds(gold) for part in cited) and answerable
        if answerable:
            outcome.values["gold_in_context"] = _any(part.holds(gold) for part, _ in looked)
            outcome.values["gold_in_citations"] = float(given), 1.0
            outcome.values["answered"] = float(not answer.abstained), 1.0
            if cited:
                right = sum(part.document in gold.documents or part.holds(gold) for part in cited)
                outcome.values["citation_precision"] = float(right), float(len(cited))
        else:
            outcome.values["held_back"] = float(answer.abstained), 1.0
        if not answer.abstained:
            outcome.right = given
            outcome.values["right_of_answered"] = float(given), 1.0
        elif not answerable or answer.mode == "extractive":
            outcome.right = answerable and any(part.holds(gold) for part in held_back)

    def _looked(self, assistant: Assistant, asked: Asked, answer: Answer) -> tuple[list[tuple[_Part, str]], str]:
        """What the turn looked at, each with its title, and the question as it was understood: as its evidence says."""
        steps = assistant.evidence(asked.principal, answer.turn)
        body = next((step.body or {} for step in steps if step.kind == "retrieved"), {})
        found = []
        for hit in body.get("hits", ()):
            try:
                stored = self.knowledge.document(asked.principal, hit["document"], hit["version"])
            except NotFound:  # deleted meanwhile
                continue
            part = _Part(hit["document"], hit["start"], hit["end"], stored.text[hit["start"] : hit["end"]])
            found.append((part, f"{hit['title']} \u2014 {hit['section']}" if hit["section"] else hit["title"]))
        return found, body.get("question", asked.case.question)

    def _judged(self, question: str, looked: Sequence[tuple[_Part, str]]) -> tuple[float, list[_Part]]:
        """Log odds that what was looked at answers, as the extractive model judges them, and the sentences it would quote."""
        passages = [Passage(number, title, part.text) for number, (part, title) in enumerate(looked, 1)]
        scored = score(question, passages, self.embedder)
        if scored is None or not math.isfinite(scored.odds):
            return -math.inf, []
        quoted = []
        for each in choose(scored):
            part, _ = looked[each.passage]
            quoted.append(_Part(part.document, part.start + each.start, part.start + each.end, each.text))
        return scored.odds, quoted


def _any(found: Iterable[bool]) -> tuple[float, float]:
    return float(any(found)), 1.0


def _says(text: str, strings: Iterable[str]) -> bool:
    return any(next(occurrences(text, each), None) for each in strings)
