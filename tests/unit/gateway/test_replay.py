"""Records made by a real router, decided again under the same configuration and under others."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aver.core.errors import InvalidInput
from aver.evidence import Step
from aver.gateway.calls import Attempt, CallRecord, Candidate
from aver.gateway.config.types import Learned, Model
from aver.gateway.prices.types import Price, Rates
from aver.gateway.replay import Past, past_call, record_of, replay, reproduce, summary
from aver.gateway.routing.router import ConfiguredRouter
from aver.gateway.routing.types import ModelState
from aver.gateway.types import Usage
from tests.unit.gateway.config.generated import configs

from .routing.situations import configured, route, situation, situations

DAY = date(2026, 3, 1)
USAGE = Usage(1000, 500)
RATES = {"a": Rates(1_000_000, 2_000_000), "b": Rates(10_000_000, 20_000_000)}


class Book:
    """Prices that doubled in the middle of the year."""

    def on(self, name, day):
        if name not in RATES:
            return None
        rates = RATES[name]
        if day >= date(2026, 7, 1):
            rates = Rates(2 * rates.input, 2 * rates.output)
        return Price(name, day, rates)


def called(config, asked="r", *, draw=0.0, moment=None, scorer=None, reward=None, user="ann"):
    """A call as the gateway records it."""
    moment = moment or situation(draw, user=user)
    plan = ConfiguredRouter(config, scorer).plan(asked, moment)
    record = CallRecord(
        "call_1",
        "chat",
        asked,
        config=config.digest,
        draw=moment.draw,
        inputs=dict(plan.inputs),
        candidates=list(plan.ranked),
        usage=USAGE,
        user=moment.user,
    )
    if plan.models:
        record.attempts.append(Attempt(plan.models[0], "p", 0.0, outcome="ok", usage=USAGE))
        price = Book().on(plan.models[0], DAY)
        record.nano_usd = price.cost(USAGE) if price else 0
    return Past(record_of(orjson.loads(record.body())), DAY, moment.tenant, reward)


WEIGHTED = configured([route("r", ("a", 0.5), ("b", 0.5), strategy="weighted")], "a", "b")
ALWAYS_A = configured([route("r", "a", "b")], "a", "b")
ALWAYS_B = configured([route("r", "b", "a")], "a", "b")


def test_a_record_is_read_back_from_its_body():
    record = called(WEIGHTED, draw=0.3).record
    record.attempts.append(Attempt("b", "p", 1.0, 2.0, 3.0, "provider-timeout", role="retry"))
    record.budgets.append({"name": "x", "left": 3})
    assert record_of(orjson.loads(record.body())) == record
    newer = orjson.loads(record.body()) | {"invented_later": 1}
    assert record_of(newer) == record


@pytest.mark.parametrize(
    "body",
    [{}, {"id": "x"}, {"id": "x", "operation": "chat", "asked": "r", "candidates": [7]}, {"id": 1, "attempts": 2}],
)
def test_what_is_no_record_is_refused(body):
    with pytest.raises(InvalidInput, match="no record of a call"):
        record_of(body)


def test_a_step_gives_the_call_and_its_day():
    record = called(WEIGHTED).record
    body = json.loads(record.body())
    at = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    step = Step(1, "call_1", "called", at, record.facts(), body, erased=False, hash="")
    assert past_call(step, "t", 0.5) == Past(record, date(2026, 3, 1), "t", 0.5)
    assert past_call(replace(step, body=None, erased=True), "t") is None


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_every_decision_is_reproduced_and_nothing_moves_under_the_same_configuration(data):
    config = data.draw(configs)
    asked = data.draw(st.sampled_from([*config.models, *config.routes]))
    past = called(config, asked, moment=data.draw(situations(config)))
    assert reproduce(past, config) == ""
    (again,) = replay([past], config, Book())
    assert not again.moved
    assert not again.mismatch
    assert again.cost_after == again.cost_before


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda record: record.candidates.reverse(), "place 1 was a and is b"),
        (lambda record: record.candidates.pop(), "there were 1 candidates and are 2"),
        (lambda record: setattr(record, "draw", 0.1), "place 1 was b and is a"),
        (
            lambda record: record.candidates.__setitem__(0, Candidate("b", 0.0, 0.9)),
            "b had the propensity 0.9 and has 0.5",
        ),
        (lambda record: record.candidates.__setitem__(0, Candidate("b", 7.0, 0.5)), "b had the score 7 and has 0"),
        (lambda record: record.inputs["models"]["b"].update(nano_usd=None), "place 1 was b and is a"),
        (lambda record: record.inputs.pop("needs"), "its inputs do not decide it"),
        (lambda record: setattr(record, "asked", "nothing"), "no model or route 'nothing'"),
        (lambda record: setattr(record, "config", "ab" * 32), "under the configuration abababababab, not"),
        (lambda record: record.inputs.clear(), "candidates and no inputs"),
    ],
)
def test_a_record_that_was_changed_is_found_out(change, why):
    past = called(WEIGHTED, draw=0.7)
    assert reproduce(past, WEIGHTED) == ""
    change(past.record)
    assert why in reproduce(past, WEIGHTED)


def test_a_call_under_a_configuration_that_is_lost_is_not_reproduced_but_still_answered():
    past = called(WEIGHTED, draw=0.7)
    (lost,) = replay([past], ALWAYS_A, Book())
    assert lost.mismatch == f"its configuration {WEIGHTED.digest[:12]} was not given"
    assert (lost.before, lost.after, lost.moved) == ("b", "a", True)
    (kept,) = replay([past], ALWAYS_A, Book(), {WEIGHTED.digest: WEIGHTED})
    assert not kept.mismatch


def test_another_configuration_is_priced_as_of_that_day():
    past = called(ALWAYS_B)
    (march,) = replay([past], ALWAYS_A, Book())
    assert march.cost_before == 20_000  # 1,000 tokens at 10 nano-dollars and 500 at 20
    assert march.cost_after == 2_000
    (august,) = replay([replace(past, day=date(2026, 8, 1))], ALWAYS_A, Book())
    assert august.cost_after == 4_000


def test_a_configuration_may_name_its_own_rates_and_models_that_were_not_there():
    own = configured([route("r", "new", "b")], Model("new", "p", "new", rates=Rates(1_000, 1_000)), "b")
    (again,) = replay([called(ALWAYS_B)], own, Book())
    assert (again.after, again.cost_after) == ("new", 2)
    assert again.expected_after is None
    unpriced = configured([route("r", "new", "b")], "new", "b")
    (again,) = replay([called(ALWAYS_B)], unpriced, Book())
    assert again.after == "b"  # what has no price is not called
    counted = replace(unpriced, unknown_price="highest")
    (again,) = replay([called(ALWAYS_B)], counted, Book())
    assert (again.after, again.cost_after) == ("new", None)
    assert summary([again]).unpriced == 1


def test_expected_times_are_those_of_the_moment():
    moment = situation(a=ModelState(0.2, nano_usd=1), b=ModelState(0.9, nano_usd=1))
    (again,) = replay([called(ALWAYS_B, moment=moment)], ALWAYS_A, Book())
    assert (again.expected_before, again.expected_after) == (900, 200)
    found = summary([again])
    assert (found.expected_before, found.expected_after) == (900, 200)


def test_what_cannot_be_asked_is_said():
    past = called(ALWAYS_B)
    gone = configured([route("other", "a")], "a")
    learning = configured([route("r", "a", "b", strategy="learned", learned=Learned("r.json"))], "a", "b")
    nobody = configured([route("r", "c")], "c")
    (missing,) = replay([past], gone, Book())
    assert missing.unanswered == "There is no model or route 'r'"
    (unable,) = replay([past], nobody, Book())
    assert unable.unanswered == "no model of it could have been asked"
    scored = called(learning, scorer=lambda _route, _text: {"a": 0.9, "b": 0.2})
    assert reproduce(scored, learning) == ""
    other = configured(
        [route("q", "a", "b", strategy="learned", learned=Learned("r.json")), route("r", "q", strategy="weighted")],
        *("a", "b"),
    )
    (unknown,) = replay([scored], other, Book())
    assert unknown.unanswered == "what the route 'q' predicts was not recorded"
    found = summary([missing, unable, unknown])
    assert (found.unanswered, found.cost_before, found.unpriced) == (3, 0, 0)


def test_a_remembered_answer_stays_where_it_was():
    record = CallRecord("call_2", "chat", "r", config=WEIGHTED.digest, cache="exact")
    (again,) = replay([Past(record, DAY)], ALWAYS_A, Book())
    assert (again.before, again.after, again.cost_after, again.moved) == ("", "", 0, False)
    assert not again.mismatch
    assert summary([again]).cached == 1


def traffic(config, count=1500, seed=3):
    """Model a succeeds three times of ten, model b nine."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        past = called(config, draw=float(random.random()))
        chance = {"a": 0.3, "b": 0.9}[past.record.attempts[0].model]
        yield replace(past, reward=float(random.random() < chance))


