"""What happened, in order: assembled from evidence, with what had been changed before it began."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from aver.core.clock import rfc3339
from aver.evidence import Ledger, Step
from aver.ops import store as tables
from aver.ops.incidents.affected import Passed
from aver.ops.incidents.types import Entry, Incident
from aver.store import TenantStore

__all__ = ["Explain", "Timeline", "timeline"]

Explain = Callable[[str, str], Sequence[tuple[str, str]]]
"""What differs between two releases by their digests: parts (``model``, ``prompt``, ``policy`` ...), each with what differs in a few words; nothing where one is gone."""

_SEEN = {
    "release": "release",
    "config": "configuration",
    "prices": "price",
    "provider": "provider",
    "model": "model",
}
"""What is a change when it is first seen: kinds of series, and what they are called."""
_MOST_PARTS = 20
_SHIFT = 0.2
"""By how much a provider's share of calls has to differ to be told."""
_WORDS = {"config": "the configuration {}", "prices": "the price book {}"}


@dataclass(frozen=True, slots=True)
class Timeline:
    """``suspects`` are the changes of the hour before it began, the latest first: what came last before something broke is looked at first."""

    entries: tuple[Entry, ...]
    suspects: tuple[Entry, ...]


def timeline(store: TenantStore, ledger: Ledger, incident: Incident, passed: Passed, explain: Explain) -> Timeline:
    """All that evidence says of the time of an incident. ``passed`` is what :func:`~aver.ops.incidents.affected.pass_over` found of it."""
    steps = ledger.turns(each.turn for each in passed.changes)
    told = {step.seq: step for several in steps.values() for step in several}
    found = [*_effects(passed), *_providers(incident, passed)]
    for clear in passed.changes:
        if clear.seq in told:
            found += _entries(told[clear.seq], incident, explain)
    found += _first_seen(store, incident, passed)
    found.sort(key=lambda each: (each.at, each.step or 0))
    before = [each for each in found if each.kind == "change" and each.at <= incident.began]
    return Timeline(tuple(_together(found)), tuple(reversed(_together(before))))


def _entries(step: Step, incident: Incident, explain: Explain) -> Iterator[Entry]:
    facts, body = step.facts, step.body or {}

    def change(what: str, said: str) -> Entry:
        return Entry(step.at, "change", what, said, step.seq)

    match step.kind:
        case "release_promoted" | "release_rolled_back":
            before, after = str(facts.get("before") or ""), str(facts.get("release") or "")
            verb = "promoted" if step.kind == "release_promoted" else "rolled back"
            where, why = facts.get("environment") or "an environment", body.get("reason")
            said = f"{where}: {verb} from {before[:12] or 'nothing'} to {after[:12] or 'nothing'}"
            yield change("release", f"{said} ({why})" if why else said)
            for part, text in list(explain(before, after))[:_MOST_PARTS]:
                yield change(part, text)
        case "staged":
            yield change(
                "rollout", f"{facts.get('kind')} {facts.get('event')}: {body.get('reason') or 'no reason given'}"
            )
        case "switched":
            verb = "let go on" if facts.get("lifted") else "stopped"
            yield change("switch", f"{verb}: {facts.get('kind')} {body.get('name') or ''} ({body.get('reason') or ''})")
        case "source_declared" | "source_removed":
            verb = "declared" if step.kind == "source_declared" else "removed"
            yield change("source", f"{verb}: {_sources(body)}")
        case "ingested":
            added, changed = facts.get("added") or 0, facts.get("changed") or 0
            yield change("source", f"{added} documents added, {changed} changed")
        case "deleted":
            yield change("source", "documents deleted")
        case "indexed":
            yield change("index", f"{facts.get('action') or 'changed'}")
        case "key_created":
            yield change("key", f"API key {facts.get('key')} created")
        case "key_revoked":
            yield change("key", f"API key {facts.get('key')} revoked")
        case "gated":
            yield change("gate", f"a gate: {facts.get('outcome')}")
        case _:
            yield from _own(step, incident)


