"""Steps put together: those of a turn until it ends, then as one trace and its measurements."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aver.evidence.telemetry.events import event_of
from aver.evidence.telemetry.measures import measure_step, measure_turn, outcome_of
from aver.evidence.telemetry.meter import Meter
from aver.evidence.telemetry.names import Attributes
from aver.evidence.telemetry.traces import (
    Place,
    attributes_of,
    facts_of,
    moment,
    place_of,
    sampled,
    step_span,
    trace_id,
    turn_span,
)
from aver.evidence.telemetry.types import Event, Span, SpanNote
from aver.evidence.types import OF_TURNS, Seen
from aver.store.types import Tenant

__all__ = ["Gathering"]

_OF_TURNS = frozenset(OF_TURNS)
_ENDS = ("sealed", "failed")
_BY_TURN = (
    "aver.feature.name",
    "aver.release.digest",
    "aver.environment.name",
    "aver.rollout.id",
    "aver.rollout.stage",
    "aver.rollout.arm",
    "aver.rollout.shadow_of",
    "gen_ai.conversation.id",
)
_SUMMED = {
    "gen_ai.usage.input_tokens": "aver.turn.input_tokens",
    "gen_ai.usage.output_tokens": "aver.turn.output_tokens",
    "aver.cost.usd": "aver.turn.cost.usd",
}
"""What a turn's calls come to, under names of the turn's own: receivers add up the calls' by themselves."""
_MOST_TURNS = 10_000
_MOST_SPANS = 1_000
_MOST_HELD = 50_000
"""Spans that are held back of one turn, and of all; what goes on longer is sent as far as it has come."""
_MOST_NOTES = 200
_MINUTE = 60 * 10**9


@dataclass(slots=True)
class _Turn:
    """A turn that has not ended."""

    tenant: Tenant
    began: int
    place: Place
    known: Attributes = field(default_factory=dict)
    """What it goes by, and what it has come to."""
    spans: list[Span] = field(default_factory=list)
    notes: list[SpanNote] = field(default_factory=list)
    notable: bool = False
    """Something in it is to be seen whatever is sampled: a failure, a denial, a block."""
    sent: bool = False


