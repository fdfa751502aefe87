"""A labelled set drafted from what a person may read, so that a person can confirm it rather than write it.

A question is kept only if it does not copy its passage, the passage answers it, and no other document does. None of this asks the search
or the assistant how *well* it would do: a set of the questions that a system does well would measure nothing.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from aver.core import Principal
from aver.core.errors import NotFound
from aver.evals.datasets.similarity import Known
from aver.evals.drafting.absent import absent, swapped
from aver.evals.drafting.leakage import copied, repeats
from aver.evals.drafting.rules import Candidate, Kind, answers, candidates
from aver.evals.drafting.writing import Excerpt, Writer
from aver.evals.types import Case, Quote
from aver.knowledge.lexical import analyze
from aver.knowledge.types import Document, Hit

if TYPE_CHECKING:
    from aver.knowledge.service import Knowledge
    from aver.knowledge.types import Progress

__all__ = ["Drafted", "Drafter", "Wanted"]

T = TypeVar("T")
_READ_A_QUESTION = 20
"""Documents read for each question wanted, at most."""
_ALIKE = 0.75
"""Share of words at which a draft asks what another case does: higher than elsewhere, since questions made by rule begin alike."""
_LOOKED_AT = 20
"""Passages of other documents that are looked at for another answer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """``count`` questions, of which the share ``unanswerable`` has no answer. ``copied`` is the most words in a row that a question may
    have from its passage. ``known`` are questions that there are cases of; ``writer`` is the name of what words the questions."""

    count: int = 50
    unanswerable: float = 0.2
    copied: int = 4
    seed: int = 0
    known: tuple[str, ...] = ()
    writer: str = "rules"


@dataclass(frozen=True, slots=True)
class Drafted:
    """``left_out`` says of how many candidates why they were not kept."""

    cases: tuple[Case, ...]
    read: int
    left_out: dict[str, int]


