"""Spending as double entry, and read back from evidence."""

from dataclasses import asdict
from datetime import UTC, datetime

import orjson
from hypothesis import given
from hypothesis import strategies as st

from aver.evidence import Step
from aver.gateway.calls import Attempt, CallRecord
from aver.gateway.prices.entries import balance, entries
from aver.gateway.prices.ledger import is_balanced, postings, totals
from aver.gateway.types import Usage

ATTEMPTS = st.builds(
    Attempt,
    model=st.sampled_from(["small", "large"]),
    provider=st.sampled_from(["openai", "anthropic", ""]),
    began_ms=st.just(0.0),
    usage=st.none() | st.builds(Usage, st.integers(0, 1000), st.integers(0, 1000)),
    nano_usd=st.integers(0, 10**12),
)
RECORDS = st.builds(
    lambda attempts, extra: CallRecord(
        "call_1", "chat", "fast", attempts=attempts, nano_usd=sum(each.nano_usd for each in attempts) + extra
    ),
    st.lists(ATTEMPTS, max_size=4),
    st.sampled_from([0, 0, 7]),
)


def step(record: CallRecord, *, erased: bool = False) -> Step:
    body = None if erased else orjson.loads(orjson.dumps(asdict(record)))
    return Step(1, record.id, "called", datetime(2026, 11, 24, tzinfo=UTC), record.facts(), body, erased, "")


@given(RECORDS)
def test_entries_sum_to_zero_and_name_the_whole_cost(record):
    found = entries(record, "assistant")
    assert balance(found) == 0
    assert sum(entry.nano_usd for entry in found if entry.account == "expense:assistant") == record.nano_usd
    assert all(entry.nano_usd for entry in found)


@given(RECORDS, st.booleans())
def test_what_is_read_back_is_the_whole_cost(record, erased):
    found = postings([step(record, erased=erased)])
    assert is_balanced(found)
    assert [(total.calls, total.nano_usd) for total in totals(found)] == [(1, record.nano_usd)]


def test_a_call_that_went_on_elsewhere_is_posted_to_both_providers():
    record = CallRecord("call_1", "chat", "fast", route="fast", nano_usd=50)
    record.attempts = [
        Attempt("large", "openai", 0.0, usage=Usage(10, 5), nano_usd=20),
        Attempt("small", "anthropic", 1.0, usage=Usage(12, 3), nano_usd=30),
    ]
    record.usage = Usage(22, 8)
    found = totals(postings([step(record)]), "provider", "model", "day")
    assert [(total.key, total.nano_usd, total.input_tokens, total.calls) for total in found] == [
        (("anthropic", "small", "2026-11-24"), 30, 12, 0),
        (("openai", "large", "2026-11-24"), 20, 10, 1),
    ]
    found = totals(postings([step(record, erased=True)]), "provider")
    assert [(total.key, total.nano_usd, total.input_tokens) for total in found] == [(("anthropic",), 50, 22)]


def test_other_steps_cost_nothing():
    other = Step(1, "turn_1", "retrieved", datetime(2026, 11, 24, tzinfo=UTC), {"nano_usd": 5}, None, False, "")
    assert postings([other]) == []
