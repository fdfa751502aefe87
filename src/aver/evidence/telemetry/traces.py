"""A turn's steps as spans, by the conventions for agents, tools and models.

A step is recorded when it has happened: its span ends then, and begins as long before as the step says that it took. Ids are digests of
the turn's id and the step's place in the chain, so that whoever has a turn can name its trace, whichever process sent it, and nothing
has to be remembered between processes. A caller who says which trace it is in has its turn told within that: then the trace, and the
span above the turn's own, are the caller's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from aver.core.clock import Clock
from aver.evidence.telemetry.names import FACTS, PROVIDERS, Attributes
from aver.evidence.telemetry.types import Span, SpanNote
from aver.evidence.types import Seen
from aver.store.types import Tenant

__all__ = [
    "Place",
    "attributes_of",
    "facts_of",
    "moment",
    "now_of",
    "place_of",
    "root_id",
    "sampled",
    "step_span",
    "trace_id",
    "turn_span",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OUTCOMES = {"checked": "aver.check.outcome", "decided": "aver.decision.outcome", "executed": "aver.tool.outcome"}
_CONTENTIOUS = {"deny", "block"}
_UNDONE = {"failed", "undecided"}
_WITHIN = frozenset({"admitted", "generated", "responded", "sealed", "failed"})
"""Steps that the turn's own span tells of; ``generated`` says again, from the turn's side, what ``called`` says of the call."""


def trace_id(turn: str) -> bytes:
    """The 16 bytes of the trace of a turn, or of a call that is part of none."""
    return hashlib.blake2b(turn.encode(), digest_size=16, person=b"aver trace").digest()


def root_id(turn: str) -> bytes:
    """The 8 bytes of the span that is the whole turn."""
    return hashlib.blake2b(turn.encode(), digest_size=8, person=b"aver turn").digest()


class Place(NamedTuple):
    """Which trace a turn is told in, the span above it, if any, and whether the caller who is in that trace has sampled it; ``None`` where
    the trace is the turn's own."""

    trace: bytes
    parent: bytes = b""
    wished: bool | None = None


def place_of(turn: str, facts: Mapping[str, Any]) -> Place:
    """As the fact ``traceparent`` of a step says, which has the form of :func:`~aver.core.traceparent.read_traceparent`."""
    said = facts.get("traceparent")
    if not said:
        return Place(trace_id(turn))
    _, trace, span, flags = said.split("-")
    return Place(bytes.fromhex(trace), bytes.fromhex(span), flags == "01")


def sampled(trace: bytes, ratio: float) -> bool:
    """Whether a trace is among the ``ratio`` of them that are kept: by its id's last 56 bits, as every other process decides, too
    (https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/)."""
    return int.from_bytes(trace[-7:]) >= (1 - ratio) * 2**56


def moment(at: str) -> int:
    """An RFC 3339 time in nanoseconds since 1970."""
    return (datetime.fromisoformat(at) - _EPOCH) // _MICROSECOND * 1000


def now_of(clock: Clock) -> int:
    """The time in nanoseconds since 1970, to the microsecond."""
    return (clock.now() - _EPOCH) // _MICROSECOND * 1000


def facts_of(seen: Seen) -> dict[str, Any]:
    """The facts of a step, which are the clear part of evidence."""
    facts: dict[str, Any] = orjson.loads(seen.facts)
    return facts


def attributes_of(kind: str, facts: Mapping[str, Any]) -> Attributes:
    """Those facts of a step that have a name outside, under it."""
    found: Attributes = {}
    for name, value in facts.items():
        if (outside := FACTS.get(name)) is None or value is None:
            continue
        if isinstance(value, list):
            if said := [str(each) for each in value if each is not None]:
                found[outside] = said
        elif value != "":
            found[outside] = value
    provider = found.get("gen_ai.provider.name")
    if provider is not None:
        found["gen_ai.provider.name"] = PROVIDERS.get(str(provider).lower(), provider)
    if (outcome := facts.get("outcome")) and kind in _OUTCOMES:
        found[_OUTCOMES[kind]] = outcome
    if kind == "called":
        _add_call(found, facts)
    return found