def _own(step: Step, incident: Incident) -> Iterator[Entry]:
    """What is of this incident itself: its alerts, what people said, what was done."""
    facts, body = step.facts, step.body or {}
    match step.kind:
        case "mitigated" if facts.get("incident") == incident.id and facts.get("event") != "begun":
            who = f"of itself, by {facts.get('rule')}" if facts.get("automatic") else f"by {body.get('by') or 'nobody'}"
            came = str(facts.get("event")).replace("_", " ")
            said = f"{body.get('text') or facts.get('action')}: {body.get('said') or came} ({who})"
            yield Entry(step.at, "mitigation", came, said, step.seq)
        case "alerted" if facts.get("incident") == incident.id:
            yield Entry(step.at, "alert", str(facts.get("event")), str(body.get("said") or ""), step.seq)
        case "incident" if step.turn == incident.id:
            words = body.get("title") if facts.get("event") == "opened" else body.get("text")
            said = f"{words or facts.get('status')} (by {body.get('by') or 'nobody'})"
            yield Entry(step.at, "incident", str(facts.get("event")), said, step.seq)


def _sources(body: Mapping[str, object]) -> str:
    several = body.get("sources")
    if isinstance(several, list):
        return ", ".join(str(each[0]) for each in several if isinstance(each, list) and each)
    return str(body.get("source") or "")


def _effects(passed: Passed) -> Iterator[Entry]:
    """The first minute at which users were touched, the worst, and the last."""
    touched = {minute: each for minute, each in passed.minutes.items() if each[0]}
    if not touched:
        return
    first, last = min(touched), max(touched)
    worst = max(touched, key=lambda minute: (touched[minute][0], minute))
    for minute, words in {last: "the last effect", worst: "the worst minute", first: "the first effect"}.items():
        bad, of = touched[minute]
        at = datetime.fromisoformat(f"{minute}:00+00:00")
        yield Entry(at, "effect", "turns", f"{words}: {bad} of {of} turns", None, {"bad": bad, "of": of})


def _providers(incident: Incident, passed: Passed) -> Iterator[Entry]:
    """Providers whose part of the calls is another than before."""
    before, since = passed.providers
    for name in sorted({*before, *since}):
        then = before[name] / before.total() if before.total() else 0.0
        now = since[name] / since.total() if since.total() else 0.0
        if before.total() and since.total() and abs(now - then) >= _SHIFT:
            said = f"{name} was asked for {then * 100:.0f} % of calls before, and for {now * 100:.0f} % since"
            yield Entry(incident.began, "effect", "provider", said)


def _first_seen(store: TenantStore, incident: Incident, passed: Passed) -> Iterator[Entry]:
    """What a call or a turn went by for the first time: a configuration, a price book, a provider, a model, a release."""
    if not passed.changes and not passed.minutes:
        return
    of = tables.series.c
    since = min([incident.began, *(datetime.fromisoformat(each.at) for each in passed.changes[:1])])
    until = max([*(f"{minute}:59.999999Z" for minute in passed.minutes), rfc3339(incident.detected)])
    query = select(tables.series).where(of.first >= rfc3339(since), of.first <= until)
    with store.read() as tx:
        rows = tx.execute(query).all()
    for row in rows:
        kind, _, name = row.name.partition(":")
        if kind in _SEEN and row.seq > 1:
            at = datetime.fromisoformat(row.first).astimezone(UTC)
            words = _WORDS.get(kind, kind + " {}").format(name[:40])
            yield Entry(at, "change", _SEEN[kind], f"{words} was gone by for the first time", row.seq)


def _together(entries: Sequence[Entry]) -> list[Entry]:
    """Neighbours that are of one kind and say the same, as one: a source that is followed says so each time."""
    found: list[Entry] = []
    for each in entries:
        last = found[-1] if found else None
        if last is not None and (last.kind, last.what, last.said) == (each.kind, each.what, each.said):
            times = int(last.figures.get("times", 1)) + 1
            found[-1] = Entry(last.at, last.kind, last.what, last.said, last.step, {"times": times})
        else:
            found.append(each)
    return found
