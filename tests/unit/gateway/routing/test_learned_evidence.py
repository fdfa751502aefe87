"""What recorded calls teach: who is an example, with which outcome, and why the others are not."""

import json
from datetime import UTC, datetime

import pytest

from aver.evidence import Step
from aver.gateway.calls import Attempt, CallRecord, Candidate
from aver.gateway.routing.learned_evidence import learned_from
from aver.gateway.routing.learned_features import look, pack
from aver.testing import HashEmbedder

AT = datetime(2026, 11, 20, tzinfo=UTC)
EMBEDDER = HashEmbedder()
PROMPT = {"embedder": EMBEDDER.name, "seen": pack(look(["How many days?"], EMBEDDER))}
BOTH = [Candidate("small", 0.0, 0.25), Candidate("large", 0.0, 0.75)]


def call(*attempts, turn="call_1", erased=False, at=AT, **fields):
    given = {"route": "chat", "strategy": "weighted", "inputs": {"prompt": PROMPT}, "candidates": BOTH, "user": "ann"}
    given |= {"attempts": [*attempts], "nano_usd": 2_000_000_000} | fields
    record = CallRecord("call_1", "chat", "chat", **given)
    body = None if erased else json.loads(record.body())
    return Step(1, turn, "called", at, record.facts(), body, erased, "")


def tried(model, outcome="ok", **more):
    return Attempt(model, "p", 0.0, outcome=outcome, **more)


def step(kind, facts=None, body=None, turn="call_1"):
    return Step(2, turn, kind, AT, facts or {}, body, False, "")


def learned(*steps, models=("small", "large"), since=None):
    return learned_from(lambda kind: [each for each in steps if each.kind == kind], "chat", models, EMBEDDER, since)


def judged(score, turn="call_1"):
    return step("judged", {}, {"score": score}, turn)


def verified(sentences, supported):
    return step("verified", {"sentences": sentences, "supported": supported})


def test_a_call_with_feedback_is_an_example():
    (example,) = learned(call(tried("small")), judged(0.25)).examples
    assert example.success == {"small": 0.25}
    assert example.propensity == {"small": 0.25, "large": 0.75}
    assert example.cost == {"small": 2.0}
    assert example.person == ""
    assert (example.seen.counts == look(["How many days?"], EMBEDDER).counts).all()


def test_in_an_experiment_it_counts_who_asked():
    (example,) = learned(call(tried("small"), strategy="experiment"), judged(1)).examples
    assert example.person == "ann"


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ([judged(1), judged(0)], 0.0),
        ([verified(4, 3), step("responded", {"abstained": False})], 0.75),
        ([verified(4, 3), step("responded", {"abstained": True})], 0.0),
        ([step("responded", {"abstained": True})], 0.0),
        ([verified(4, 3), step("responded", {"abstained": False}), judged(0.5)], 0.5),
    ],
)
def test_the_last_word_is_feedback_then_what_was_verified(steps, outcome):
    (example,) = learned(call(tried("small")), *steps).examples
    assert example.success == {"small": outcome}


@pytest.mark.parametrize(
    ("attempts", "success"),
    [
        ([tried("small", checked=True)], {"small": 1.0}),
        ([tried("small", "failed:nonempty", checked=True), tried("large", role="escalation")], {"small": 0.0}),
        ([tried("small", "content-filtered"), tried("large", role="fallback")], {"small": 0.0}),
        ([tried("small", "provider-error"), tried("small", role="retry", checked=True)], {"small": 1.0}),
    ],
)
def test_checks_and_refusals_say_it_of_the_model_that_was_asked_first(attempts, success):
    (example,) = learned(call(*attempts)).examples
    assert example.success == success


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (call(tried("small"), erased=True), "erased"),
        (call(cache="exact"), "not answered by a model"),
        (call(tried("small", "provider-error"), tried("large", role="fallback")), "not answered by a model"),
        (call(tried("small", "cancelled"), error="cancelled"), "not answered by a model"),
        (call(tried("small"), inputs={}), "not looked at"),
        (call(tried("small"), inputs={"prompt": PROMPT | {"embedder": "another"}}), "not looked at"),
        (call(tried("small"), inputs={"prompt": PROMPT | {"seen": "AAAA"}}), "not looked at"),
        (
            call(tried("small"), candidates=[Candidate("small"), Candidate("large", 0.0, 0.0, "breaker")]),
            "a model left out",
        ),
        (call(tried("small"), candidates=[Candidate("small")]), "a model left out"),
        (call(tried("small"), turn="call_2"), "no outcome"),
    ],
)
def test_what_teaches_nothing_is_counted_by_reason(made, reason):
    found = learned(made, judged(1))
    assert (found.examples, found.calls, found.left_out) == ((), 1, {reason: 1})


def test_other_routes_and_earlier_days_are_not_looked_at():
    later = datetime(2026, 11, 21, tzinfo=UTC)
    made = [call(tried("small")), call(tried("small"), at=later), call(tried("small"), route="other")]
    assert learned(*made, judged(1), since=later).calls == 1
    assert learned(*made, judged(1)).calls == 2
