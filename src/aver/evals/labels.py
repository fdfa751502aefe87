"""What the labels of a case point to, for the person who asks: documents by name, exact strings by where they stand."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from aver.core import Principal
from aver.core.errors import InvalidInput
from aver.evals.types import Case, Gold, Span

if TYPE_CHECKING:
    from aver.knowledge.service import Knowledge

__all__ = ["Golds", "Labels", "occurrences"]

_SHOWN = 5
_RECENT = 1000
"""Cases whose gold is remembered: several scorers ask for it one after another."""


class Labels:
    """Looks labels up, and remembers what each person may read and each text it has read."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._names: dict[Principal, dict[str, set[str]]] = {}
        self._texts: dict[str, str] = {}
        self._passages: dict[str, list[tuple[int, int, str]]] = {}

    def resolve(self, cases: Sequence[tuple[Case, Principal]]) -> list[Gold]:
        """The gold of each case.

        Raises :class:`~aver.core.errors.InvalidInput` with the places of labels that name no document the person may read, or several,
        and of answers and quotes that do not stand where they are said to.
        """
        found: list[Gold] = []
        self.check(cases, found.append)
        return found

    def check(self, cases: Iterable[tuple[Case, Principal]], take: Callable[[Gold], object] = lambda _: None) -> None:
        """As :meth:`resolve`, giving each gold to ``take`` rather than keep it."""
        problems: list[InvalidInput] = []
        for case, principal in cases:
            try:
                take(self._gold(case, principal))
            except InvalidInput as error:
                problems.append(error)
        if not problems:
            return
        if len(problems) == 1:
            raise problems[0]
        more = f", and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        causes = "; ".join(error.cause for error in problems[:_SHOWN])
        raise InvalidInput(f"{len(problems)} questions have wrong labels: {causes}{more}", "Correct or remove them.")

    def _gold(self, case: Case, principal: Principal) -> Gold:
        documents = {self._document(case, principal, name) for name in case.documents}
        spans: list[Span] = []
        for each in case.passages:
            document = self._document(case, principal, each.document)
            quoted = self._spans(principal, document, [each.quote])
            if not quoted:
                raise InvalidInput(
                    f"{case.place}: its quote does not stand in {each.document!r}", "Quote the document as it is now."
                )
            documents.add(document)
            spans += quoted
        answers = [span for document in sorted(documents) for span in self._spans(principal, document, case.answers)]
        if documents and case.answers and not answers:
            raise InvalidInput(f"{case.place}: none of its answers stands in its documents", "Correct the labels.")
        spans += answers
        meeting = {
            (span.document, start)
            for span in spans
            for start, end, _ in self._passages[span.document]
            if span.meets(span.document, start, end)
        }
        anywhere = () if documents else case.answers
        return Gold(frozenset(documents), tuple(dict.fromkeys(spans)), frozenset(meeting), anywhere)

    def _document(self, case: Case, principal: Principal, name: str) -> str:
        if principal not in self._names:
            self._names[principal] = self._named(principal)
        ids = self._names[principal].get(name, set())
        if len(ids) == 1:
            return next(iter(ids))
        if ids:
            raise InvalidInput(f"{case.place}: {name!r} names {len(ids)} documents", "Write SOURCE/PATH or the uri.")
        raise InvalidInput(
            f"{case.place}: {principal.user} may read no document {name!r}", "See them: aver documents list"
        )

    def _named(self, principal: Principal) -> dict[str, set[str]]:
        """Ids by everything a document may be called; of one that is called so in two ways, what says more is meant."""
        names: dict[str, set[str]] = {}
        every = self._knowledge.documents(principal)
        for kind in (
            lambda each: each.id,
            lambda each: each.uri,
            lambda each: f"{each.source}/{each.path}",
            lambda each: each.path,
            lambda each: each.title,
        ):
            alike: dict[str, set[str]] = defaultdict(set)
            for each in every:
                alike[kind(each)].add(each.id)
            names = dict(alike) | names
        return names

    def _spans(self, principal: Principal, document: str, quotes: Sequence[str]) -> list[Span]:
        if document not in self._texts:
            self._texts[document] = self._knowledge.document(principal, document).text
            self._passages[document] = self._knowledge.passages(principal, document)
        text = self._texts[document]
        return [Span(document, start, end) for quote in quotes for start, end in occurrences(text, quote)]


class Golds:
    """The gold of a case when it is asked for, as the person who asks it may read."""

    def __init__(self, labels: Labels, who: Callable[[Case], Principal]) -> None:
        self._labels, self._who = labels, who
        self._recent: dict[str, Gold] = {}

    def check(self, cases: Iterable[Case]) -> None:
        """All of them before anything is asked; raises as :meth:`Labels.resolve`."""
        self._labels.check((case, self._who(case)) for case in cases)

    def __call__(self, case: Case) -> Gold:
        if case.id not in self._recent:
            if len(self._recent) >= _RECENT:
                del self._recent[next(iter(self._recent))]
            self._recent[case.id] = self._labels.resolve([(case, self._who(case))])[0]
        return self._recent[case.id]


def occurrences(text: str, quote: str) -> Iterator[tuple[int, int]]:
    """Where ``quote`` stands in ``text``, white space and case aside, and not as part of a longer word or number."""
    words = quote.split()
    if not words:
        return
    before = r"(?<![^\W_])" if words[0][0].isalnum() else ""
    after = r"(?![^\W_])" if words[-1][-1].isalnum() else ""
    pattern = before + r"\s+".join(map(re.escape, words)) + after
    for match in re.finditer(pattern, text, re.IGNORECASE):
        yield match.span()