class Gathering:
    """Not thread-safe. ``ratio`` of the traces go out, and all of those in which something failed, was denied or was blocked; what is
    measured is measured of all. A caller who is in a trace that it has not sampled has none of the ``ratio``; of those that callers have
    sampled, ``wishes`` of each tenant go out beyond it in a minute."""

    def __init__(self, meter: Meter, ratio: float = 1.0, wishes: int = 0) -> None:
        self._meter = meter
        self._ratio = ratio
        self._wishes = wishes
        self._minute = 0
        self._granted: Counter[str] = Counter()
        """Wishes of the minute, by tenant."""
        self._turns: OrderedDict[tuple[str, str], _Turn] = OrderedDict()
        self._held = 0

    def take(self, tenant: Tenant, seen: Seen) -> Iterator[Span | Event]:
        """What is to be sent now that this step is known."""
        facts = facts_of(seen)
        if seen.kind not in _OF_TURNS:
            measure_step(partial(self._meter.add, tenant.name), seen.kind, facts, {}, {})
            yield event_of(tenant, seen, facts)
        elif seen.turn == facts.get("call"):
            yield from self._call(tenant, seen, facts)
        else:
            yield from self._step(tenant, seen, facts)

    def _call(self, tenant: Tenant, seen: Seen, facts: dict[str, Any]) -> Iterator[Span]:
        """A call that is part of no turn."""
        attributes = _shortened(attributes_of(seen.kind, facts))
        measure_step(partial(self._meter.add, tenant.name), seen.kind, facts, attributes, {})
        place = place_of(seen.turn, facts)
        span = step_span(tenant, seen, facts, place)
        if isinstance(span, Span) and (span.error or self._sampled(tenant, seen.turn, place, span.ended)):
            yield span

    def _step(self, tenant: Tenant, seen: Seen, facts: dict[str, Any]) -> Iterator[Span]:
        at, key = moment(seen.at), (tenant.id, seen.turn)
        turn = self._turns.get(key)
        if turn is None:
            if len(self._turns) >= _MOST_TURNS:
                yield from self._forget_oldest()
            # Another process may have begun it: then it began as long ago as its end says.
            began = at - int(facts.get("ms", 0) * 1e6)
            turn = self._turns[key] = _Turn(tenant, began, Place(trace_id(seen.turn)))
        if seen.kind in ("admitted", "resumed"):
            turn.place = place_of(seen.turn, facts)
        attributes = attributes_of(seen.kind, facts)
        self._follow(turn, seen, facts, attributes)
        by = _shortened({name: turn.known[name] for name in _BY_TURN if name in turn.known})
        count = partial(self._meter.add, tenant.name)
        measure_step(count, seen.kind, facts, _shortened(attributes), by)
        if seen.kind in _ENDS:
            del self._turns[key]
            self._held -= len(turn.spans)
            outcome = outcome_of(seen.kind, facts, turn.known)
            seconds = facts["ms"] / 1000 if "ms" in facts else (at - turn.began) / 1e9
            measure_turn(count, seconds, {**by, "aver.turn.outcome": outcome})
            turn.known["aver.turn.outcome"] = outcome
            error = str(facts.get("error") or "") if outcome == "failed" else ""
            if turn.sent or turn.notable or error or self._sampled(tenant, seen.turn, turn.place, at):
                yield from turn.spans
                notes = tuple(turn.notes)
                yield turn_span(tenant, seen.turn, turn.place, turn.began, at, turn.known, notes, error)
        elif seen.kind == "asked" or len(turn.spans) >= _MOST_SPANS:  # people may take days
            yield from self._release(seen.turn, turn)
        while self._turns and self._held >= _MOST_HELD:
            yield from self._forget_oldest()

    def rest(self) -> Iterator[Span]:
        """What is known of the turns that have not ended, for a process that ends."""
        while self._turns:
            yield from self._forget_oldest()

    def _forget_oldest(self) -> Iterator[Span]:
        (_, turn_id), turn = self._turns.popitem(last=False)
        yield from self._release(turn_id, turn)

    def _release(self, turn_id: str, turn: _Turn) -> Iterator[Span]:
        """The steps that a turn has had so far; what follows joins them by its trace."""
        self._held -= len(turn.spans)
        spans, turn.spans = turn.spans, []
        if turn.sent or turn.notable or self._sampled(turn.tenant, turn_id, turn.place, turn.began):
            turn.sent = True
            yield from spans

    def _sampled(self, tenant: Tenant, turn: str, place: Place, at: int) -> bool:
        """Whether a trace goes out in which nothing is of note. The share is of ids that no caller chooses."""
        if place.wished is False:
            return False
        return sampled(trace_id(turn), self._ratio) or (place.wished is True and self._grant(tenant, at))

    def _grant(self, tenant: Tenant, at: int) -> bool:
        """Whether a caller's wish can still be met in this minute. One that has begun does not begin again, however late a step is told."""
        if (minute := at // _MINUTE) > self._minute:
            self._minute = minute
            self._granted.clear()
        self._granted[tenant.id] += 1
        return self._granted[tenant.id] <= self._wishes

    def _follow(self, turn: _Turn, seen: Seen, facts: dict[str, Any], attributes: Attributes) -> None:
        if seen.kind == "called":
            for name, total in _SUMMED.items():
                said, more = turn.known.get(total, 0), attributes.get(name, 0)
                if isinstance(said, int | float) and isinstance(more, int | float):
                    turn.known[total] = said + more
        elif seen.kind in ("admitted", "responded", "verified", "failed"):
            turn.known |= attributes
        made = step_span(turn.tenant, seen, facts, turn.place, turn.began)
        if isinstance(made, SpanNote):
            if len(turn.notes) < _MOST_NOTES:
                turn.notes.append(made)
        elif made is not None:
            turn.spans.append(made)
            self._held += 1
        failed = isinstance(made, Span) and bool(made.error)
        if failed or facts.get("outcome") in ("deny", "block") or seen.kind in ("refused", "asked", "aborted"):
            turn.notable = True


def _shortened(attributes: Attributes) -> Attributes:
    """As measurements bear them: a digest's beginning tells releases apart."""
    digest = attributes.get("aver.release.digest")
    return attributes if digest is None else attributes | {"aver.release.digest": str(digest)[:12]}
