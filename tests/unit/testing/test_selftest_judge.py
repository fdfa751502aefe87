"""A self-test that cannot fail is none: every wrong of a gateway is judged as wrong."""

import asyncio
from dataclasses import replace

import pytest

from aver.core.errors import (
    InvalidInput,
    ProviderDenied,
    ProviderError,
    ProviderTimeout,
    StreamTruncated,
)
from aver.gateway.calls import Attempt, CallRecord
from aver.gateway.config.types import Retries
from aver.gateway.types import Usage
from aver.testing.selftest.caller import Outcome
from aver.testing.selftest.faults import ABSURD, FAULTS, Moment, Place
from aver.testing.selftest.judge import Judgement, Seen, judge, judge_outage, worst
from aver.testing.selftest.scene import Ask

TEXT = "Whoever survives this fault tells the sentence to its end."
ONE, OTHER = Place("one", "first-1"), Place("other", "second-1")
PLACES = {"first": ONE, "second": OTHER}
BY_NAME = {fault.name: fault for fault in FAULTS}


def recorded(*models, error="", usage=None) -> CallRecord:
    record = CallRecord("call_1", "chat", "assistant", error=error)
    record.attempts = [Attempt(model, PLACES[model].provider, 0.0) for model in models]
    record.usage = usage or Usage(10, 10)
    return record


def seen(fault="stream-cut", *, text=TEXT, finish="stop", error=None, records=None, asks=None, **more) -> Seen:
    """A call that went well: the first model failed, the second answered."""
    if error is not None:
        finish = more.pop("shown", None)
    slug = getattr(error, "slug", "")
    records = [recorded("first", "second", error=slug)] if records is None else records
    outcome = Outcome(text, finish, error, 0.1, records=records)
    asks = [Ask(ONE, 1.0), Ask(OTHER, 1.1)] if asks is None else asks
    return Seen(BY_NAME[fault], TEXT, outcome, asks, ONE, **{"others": ("second",), "places": PLACES, **more})


def of(kind):
    return kind("The provider failed", "Try again.")


def test_the_exact_text_with_one_true_record_passes():
    assert judge(seen()) == Judgement("pass", "the exact text")


def test_an_error_that_names_the_fault_passes_where_nobody_else_could_answer():
    alone = seen("key-refused", text="", error=of(ProviderDenied), others=())
    assert judge(alone) == Judgement("pass", "provider-denied, as nobody else could answer")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (seen(text=TEXT[:20]), "38 characters missing at the end, presented as a success"),
        (seen(text=""), "no text, presented as a success"),
        (seen(text=TEXT[:20] + TEXT), "text repeated or added after 20 characters"),
        (seen(text=TEXT + TEXT), "text repeated or added after 58 characters"),
        (seen(text=TEXT[:20] + TEXT[25:]), "wrong text after 20 characters"),
        (seen(finish="length"), "ended with length"),
        (seen(finish=None), "ended with no finish"),
        (seen(error=KeyError("choices"), text=""), "an error without a type, KeyError"),
        (seen(error=asyncio.CancelledError(), text=""), "an error without a type, CancelledError"),
        (seen(error=of(StreamTruncated), text=TEXT[:20], shown="stop"), "took a reply for whole that broke off"),
        (seen(error=of(StreamTruncated), text=TEXT[:20] + TEXT[25:]), "wrong text after 20 characters, then"),
    ],
)
def test_what_misleads_a_caller_fails(wrong, says):
    result, detail, _ = judge(wrong)
    assert result == "fail"
    assert says in detail


def test_a_call_that_never_ends_fails():
    hung = replace(seen(), outcome=Outcome(TEXT, "stop", None, 15.0, hung=True))
    assert judge(hung) == Judgement("fail", "no answer and no error within 15 s", by_time=True)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (seen(error=of(StreamTruncated), text=TEXT[:20]), "stream-truncated, although second could have answered"),
        (seen("key-refused", error=of(ProviderTimeout), text="", others=()), "does not name the fault"),
        (seen("key-refused", error=of(InvalidInput), text="", others=()), "does not name the fault"),
        (
            seen("server-error-once", error=of(ProviderError), text="", others=(), answers_at=2),
            "although the model itself answers at attempt 2",
        ),
        (seen(records=[]), "no record of the call"),
        (seen(records=[recorded("first", "second")] * 2), "2 records of one call"),
        (seen(records=[recorded("second")]), "tells of 0 attempts at one, which saw 1"),
        (seen(records=[recorded("first", "first", "second")]), "tells of 2 attempts at one, which saw 1"),
        (seen(records=[recorded("first", "second", error="provider-error")]), "record says provider-error"),
        (seen(error=of(StreamTruncated), others=(), records=[recorded("first", "second")]), "record says no error"),
        (seen("usage-zero", records=[recorded("first", "second", usage=Usage())]), "no tokens for a reply"),
        (seen("usage-absurd", records=[recorded("first", "second", usage=Usage(ABSURD, 9))]), "absurd usage"),
        (replace(seen(), late=0.05), "took 0.1 s"),
        (seen("throttled-date", asks=[Ask(ONE, 1.0), Ask(ONE, 1.5)], records=[recorded("first", "first")]), "before"),
        (seen(asks=[Ask(ONE, 1.0)] * 9, records=[recorded(*["first"] * 9)]), "9 attempts at the failing model"),
    ],
)
def test_what_does_less_than_it_could_or_records_it_wrongly_is_partial(wrong, says):
    result, detail, _ = judge(wrong)
    assert result == "partial"
    assert says in detail


