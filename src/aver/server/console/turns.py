"""What the page of turns shows at an address, and that of one turn. Blocking reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from aver.agents.types import Citation, LookedAt, PastTurn
from aver.core.clock import rfc3339
from aver.evidence.proof import Proof
from aver.ops.feedback.desk import became_of
from aver.ops.feedback.types import Became
from aver.ops.turns.asking import read_filters, write_filters
from aver.ops.turns.types import OUTCOMES, Slot, TurnRow
from aver.server.application import TenantServices
from aver.server.console.charts import Column, Part, columns
from aver.server.console.outcomes import STATES
from aver.server.console.rooms import address
from aver.server.console.story import Story, story
from aver.server.inspecting import Look, Sight

__all__ = ["OneTurn", "Turns", "one_turn", "turns"]

_PLAIN = ("feature", "outcome", "model", "check", "feedback")
"""The filters that stand in the form; the others stand below them once they are asked for."""


@dataclass(frozen=True, slots=True)
class Turns:
    """A page of turns. ``filters`` are the words of the address; ``choices`` the values that there are of each."""

    filters: Mapping[str, str]
    total: int
    behind: int
    turns: Sequence[TurnRow]
    slots: Sequence[Slot]
    sort: str
    following: str
    first: bool
    choices: Mapping[str, Sequence[str]]

    @property
    def chart(self) -> Markup:
        """How many began when, by outcome; each slot opens its turns."""
        if not self.slots:
            return Markup("")
        ends = (_hour(self.slots[0].start), _hour(self.slots[-1].start + timedelta(seconds=self.slots[-1].seconds)))
        return columns([self._column(slot) for slot in self.slots], f"Turns by {_wide(self.slots[0].seconds)}", ends)

    @property
    def dearest(self) -> int:
        """The highest cost on the page, which bars are a part of."""
        return max((each.nano for each in self.turns), default=0)

    @property
    def slowest(self) -> float:
        return max((each.ms for each in self.turns), default=0.0)

    @property
    def beyond(self) -> Mapping[str, str]:
        """The filters in force that the form has no field for."""
        return {name: value for name, value in self.filters.items() if name not in (*_PLAIN, "since", "sort")}

    def link(self, **other: object) -> str:
        """The address of the page with something else of it."""
        return address("/turns", **{**self.filters, **other})

    def counted(self, outcome: str) -> int:
        return sum(slot.outcomes.get(outcome, 0) for slot in self.slots)

    def _column(self, slot: Slot) -> Column:
        until = slot.start + timedelta(seconds=slot.seconds)
        parts = [Part(slot.outcomes.get(each, 0), each, STATES[each][0]) for each in OUTCOMES]
        told = ", ".join(f"{part.value:,.0f} {part.words}" for part in parts if part.value)
        link = self.link(since=_short(slot.start), until=_short(until))
        return Column(f"{_hour(slot.start)}: {told or 'none'}", parts, link)


@dataclass(frozen=True, slots=True)
class OneTurn:
    """One turn as a story. ``sight`` says which of its words whoever looks may see, ``inspectable`` whether they might see more if they go on record."""

    turn: str
    sight: Sight
    inspectable: bool
    erased: bool
    row: TurnRow | None
    story: Story
    answer: PastTurn | None
    proof: Proof
    incidents: Sequence[tuple[str, str, str]]
    """Id, title and state."""
    became: Became | None = None
    """What was decided of it."""

    @property
    def documents(self) -> Sequence[tuple[str, str, int]]:
        """Id, title and version of what its answer rests on, as far as whoever looks may read it."""
        answer = self.answer.answer if self.answer else None
        shown: tuple[Citation | LookedAt, ...] = (*answer.citations, *answer.looked_at) if answer else ()
        return list(dict.fromkeys((each.document, each.title, each.version) for each in shown))

    @property
    def titles(self) -> Sequence[tuple[str, str]]:
        """Of these, id and title."""
        return list(dict.fromkeys((document, title) for document, title, _ in self.documents))


def turns(services: TenantServices, given: Mapping[str, str], now: datetime) -> Turns:
    """The page at an address. Raises :class:`~aver.core.errors.InvalidInput` for a filter that cannot be, and :class:`~aver.core.errors.NotFound` for an incident that
    there is not."""
    services.operations.freshen()
    filters = read_filters(given, now)
    search = services.operations.turns
    found = search.find(filters)
    words = write_filters(filters) | {name: given[name] for name in ("since", "until") if given.get(name)}
    return Turns(
        filters=words,
        total=found.total,
        behind=found.behind,
        turns=found.turns,
        slots=found.slots,
        sort=filters.sort,
        following=found.following,
        first=not filters.after,
        choices=search.choices(),
    )


def one_turn(found: Look) -> OneTurn:
    """The page of one turn."""
    asked = next((step.body.get("question") for step in found.steps if step.kind == "admitted" and step.body), "")
    return OneTurn(
        turn=found.turn,
        sight=found.sight,
        inspectable=found.inspectable,
        erased=found.erased,
        row=found.row,
        story=story(found.steps, question=str(asked or ""), back="/turns"),
        answer=found.answer,
        proof=found.proof,
        incidents=tuple((each.id, each.title, each.status) for each in found.incidents),
        became=became_of(found.steps),
    )


def _short(at: datetime) -> str:
    return rfc3339(at).replace(".000000", "")


def _hour(at: datetime) -> str:
    return f"{at:%-d %b %H:%M}"


def _wide(seconds: int) -> str:
    """A slot in words."""
    words = {60: "minute", 3600: "hour", 86_400: "day", 604_800: "week", 2_592_000: "30 days"}
    return words.get(seconds) or (f"{seconds // 3600} hours" if seconds >= 3600 else f"{seconds // 60} minutes")
