"""The first draft of what people write after an incident, in Markdown: what evidence says, and nothing that it does not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from aver.evals.statistics.intervals import wilson
from aver.ops.incidents.corrections import Correction, Proposal
from aver.ops.incidents.timeline import Timeline
from aver.ops.incidents.types import Affected, Entry, Incident
from aver.ops.mitigation.types import Mitigation

__all__ = ["draft"]

_MOST_LINES = 200
_MOST_TURNS = 10
_SOON = 30.0
_QUICK = 60.0
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!])")


def draft(
    incident: Incident,
    timeline: Timeline,
    affected: Affected,
    mitigations: Sequence[Mitigation],
    proposed: Sequence[Proposal],
    accepted: Sequence[Correction],
    now: datetime,
) -> str:
    """The document. What people wrote stands in it as text, whatever markup it holds."""
    parts: Iterable[Iterable[str]] = (
        _head(incident, now),
        _summary(incident, affected),
        _impact(incident, affected),
        _lines("Timeline", _timeline(timeline), "Nothing is on record."),
        _lines(
            "What had changed",
            (_entry(each) for each in timeline.suspects),
            "Nothing that Aver knows of was changed in the hour before.",
        ),
        _times(incident),
        _lines("What was done", (_mitigation(each) for each in mitigations), "Nothing was done through Aver."),
        _lines("What went well", _well(incident, mitigations), "Nothing that evidence tells of."),
        _lines("What went badly", _badly(incident, timeline, mitigations), "Nothing that evidence tells of."),
        _corrections(proposed, accepted),
        _lines("To be written by people", _open_questions(), ""),
    )
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _head(incident: Incident, now: datetime) -> Iterator[str]:
    yield f"# {_text(incident.title) or incident.id}"
    yield ""
    yield f"Incident `{incident.id}`, {incident.severity}, {incident.status}. A draft from evidence as of {_moment(now)}."
    yield ""


def _summary(incident: Incident, affected: Affected) -> Iterator[str]:
    yield "## Summary"
    yield ""
    feature = f" of `{incident.feature}`" if incident.feature else ""
    opened = {"alert": f"the alert `{incident.rule}`", "person": "a person", "report": "a report of a turn"}[
        incident.origin
    ]
    over = f", and over {_moment(incident.mitigated)}" if incident.mitigated else ", and is not over"
    yield f"It began {_moment(incident.began)}, was opened by {opened} {_moment(incident.detected)}{over}."
    yield f"{affected.count:,} of {affected.of:,} turns{feature} and {affected.people:,} people were touched."
    yield ""


def _impact(incident: Incident, affected: Affected) -> Iterator[str]:
    yield "## Impact"
    yield ""
    if not affected.of:
        yield "There were no turns meanwhile."
    else:
        low, high = wilson(affected.count / affected.of, affected.of)
        share = f"{affected.count / affected.of * 100:.1f} % ({low * 100:.1f} to {high * 100:.1f} %, 95 % interval)"
        yield f"- {affected.count:,} of {affected.of:,} turns: {share}"
        yield f"- {affected.people:,} people, told apart by the keys of their content"
        for feature, count in sorted(affected.features.items(), key=lambda each: -each[1]):
            yield f"- {count:,} turns of `{feature}`"
        end = incident.mitigated or incident.resolved
        if end is not None:
            yield f"- for {_seconds((end - incident.began).total_seconds())}"
    if affected.turns:
        yield ""
        yield "The first of them:"
        yield ""
        yield from (f"- `{each}`" for each in affected.turns[:_MOST_TURNS])
    yield ""


def _times(incident: Incident) -> Iterator[str]:
    yield "## Detection and mitigation"
    yield ""
    yield f"- detected {_seconds(incident.detection_seconds)} after it began"
    took = incident.mitigation_seconds
    yield f"- mitigated {_seconds(took)} after that" if took is not None else "- not mitigated yet"
    yield ""


def _timeline(timeline: Timeline) -> Iterator[str]:
    entries = timeline.entries
    yield from (_entry(each) for each in entries[:_MOST_LINES])
    if len(entries) > _MOST_LINES:
        yield f"- and {len(entries) - _MOST_LINES:,} more lines"


def _entry(entry: Entry) -> str:
    times = f" ({entry.figures['times']} times)" if "times" in entry.figures else ""
    step = f" [step {entry.step}]" if entry.step else ""
    return f"- {_moment(entry.at)} **{entry.kind}, {entry.what}**: {_text(entry.said)}{times}{step}"


def _mitigation(each: Mitigation) -> str:
    who = f"of itself, by `{each.rule}`" if each.rule else f"by {_text(each.by)}"
    book = f", step {each.place} of the runbook `{each.runbook}`" if each.runbook else ""
    return f"- {_moment(each.begun)} `{each.action}`, {who}{book}: {each.status.replace('_', ' ')}. {_text(each.said)}"


def _well(incident: Incident, mitigations: Sequence[Mitigation]) -> Iterator[str]:
    if incident.origin == "alert" and incident.detection_seconds <= _SOON:
        yield f"- It was seen {_seconds(incident.detection_seconds)} after it began, by an alert."
    for each in mitigations:
        if each.status in ("in_force", "done", "undone"):
            who = "of itself" if each.rule else f"by {_text(each.by)}"
            yield f"- `{each.action}` was done {who}, {_seconds((each.begun - incident.began).total_seconds())} after it began{_helped(incident, each)}."
    took = incident.mitigation_seconds
    if took is not None and took <= _QUICK:
        yield f"- It was over {_seconds(took)} after it was seen."


def _helped(incident: Incident, each: Mitigation) -> str:
    """Whether it was over after that: what evidence can say of whether it helped."""
    if incident.mitigated is None:
        return ", and it is not over"
    after = (incident.mitigated - each.begun).total_seconds()
    return f", and it was over {_seconds(after)} later" if after >= 0 else ""


def _badly(incident: Incident, timeline: Timeline, mitigations: Sequence[Mitigation]) -> Iterator[str]:
    if incident.origin != "alert":
        yield "- No alert told of it."
    elif incident.detection_seconds > _SOON:
        yield f"- It was seen only {_seconds(incident.detection_seconds)} after it began."
    took = incident.mitigation_seconds
    if took is not None and took > _QUICK:
        yield f"- It took {_seconds(took)} to be over once it was seen."
    for each in mitigations:
        if each.status in ("failed", "refused", "held"):
            yield f"- `{each.action}` was {each.status}: {_text(each.said)}"
    if any(each.kind == "incident" and each.what == "reopened" for each in timeline.entries):
        yield "- It came again after it was taken for over."


def _corrections(proposed: Sequence[Proposal], accepted: Sequence[Correction]) -> Iterator[str]:
    yield "## Corrective actions"
    yield ""
    for each in accepted:
        mark = "x" if each.status == "done" else " "
        more = ", dropped" if each.status == "dropped" else ""
        cases = f" ({len(each.cases)} cases)" if each.cases else ""
        yield f"- [{mark}] {each.kind}: {_text(each.text)}{cases}{more} (`{each.id}`)"
    for number, proposal in enumerate(proposed, 1):
        yield f"- [ ] proposed {number}, {proposal.kind}: {_text(proposal.text)}"
    if not accepted and not proposed:
        yield "None is proposed."
    yield ""


def _open_questions() -> Iterator[str]:
    yield "- What did users see, and what were they told?"
    yield "- Why was it possible, and why was it not held back before?"
    yield "- What was luck?"


def _lines(title: str, lines: Iterable[str], none: str) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    found = [*lines]
    yield from found or [none]
    yield ""


def _text(text: str) -> str:
    """In one line, with nothing in it that Markdown reads as markup."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else "-"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