def test_one_attempt_less_than_the_model_needs_is_no_ones_fault():
    once = seen("server-error-once", error=of(ProviderError), text="", others=(), answers_at=2, retries=Retries(1))
    assert judge(once).result == "pass"


def test_waiting_as_long_as_the_provider_asked_passes():
    waited = seen("throttled-date", asks=[Ask(ONE, 1.0), Ask(ONE, 2.1)], records=[recorded("first", "first")])
    assert judge(waited).result == "pass"


def test_attempts_at_an_address_where_nobody_is_are_not_counted():
    refused = seen("connection-refused", asks=[Ask(OTHER, 1.0)], unreachable="one")
    assert judge(refused).result == "pass"
    assert judge(replace(refused, unreachable="")).result == "partial"


def test_an_attempt_that_lost_a_race_need_not_have_arrived():
    record = recorded("first", "second")
    record.attempts[0].role, record.attempts[0].outcome = "hedge", "cancelled"
    assert judge(seen(records=[record], asks=[Ask(OTHER, 1.0)])).result == "pass"


@pytest.mark.parametrize(
    ("outcome", "seconds", "result"),
    [
        ("provider-timeout", 1.0, "pass"),
        ("provider-error", 5.0, "pass"),
        ("provider-error", 0.01, "partial"),
        ("provider-refused", 5.0, "partial"),
        ("ok", 5.0, "partial"),
    ],
)
def test_an_attempt_that_ran_out_of_time_on_the_way_need_not_have_arrived(outcome, seconds, result):
    record = recorded("first", "second", "second")
    record.attempts[1].outcome, record.attempts[1].ended_ms = outcome, seconds * 1000
    record.attempts[2].outcome = "ok"
    assert judge(seen(records=[record])).result == result


def test_an_attempt_that_was_seen_and_is_not_told_of_is_a_flaw():
    record = recorded("first", "second")
    record.attempts[0].outcome = "provider-timeout"
    assert judge(seen(records=[record], asks=[Ask(ONE, 1.0), Ask(ONE, 1.1), Ask(OTHER, 1.2)])).result == "partial"


GOOD = Judgement("pass", "the exact text")


@pytest.mark.parametrize(
    ("calls", "attempts", "recovered", "expected"),
    [
        ([GOOD] * 50, 60, True, "pass"),
        ([GOOD] * 50, 61, True, "partial"),
        ([GOOD] * 50, 5, False, "partial"),
        ([GOOD] * 49 + [Judgement("partial", "late")], 5, True, "partial"),
        ([GOOD] * 49 + [Judgement("fail", "no text")], 200, False, "fail"),
    ],
)
def test_an_outage_is_survived_without_a_storm_and_ends(calls, attempts, recovered, expected):
    assert judge_outage(calls, attempts, recovered=recovered).result == expected


def test_the_worst_counts_and_the_first_of_them_is_told():
    first, second = Judgement("fail", "one"), Judgement("fail", "other")
    assert worst([GOOD, first, Judgement("partial", "late"), second]) is first


def test_every_fault_has_a_name_of_its_own_and_says_what_happens():
    assert len(BY_NAME) == len(FAULTS) >= 22
    for fault in FAULTS:
        assert fault.name == fault.name.lower().replace("_", "-").replace(" ", "-")
        assert fault.explanation.endswith(".")
        assert "\n" not in fault.explanation


def test_a_fault_befalls_the_model_it_is_meant_for_and_the_others_answer():
    for fault in FAULTS:
        for variant in range(fault.variants):
            assert fault.elsewhere(Moment(TEXT, variant=variant)).text == TEXT
            reply = fault.reply(Moment(TEXT, variant=variant))
            healthy = (reply.fault, reply.error, reply.status, reply.tokens, reply.first_pause) == (
                None,
                None,
                200,
                None,
                0,
            )
            assert healthy == (bool(fault.address) or bool(fault.delay)), fault.name


def test_a_throttled_model_answers_after_its_time():
    for name in ("throttled-seconds", "throttled-date"):
        assert BY_NAME[name].reply(Moment(TEXT)).status == 429
        assert BY_NAME[name].reply(Moment(TEXT, asked=2, since=3.0)).text == TEXT
    assert BY_NAME["server-error-once"].reply(Moment(TEXT, asked=2)).text == TEXT