def test_success_is_estimated_where_both_were_tried():
    found = summary(replay(traffic(WEIGHTED), ALWAYS_B, Book(), {WEIGHTED.digest: WEIGHTED}))
    assert found.calls == found.reproduced == 1500
    assert 650 < found.moved < 850
    assert found.success_before == pytest.approx(0.6, abs=0.05)
    assert not found.success_after.inconclusive
    assert found.success_after.low < 0.9 < found.success_after.high
    assert found.success_after.value == pytest.approx(0.9, abs=0.04)
    assert found.cost_after == 1500 * 20_000
    assert found.cost_before == found.moved * 2_000 + (1500 - found.moved) * 20_000


def test_success_cannot_be_told_of_what_was_never_tried():
    found = summary(replay(traffic(ALWAYS_A, 200), ALWAYS_B, Book(), {ALWAYS_A.digest: ALWAYS_A}))
    assert found.moved == 200
    assert found.success_after.uncovered == 1
    assert "100.0% of what the other policy would do was never tried" in found.success_after.inconclusive


def test_nothing_is_nothing():
    found = summary([])
    assert (found.calls, found.success_after, found.expected_before) == (0, None, None)


def test_an_experiment_needs_who_asked():
    config = configured([route("r", "a", "b", strategy="experiment")], "a", "b")
    people = [called(config, user=f"user{number}") for number in range(20)]
    assert {past.record.candidates[0].model for past in people} == {"a", "b"}
    assert not any(reproduce(past, config) for past in people)
    assert any(reproduce(replace(past, tenant="elsewhere"), config) for past in people)


def test_only_the_first_mismatches_are_listed():
    past = called(WEIGHTED)
    found = summary(replay([past] * 30, ALWAYS_A, Book()))
    assert found.reproduced == 0
    assert len(found.mismatches) == 20
