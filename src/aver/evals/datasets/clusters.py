"""Which cases depend on each other, so that they count as less than as many, and are never split apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from aver.evals.datasets.similarity import alike
from aver.evals.types import Case

__all__ = ["CONVERSATION", "Grouping", "clustered", "related"]

CONVERSATION = "conversation"
"""Under this name the metadata of a case say which conversation it comes from."""


class Grouping:
    """Members that were joined, directly or through others (union-find)."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def find(self, member: int) -> int:
        while self._above[member] != member:
            self._above[member] = self._above[self._above[member]]
            member = self._above[member]
        return member

    def join(self, members: Sequence[int]) -> None:
        for other in members[1:]:
            one, two = sorted((self.find(members[0]), self.find(other)))
            self._above[two] = one


def clustered(cases: Sequence[Case]) -> list[Case]:
    """The cases with a cluster each that comes from a conversation or a document: those that share either, directly or through others, have the
    same one, named after the first of what they share. A cluster that is written stays as it is."""
    open_ = [place for place, case in enumerate(cases) if not case.cluster]
    groups = Grouping(len(cases))
    for members in _sharing(cases, open_, _sources).values():
        groups.join(members)
    names: dict[int, str] = {}
    for place in open_:
        for source in _sources(cases[place]):
            group = groups.find(place)
            names[group] = min(names.get(group, source), source)
    found = list(cases)
    for place in open_:
        if name := names.get(groups.find(place)):
            found[place] = replace(cases[place], cluster=name)
    return found


def related(cases: Sequence[Case]) -> Grouping:
    """Groups of cases, by their places, that a split must not separate: of one cluster, or with nearly the same question."""
    groups = Grouping(len(cases))
    for members in _sharing(cases, range(len(cases)), lambda case: [case.cluster] if case.cluster else []).values():
        groups.join(members)
    for pair in alike([case.question for case in cases]):
        groups.join((pair.one, pair.other))
    return groups


def _sources(case: Case) -> list[str]:
    """Where it comes from, in words that tell conversations from documents."""
    conversation = case.metadata.get(CONVERSATION)
    if isinstance(conversation, str) and conversation:
        return [f"{CONVERSATION}:{conversation}"]
    named = {*case.documents, *(quote.document for quote in case.passages)}
    return [f"document:{name}" for name in sorted(named)]


def _sharing(
    cases: Sequence[Case], places: Iterable[int], keys: Callable[[Case], Sequence[str]]
) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for place in places:
        for key in keys(cases[place]):
            found[key].append(place)
    return found
