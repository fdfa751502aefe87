"""The Feedback page: the turns that wait for somebody to decide what becomes of them, and what many of them ask about. Blocking reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aver.core.errors import InvalidInput
from aver.core.principal import Principal
from aver.ops.feedback.desk import documents_of
from aver.ops.feedback.types import SIGNALS, Cluster, Item, signal_of
from aver.server.console.rooms import address
from aver.server.tenancy import TenantServices

if TYPE_CHECKING:
    from aver.knowledge.types import Document

__all__ = ["Feedback", "Group", "Line", "Tab", "documents_to_mend", "feedback"]

_A_PAGE = 25
_OTHERS = ("decided", "clusters")


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of the queue, with how many there are in it."""

    name: str
    words: str
    count: int | None
    link: str


@dataclass(frozen=True, slots=True)
class Line:
    """A turn of the queue. ``documents`` are those that it looked at and that whoever looks may read: id and title."""

    item: Item
    why: tuple[str, ...]
    documents: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Turns that ask about the same."""

    cluster: Cluster
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Feedback:
    """Everything on the page. ``whole`` is false while older evidence is still being read."""

    show: str
    tabs: tuple[Tab, ...]
    lines: tuple[Line, ...]
    groups: tuple[Group, ...]
    page: int
    earlier: str
    later: str
    whole: bool
    here: str
    problem: tuple[str, str] | None = None
    """Cause and next step of what was not done."""


def feedback(
    services: TenantServices,
    principal: Principal,
    *,
    show: str = "",
    page: int = 1,
    problem: tuple[str, str] | None = None,
) -> Feedback:
    """The page at an address. Raises :class:`~aver.core.errors.InvalidInput` for a part of the queue that there is not."""
    if show and signal_of(show) is None and show not in _OTHERS:
        raise InvalidInput(f"The queue has no part {show[:40]!r}", "Follow a link of the page.")
    desk = services.triage
    whole, page = desk.freshen(), max(page, 1)
    counts = desk.counts()
    groups: tuple[Group, ...] = ()
    lines: Sequence[Line] = ()
    more = False
    if show == "clusters":
        found = desk.clusters()
        items = desk.items(turns=[turn for each in found for turn in each.turns], most=200)
        by_turn = {line.item.turn: line for line in _lines(services, principal, items)}
        groups = tuple(Group(each, tuple(by_turn[turn] for turn in each.turns if turn in by_turn)) for each in found)
    else:
        skip = (page - 1) * _A_PAGE
        items = desk.items(signal_of(show), decided=show == "decided", skip=skip, most=_A_PAGE + 1)
        more, lines = len(items) > _A_PAGE, _lines(services, principal, items[:_A_PAGE])

    def at(number: int) -> str:
        return address("/feedback", show=show, page=number if number > 1 else None)

    return Feedback(
        show=show,
        tabs=tuple(_tabs(counts)),
        lines=tuple(lines),
        groups=groups,
        page=page,
        earlier=at(page - 1) if page > 1 else "",
        later=at(page + 1) if more else "",
        whole=whole,
        here=at(page),
        problem=problem,
    )


def documents_to_mend(services: TenantServices, principal: Principal, turn: str) -> tuple[tuple[str, str], ...]:
    """Id and title of the documents that a turn looked at, as far as ``principal`` may read them."""
    steps = services.ledger.turns([turn] if turn.isprintable() else ()).get(turn, ())
    wanted = documents_of(steps)
    titles = _titles(services, principal, wanted)
    return tuple((each, titles[each]) for each in wanted if each in titles)


def _tabs(counts: Mapping[str, int]) -> Iterable[Tab]:
    yield Tab("", "All that waits", counts.get("", 0), "/feedback")
    words = {
        "ticket": "Tickets",
        "bad": "Not helpful",
        "again": "Asked again",
        "unsupported": "Unsupported",
        "sampled": "Sample",
    }
    for name in SIGNALS:
        yield Tab(name, words[name], counts.get(name, 0), address("/feedback", show=name))
    yield Tab("clusters", "By what they ask", None, address("/feedback", show="clusters"))
    yield Tab("decided", "Decided", counts.get("decided", 0), address("/feedback", show="decided"))


def _lines(services: TenantServices, principal: Principal, items: Sequence[Item]) -> list[Line]:
    steps = services.ledger.turns(each.turn for each in items)
    looked = {turn: documents_of(each) for turn, each in steps.items()}
    titles = _titles(services, principal, [each for found in looked.values() for each in found])
    return [
        Line(
            each,
            tuple(SIGNALS[signal] for signal in each.signals),
            tuple((name, titles[name]) for name in looked.get(each.turn, ()) if name in titles),
        )
        for each in items
    ]


def _titles(services: TenantServices, principal: Principal, wanted: Sequence[str]) -> Mapping[str, str]:
    """The titles of those that may be read."""
    if not wanted:
        return {}
    known: Sequence[Document] = services.knowledge.documents(principal)
    chosen = set(wanted)
    return {each.id: each.title for each in known if each.id in chosen}
