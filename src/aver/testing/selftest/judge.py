"""Whether a gateway did right by a call under a fault. Pure: from what was seen to a judgement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from aver.core.errors import AverError, ProviderError, ProviderTimeout
from aver.gateway.calls import Attempt, CallRecord
from aver.gateway.config.types import Retries
from aver.testing.selftest.caller import Outcome
from aver.testing.selftest.faults import ABSURD, Fault, Place
from aver.testing.selftest.scene import Ask

__all__ = ["STORM", "Judgement", "Result", "Seen", "judge", "judge_outage", "worst"]

Result = Literal["pass", "partial", "fail"]
_ORDER: tuple[Result, ...] = ("pass", "partial", "fail")
STORM = 1.2
"""Attempts at a failing provider per call of an outage, above which retries make it worse
(https://sre.google/sre-book/handling-overload/: a retry budget of 10 % of the calls; twice that is too much)."""
_CONNECTING = 1000.0
"""Milliseconds after which an attempt that had no answer is taken to have been without a connection."""
_EARLY = 0.05
"""Seconds that two clocks may differ by."""


class Judgement(NamedTuple):
    """``by_time`` says that a machine too busy for the times of the test could be the cause as well as the gateway."""

    result: Result
    detail: str
    by_time: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A call and everything about it that was seen.

    ``others`` are the models that might have answered instead; ``places`` where each model is. ``unreachable`` is a provider whose
    address is wrong: the fake server cannot have seen what was sent there. ``answers_at`` is the attempt at which the failing model
    itself would have answered, 0 is never. ``late`` is how many seconds the call should not have taken.
    """

    fault: Fault
    expected: str
    outcome: Outcome
    asks: Sequence[Ask] = ()
    faulty: Place | None = None
    others: Sequence[str] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    unreachable: str = ""
    retries: Retries = field(default_factory=Retries)
    answers_at: int = 0
    late: float = 60.0


def worst(judgements: Sequence[Judgement]) -> Judgement:
    """The first of the worst."""
    return max(judgements, key=lambda each: _ORDER.index(each.result))


def judge(seen: Seen) -> Judgement:
    """``pass`` when the caller got exactly the text, or, where nobody could have given it, an error that names the fault rightly;
    ``partial`` when it got less than it could have, or its record is wrong; ``fail`` when it was misled or left waiting."""
    answer = _answer(seen)
    if answer.result != "pass":
        return answer
    flaw = next(_flaws(seen), None)
    if flaw is None and seen.outcome.seconds > seen.late:
        return Judgement("partial", f"took {seen.outcome.seconds:.1f} s, more than {seen.late:.1f}", by_time=True)
    return answer if flaw is None else Judgement("partial", flaw)


def _answer(seen: Seen) -> Judgement:
    outcome = seen.outcome
    if outcome.hung:
        return Judgement("fail", f"no answer and no error within {outcome.seconds:.0f} s", by_time=True)
    if outcome.error is None:
        return _success(seen)
    if not isinstance(outcome.error, AverError):
        return Judgement("fail", f"an error without a type, {type(outcome.error).__name__}")
    return _error(seen, outcome.error)


def _error(seen: Seen, error: AverError) -> Judgement:
    outcome, could = seen.outcome, seen.answers_at
    late = isinstance(error, ProviderTimeout)
    if outcome.finish is not None:
        return Judgement("fail", f"the client took a reply for whole that broke off with {error.slug}")
    if not seen.expected.startswith(outcome.text):
        return Judgement("fail", f"{_difference(seen.expected, outcome.text)}, then {error.slug}")
    if could and seen.retries.attempts >= could:
        return Judgement("partial", f"{error.slug}, although the model itself answers at attempt {could}", late)
    if seen.others:
        return Judgement("partial", f"{error.slug}, although {seen.others[0]} could have answered", late)
    if not isinstance(error, seen.fault.errors):
        return Judgement("partial", f"{error.slug} does not name the fault", late)
    return Judgement("pass", f"{error.slug}, as nobody else could answer")


def _success(seen: Seen) -> Judgement:
    text, finish = seen.outcome.text, seen.outcome.finish
    if text != seen.expected:
        return Judgement("fail", f"{_difference(seen.expected, text)}, presented as a success")
    if finish != "stop":
        return Judgement("fail", f"the whole text, but ended with {finish or 'no finish'}")
    return Judgement("pass", "the exact text")


def _difference(expected: str, text: str) -> str:
    if not text:
        return "no text"
    if expected.startswith(text):
        return f"{len(expected) - len(text)} characters missing at the end"
    common = next(
        (place for place, (one, other) in enumerate(zip(expected, text, strict=False)) if one != other), len(expected)
    )
    if len(text) > len(expected):
        return f"text repeated or added after {common} characters"
    return f"wrong text after {common} characters"


def _flaws(seen: Seen) -> Iterator[str]:
    """What is wrong although the caller was served."""
    records = seen.outcome.records
    if len(records) != 1:
        yield "no record of the call" if not records else f"{len(records)} records of one call"
        return
    yield from _record_flaws(seen, records[0])
    at_faulty = [ask.at for ask in seen.asks if ask.place == seen.faulty]
    if seen.fault.hold and any(at < at_faulty[0] + seen.fault.hold - _EARLY for at in at_faulty[1:]):
        yield "asked again before the time that Retry-After named"
    # One more than the retries: another model's continuation may come back to it.
    if len(at_faulty) > seen.retries.attempts + 1:
        yield f"one call made {len(at_faulty)} attempts at the failing model"


def _record_flaws(seen: Seen, record: CallRecord) -> Iterator[str]:
    error = seen.outcome.error
    slug = error.slug if isinstance(error, AverError) else ""
    if record.error != slug:
        yield f"the record says {record.error or 'no error'}, the caller got {slug or 'an answer'}"
    told = Counter(seen.places.get(attempt.model) for attempt in record.attempts)
    met = Counter(ask.place for ask in seen.asks)
    for place in told | met:
        if place is None:
            yield "the record names a model that is not declared"
        elif place.provider != seen.unreachable and not met[place] <= told[place] <= met[place] + _unheard(
            record, seen, place
        ):
            yield f"the record tells of {told[place]} attempts at {place.provider}, which saw {met[place]}"
    usage = record.usage
    if max(usage.input_tokens, usage.output_tokens) >= ABSURD:
        yield "the record shows the absurd usage as it came"
    if error is None and usage.output_tokens <= 0:
        yield "the record shows no tokens for a reply that has some"


def _unheard(record: CallRecord, seen: Seen, place: Place) -> int:
    """How many attempts at ``place`` may have ended before they arrived: those that lost a race, and those that ran out of time on the
    way, as they do where the machine is busy."""
    raced = any(each.role == "hedge" for each in record.attempts)
    return sum(
        seen.places.get(each.model) == place
        and (each.outcome == ProviderTimeout.slug or (raced and each.outcome != "ok") or _without_answer(each))
        for each in record.attempts
    )


def _without_answer(attempt: Attempt) -> bool:
    """Whether it failed before anything came back, with an error that says no more than that."""
    return (
        attempt.outcome == ProviderError.slug
        and not attempt.first_ms
        and attempt.ended_ms - attempt.began_ms >= _CONNECTING
    )


def judge_outage(calls: Sequence[Judgement], attempts: int, *, recovered: bool) -> Judgement:
    """An outage as a whole: its calls, the attempts at the failing provider over all of them, and whether the model was used again."""
    answers = worst(calls)
    if answers.result == "fail":
        return answers
    if attempts > STORM * len(calls):
        return Judgement("partial", f"a storm: {attempts} attempts at the failing provider for {len(calls)} calls")
    if answers.result == "partial":
        return answers
    if not recovered:
        return Judgement("partial", "the model was not asked again after it had recovered", by_time=True)
    return Judgement(
        "pass", f"{answers.detail}, with {attempts / len(calls):.1f} attempts a call at the failing provider"
    )