def _add_call(found: Attributes, facts: Mapping[str, Any]) -> None:
    """What a call says in units that the conventions do not use."""
    if "gen_ai.request.model" not in found and (asked := facts.get("asked")):
        found["gen_ai.request.model"] = asked
    if finish := facts.get("finish"):
        found["gen_ai.response.finish_reasons"] = [finish]
    if facts.get("streamed") and (first := facts.get("first_ms")):
        found["gen_ai.response.time_to_first_chunk"] = first / 1000
    found["aver.cost.usd"] = facts.get("nano_usd", 0) / 1e9


def step_span(
    tenant: Tenant, seen: Seen, facts: Mapping[str, Any], place: Place, earliest: int = 0
) -> Span | SpanNote | None:
    """A step of a turn that is told at ``place`` as a span of its own, or as a note of the turn's where it takes no time; ``None`` for one that
    says nothing anew. It does not begin before ``earliest``. A call that is part of no turn stands there by itself."""
    if seen.kind in _WITHIN:
        return None
    ended = moment(seen.at)
    attributes: Attributes = {"aver.step.kind": seen.kind, "aver.step.seq": seen.seq, **attributes_of(seen.kind, facts)}
    named = _span_name(seen.kind, attributes)
    if named is None:
        return SpanNote(f"aver.{seen.kind}", ended, attributes)
    alone = seen.turn == facts.get("call")
    took = facts.get("ms", 0) if seen.kind != "checked" else sum(facts.get("took", ()))
    began = ended - int(took * 1e6)
    error = facts.get("error") or ""
    outcome = facts.get("outcome")
    if not error and (outcome in _CONTENTIOUS or outcome in _UNDONE) and seen.kind == "executed":
        error = attributes["error.type"] = outcome
    if alone:
        attributes |= _whose(tenant, seen.turn)
    return Span(
        tenant.name,
        place.trace,
        root_id(seen.turn) if alone else _step_id(seen),
        place.parent if alone else root_id(seen.turn),
        named,
        "client" if seen.kind == "called" else "internal",
        max(began, min(earliest, ended)),
        ended,
        attributes,
        (),
        error,
    )


def _span_name(kind: str, attributes: Attributes) -> str | None:
    if kind == "called":
        return f"{attributes.get('gen_ai.operation.name', 'chat')} {attributes.get('gen_ai.request.model', '')}".strip()
    if kind == "executed":
        attributes["gen_ai.operation.name"] = "execute_tool"
        return f"execute_tool {attributes.get('gen_ai.tool.name', '')}".strip()
    if kind == "retrieved":
        attributes["gen_ai.operation.name"] = "retrieval"
        return "retrieval"
    if kind == "decided":
        return f"decide {attributes.get('gen_ai.tool.name', '')}".strip()
    if kind == "checked":
        return f"check {attributes.get('aver.check.place', '')}".strip()
    return "verify" if kind == "verified" else None


def turn_span(
    tenant: Tenant,
    turn: str,
    place: Place,
    began: int,
    ended: int,
    attributes: Attributes,
    notes: tuple[SpanNote, ...],
    error: str,
) -> Span:
    """A whole turn, told at ``place``. ``attributes`` are what it went by and what it came to."""
    feature = attributes.get("aver.feature.name", "")
    known: Attributes = {"gen_ai.operation.name": "invoke_agent", **attributes, **_whose(tenant, turn)}
    if feature:
        known["gen_ai.agent.name"] = feature
    name = f"invoke_agent {feature}".strip()
    began = min(began, ended)
    return Span(
        tenant.name, place.trace, root_id(turn), place.parent, name, "internal", began, ended, known, notes, error
    )


def _whose(tenant: Tenant, turn: str) -> Attributes:
    return {"aver.tenant.id": tenant.id, "aver.tenant.name": tenant.name, "aver.turn.id": turn}


def _step_id(seen: Seen) -> bytes:
    return hashlib.blake2b(f"{seen.turn} {seen.seq}".encode(), digest_size=8, person=b"aver step").digest()