@dataclass(slots=True)
class Drafter:
    """Drafts from the documents of ``principal``. With a ``writer`` a model words the questions, else rules do."""

    knowledge: Knowledge
    principal: Principal
    wanted: Wanted
    writer: Writer | None = None
    _left_out: Counter[str] = field(default_factory=Counter)
    _used: Counter[str] = field(default_factory=Counter)
    _most: int = 2
    _paths: Counter[str] = field(default_factory=Counter)
    _met: Known = field(default_factory=lambda: Known(_ALIKE))

    async def draft(self, progress: Progress | None = None) -> Drafted:
        """The same documents, seed and model's words give the same drafts. Raises :class:`~aver.core.errors.NotFound` when there is
        nothing to read, and what the model's calls raise."""
        wanted, chance = self.wanted, random.Random(self.wanted.seed)  # noqa: S311 - it chooses questions, and keeps no secret
        documents = self._chosen(chance)
        if not documents:
            raise NotFound(
                f"{self.principal.user} may read no document", "Ingest some, or name who may: --user, --group"
            )
        for question in wanted.known:
            self._met.add(question)
        self._most = max(2, math.ceil(2 * wanted.count / len(documents)))
        by_rule = [each for document in documents for each in self._by_rule(document)]
        without = round(wanted.count * wanted.unanswerable)
        tagged = len({document.source for document in documents}) > 1
        cases: list[Case] = []
        made = self._written(documents, chance) if self.writer is not None else _each(balanced(by_rule, chance))
        async for each in made:
            if len(cases) >= wanted.count - without:
                break
            if await self._keeps(each):
                self._used[each.document.id] += 1
                self._met.add(each.question)
                cases.append(self._case(each, tagged))
                if progress is not None:
                    progress(len(cases), wanted.count, each.question)
        cases += self._unanswerable(by_rule, without, chance)
        return Drafted(tuple(cases), len(documents), dict(sorted(self._left_out.items())))

    def _chosen(self, chance: random.Random) -> list[Document]:
        """Documents in random order, from each source in turn."""
        every = sorted(self.knowledge.documents(self.principal), key=lambda each: each.id)
        self._paths = Counter(each.path for each in every)
        grouped: dict[str, list[Document]] = defaultdict(list)
        for each in chance.sample(every, len(every)):
            grouped[each.source].append(each)
        return list(_in_turn([grouped[name] for name in sorted(grouped)]))[: _READ_A_QUESTION * self.wanted.count]

    def _by_rule(self, document: Document) -> list[Candidate]:
        stored = self.knowledge.document(self.principal, document.id, blocks=True)
        return list(candidates(document, stored, self.knowledge.passages(self.principal, document.id)))

    async def _written(self, documents: Sequence[Document], chance: random.Random) -> AsyncIterator[Candidate]:
        assert self.writer is not None
        for document in documents:
            passages = self.knowledge.passages(self.principal, document.id)
            if not passages:
                continue
            text = self.knowledge.document(self.principal, document.id).text
            start, end, section = chance.choice(passages)
            passage = text[start:end]
            for question, quote in await self.writer.questions(_excerpt(document, passage)):
                yield Candidate(question, question, "model", document, quote, section, passage)

    async def _keeps(self, each: Candidate) -> bool:
        if why := self._too_much(each) or await self._problem(each):
            self._left_out[why] += 1
        return not why

    def _too_much(self, each: Candidate) -> str:
        if self._used[each.document.id] >= self._most:
            return "its document has its share of questions"
        return "another case asks it already" if self._met.find(each.question) is not None else ""

    async def _problem(self, each: Candidate) -> str:
        if copied(each.question, each.read) > self.wanted.copied:
            return "copies its passage"
        if not await self._answered(each):
            return "its passage does not answer it"
        others = [hit for hit in self._found(each) if hit.document != each.document.id]
        if any(repeats(each.quote, hit.text) or answers(each, hit) for hit in others if each.kind != "model"):
            return "another document answers it too"
        if self.writer is not None and each.kind == "model":
            for hit in others[:1]:
                excerpt = Excerpt(f"{hit.document}@{hit.version}", hit.title, hit.text)
                if repeats(each.quote, hit.text) or await self.writer.answer(each.question, excerpt):
                    return "another document answers it too"
        return ""

    async def _answered(self, each: Candidate) -> bool:
        """A rule's question is, where what it asks about stands in its passage; a model's, where the model finds the answer again."""
        if each.kind == "model":
            assert self.writer is not None
            again = await self.writer.answer(each.question, _excerpt(each.document, each.passage))
            return bool(set(analyze(again)) & set(analyze(each.quote))) if again else False
        return set(analyze(each.about)) <= set(analyze(each.read))

    def _found(self, each: Candidate, principal: Principal | None = None) -> list[Hit]:
        """What is most like the question, or like its answer."""
        who = principal or self.principal
        queries = dict.fromkeys((each.question, each.quote[:1000]))
        return [hit for query in queries for hit in self.knowledge.search(who, query, _LOOKED_AT)]

    def _unanswerable(self, made: Sequence[Candidate], count: int, chance: random.Random) -> list[Case]:
        """Half of them, where there are such, answered only by what the person may not read without their groups; the others about
        what stands nowhere."""
        cases = [] if not self.principal.groups else list(self._not_permitted(made, count, chance))
        cases = cases[: (count + 1) // 2]
        asked = {case.question for case in cases}
        for each, question, thing in swapped(made, chance):
            if len(cases) >= count:
                break
            if question in asked or self._met.find(question) is not None:
                continue
            if absent(thing, lambda query: self.knowledge.search(self.principal, query, _LOOKED_AT)):
                asked.add(question)
                cases.append(self._without_answer(question, self.principal, "swapped", each.document))
            else:
                self._left_out["what it was changed to ask about is there"] += 1
        return cases

    def _not_permitted(self, made: Sequence[Candidate], count: int, chance: random.Random) -> Iterator[Case]:
        outsider = Principal(self.principal.tenant, self.principal.user)
        open_to_all = {document.id for document in self.knowledge.documents(outsider)}
        closed = [each for each in made if each.document.id not in open_to_all]
        kept = 0
        for each in balanced(closed, chance):
            if kept == count:
                return
            if copied(each.question, each.read) <= self.wanted.copied and not any(
                repeats(each.quote, hit.text) or answers(each, hit) for hit in self._found(each, outsider)
            ):
                kept += 1
                yield self._without_answer(each.question, outsider, "not permitted", each.document)

    def _case(self, each: Candidate, tagged: bool) -> Case:
        name = self._name(each.document)
        tags = (each.kind, *((each.document.source,) if tagged else ()))
        return Case(
            id="",
            question=each.question,
            user=self.principal.user,
            groups=tuple(sorted(self.principal.groups)),
            passages=(Quote(name, " ".join(each.quote.split())),),
            tags=tags,
            status="draft",
            cluster=f"document:{name}",
            origin="synthetic",
            metadata=self._provenance(each.kind, each.document),
        )

    def _name(self, document: Document) -> str:
        return document.path if self._paths[document.path] == 1 else f"{document.source}/{document.path}"

    def _provenance(self, kind: Kind, document: Document) -> dict[str, Any]:
        """Of what version of which document it was made, by what, under which seed."""
        made = {"kind": kind, "writer": self.wanted.writer if kind == "model" else "rules", "seed": self.wanted.seed}
        return {"drafted": {**made, "document": self._name(document), "version": document.version}}

    def _without_answer(self, question: str, principal: Principal, kind: Kind, made_of: Document) -> Case:
        return Case(
            id="",
            question=question,
            user=principal.user,
            groups=tuple(sorted(principal.groups)),
            unanswerable=True,
            tags=("unanswerable", kind),
            status="draft",
            cluster=f"document:{self._name(made_of)}",
            origin="synthetic",
            metadata=self._provenance(kind, made_of),
        )


def balanced(made: Iterable[Candidate], chance: random.Random) -> Iterator[Candidate]:
    """From each source and kind in turn, in random order; each question once."""
    strata: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for each in made:
        strata[each.document.source, each.kind].append(each)
    seen: set[str] = set()
    for each in _in_turn([chance.sample(some, len(some)) for _, some in sorted(strata.items())]):
        if each.question not in seen:
            seen.add(each.question)
            yield each


def _in_turn(lists: Sequence[Sequence[T]]) -> Iterator[T]:
    for place in range(max(map(len, lists), default=0)):
        yield from (each[place] for each in lists if place < len(each))


def _excerpt(document: Document, passage: str) -> Excerpt:
    return Excerpt(f"{document.id}@{document.version}", document.title, passage)


async def _each(made: Iterable[Candidate]) -> AsyncIterator[Candidate]:
    for each in made:
        yield each
