"""A turn's evidence as a response: what the assistant or an agent did, read from what is on record of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from aver.agents.acting.reading import outcome
from aver.agents.acting.state import State
from aver.core.errors import NotFound
from aver.evals.types import Called, Cited, Response
from aver.evidence import Step

__all__ = ["TextOf", "turn_response"]

TextOf = Callable[[str, int], str]
"""The text of a document's version, as the asker may read it; :class:`~aver.core.errors.NotFound` where there is none."""
_DECISIONS = {"denied": "deny", "refused": "deny", "waiting": "ask", "rejected": "ask", "expired": "ask"}


def turn_response(steps: Sequence[Step], text_of: TextOf) -> Response:
    """Of a turn that ended. Raises :class:`~aver.core.errors.NotFound` for one without an answer."""
    bodies: dict[str, Mapping[str, Any]] = {step.kind: step.body or {} for step in steps}
    verdicts = tuple(_verdicts(steps))
    release = str(next((step.facts.get("release", "") for step in steps if step.kind == "admitted"), ""))
    if "answer" in bodies.get("responded", {}):
        return _answered(steps[0].turn, bodies, verdicts, release, text_of)
    state = State(steps[0].turn)
    state.apply((step.kind, step.facts, step.body) for step in steps)
    if state.erased or not (state.ended or state.approvals):
        raise NotFound(f"The turn {steps[0].turn} has no answer", "Leave its case out, or ask it again.")
    return _acted(state, verdicts, release)


def _answered(
    turn: str,
    bodies: Mapping[str, Mapping[str, Any]],
    verdicts: tuple[Mapping[str, Any], ...],
    release: str,
    text_of: TextOf,
) -> Response:
    answer = bodies["responded"]["answer"]
    usage = answer.get("usage") or {}
    return Response(
        text=answer["answer"],
        abstained=answer["abstained"],
        looked=tuple(_looked(bodies.get("retrieved", {}).get("hits", ()), text_of)),
        citations=tuple(
            Cited(each["document"], each["start"], each["end"], each["quote"], each["version"], each["title"])
            for each in answer["citations"]
        ),
        supported=tuple(each["supported"] for each in answer["sentences"]),
        calls=(),
        verdicts=verdicts,
        mode=answer["mode"],
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        cost_usd=usage.get("cost_usd"),
        latency_ms=answer.get("latency_ms"),
        turn=turn,
        release=release,
        details={"question": bodies["retrieved"]["question"]} if bodies.get("retrieved", {}).get("question") else {},
    )


def _looked(hits: Sequence[Mapping[str, Any]], text_of: TextOf) -> Iterator[Cited]:
    for hit in hits:
        try:
            text = text_of(hit["document"], hit["version"])
        except NotFound:  # deleted meanwhile
            continue
        title = f"{hit['title']} \u2014 {hit['section']}" if hit["section"] else hit["title"]
        yield Cited(hit["document"], hit["start"], hit["end"], text[hit["start"] : hit["end"]], hit["version"], title)


def _acted(state: State, verdicts: tuple[Mapping[str, Any], ...], release: str) -> Response:
    found = outcome(state)
    calls = tuple(
        Called(
            each.tool,
            dict(each.arguments),
            cast(Any, _DECISIONS.get(each.status, "allow")),
            each.status == "done",
        )
        for each in found.actions
    )
    performed = [
        {"tool": each.tool, "arguments": dict(each.arguments), "status": each.status} for each in found.performed
    ]
    return Response(
        text=found.text if found.status == "answered" else "",
        value=found.output,
        refused=found.error in ("blocked", "content-filtered"),
        calls=calls,
        state={"status": found.status, "output": found.output, "performed": performed},
        verdicts=verdicts,
        mode="generated",
        cost_usd=state.nano_usd / 1e9,
        output_tokens=None,
        input_tokens=state.tokens,
        latency_ms=state.seconds * 1000,
        turn=found.turn,
        release=release,
        details={"error": found.error} if found.error else {},
    )


def _verdicts(steps: Sequence[Step]) -> Iterator[Mapping[str, Any]]:
    """What checks found; each that found nothing is left out."""
    for step in steps:
        if step.kind != "checked":
            continue
        body = step.body or {}
        for text in body.get("texts", (body,)):
            for each in text.get("judged", ()):
                yield {
                    "check": each["check"],
                    "verdict": each["outcome"],
                    "place": step.facts.get("place", ""),
                    "reason": each.get("reason", ""),
                }
