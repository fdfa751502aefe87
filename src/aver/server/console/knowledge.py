"""What the Knowledge page shows: the sources, how each stands, and the documents of one that a person may read. Blocking reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from aver.core.principal import Principal
from aver.knowledge.quality import CHECKS, Check, Finding
from aver.knowledge.sources.overview import SourceOverview
from aver.knowledge.types import Document
from aver.server.application import TenantServices

__all__ = ["Knowledge", "State", "knowledge", "rhythm", "span"]

_DOCUMENTS_A_PAGE = 50

State = Literal["failed", "late", "incomplete", "not followed yet", "by hand", "when asked", "on time", "well"]

_WORST_FIRST: tuple[State, ...] = get_args(State)
_SORTS: Mapping[str, Callable[[SourceOverview], Any]] = {
    "name": lambda each: each.name.lower(),
    "state": lambda each: _WORST_FIRST.index(state_of(each)),
    "documents": lambda each: -each.documents,
    "lag": lambda each: -(float("inf") if each.lag is None else each.lag),
    "quality": lambda each: -sum(each.quality.counts.values()),
}
_ADVICE: dict[Check, str] = {
    "empty": "They cannot be found. A scan needs text recognition; anything else is best removed.",
    "garbled": "What is garbled is neither found nor cited well. Export the file again, or recognise it from its pictures.",
    "short": "They are found and answer little. Fill them, or leave them out.",
    "duplicate": "Keep one: answers cite whichever they meet.",
    "near-duplicate": "Say which one holds, and remove the other: where they differ, answers may cite either.",
    "unstructured": "Give them headings: passages are found by the section they stand in.",
    "unbroken": "Divide the paragraph: a passage of it says little of the rest.",
    "stale": "Check that they still hold.",
}


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source to show. ``link`` opens it."""

    overview: SourceOverview
    link: str

    @property
    def state(self) -> State:
        return state_of(self.overview)

    @property
    def found(self) -> int:
        return sum(self.overview.quality.counts.values())


@dataclass(frozen=True, slots=True)
class CheckView:
    """What a check found: in how many documents, what to do, and examples with whether the person may open each."""

    check: Check
    count: int
    advice: str
    examples: tuple[tuple[Finding, bool], ...]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Documents of the open source that the person may read, those of one page. ``earlier`` and ``later`` are addresses, empty at the ends."""

    documents: Sequence[Document]
    total: int
    find: str
    earlier: str
    later: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything on the page. ``opened`` is the source whose details are shown, ``None`` for the list of all."""

    place: str
    principal: Principal
    sources: tuple[SourceView, ...]
    sort: str
    opened: SourceView | None
    checks: tuple[CheckView, ...]
    shelf: Shelf | None


def knowledge(
    services: TenantServices, principal: Principal, *, source: str = "", sort: str = "", find: str = "", page: int = 1
) -> Knowledge:
    """The page at an address. :class:`~aver.core.errors.NotFound` for a source that is not there, or not theirs to know of."""
    found = [services.sources.overview(principal, source)] if source else services.sources.overviews(principal)
    sort = sort if sort in _SORTS else "name"
    views = tuple(
        SourceView(each, f"/knowledge?{urlencode({'source': each.name})}") for each in sorted(found, key=_SORTS[sort])
    )
    opened = views[0] if source else None
    return Knowledge(
        place=services.store.tenant.name,
        principal=principal,
        sources=views,
        sort=sort,
        opened=opened,
        checks=_checks(services, principal, opened.overview) if opened else (),
        shelf=_shelf(services, principal, source, find.strip(), page) if opened else None,
    )


def state_of(overview: SourceOverview) -> State:
    """In a word, the worst first. To whom it is not told whether the last run failed, it is not said that all is well."""
    if overview.problem:
        return "failed"
    if overview.kind is None:
        return "by hand"
    if overview.lag is None:
        return "not followed yet"
    if overview.is_late:
        return "late"
    if not overview.whole:
        return "on time" if overview.every else "when asked"
    return "incomplete" if overview.report and overview.report.failed else "well"


def span(seconds: float | None) -> str:
    """A length of time as a person says it."""
    if seconds is None:
        return "never"
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = round(seconds / length)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{timedelta(seconds=round(seconds)).seconds} s"


def rhythm(seconds: float) -> str:
    """How often something happens, as a person says it."""
    words = span(seconds)
    return f"every {words.removeprefix('1 ') if seconds >= 60 else words}"


def _checks(services: TenantServices, principal: Principal, overview: SourceOverview) -> tuple[CheckView, ...]:
    quality = overview.quality
    readable = services.knowledge.current(principal, {each.document for each in quality.findings})
    return tuple(
        CheckView(
            check,
            quality.counts[check],
            _ADVICE[check],
            tuple((each, each.document in readable) for each in quality.findings if each.check == check),
        )
        for check in CHECKS
        if check in quality.counts
    )


def _shelf(services: TenantServices, principal: Principal, source: str, find: str, page: int) -> Shelf:
    wanted = find.lower()
    found = [
        each
        for each in services.knowledge.documents(principal)
        if each.source == source and (wanted in each.title.lower() or wanted in each.uri.lower())
    ]
    pages = max(1, -(-len(found) // _DOCUMENTS_A_PAGE))
    page = min(max(page, 1), pages)

    def address(number: int) -> str:
        query = {"source": source, **({"find": find} if find else {}), "page": number}
        return f"/knowledge?{urlencode(query)}#documents" if 1 <= number <= pages else ""

    first = (page - 1) * _DOCUMENTS_A_PAGE
    return Shelf(found[first : first + _DOCUMENTS_A_PAGE], len(found), find, address(page - 1), address(page + 1))
