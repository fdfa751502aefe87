"""A turn's steps become one trace and its measurements, whatever is sampled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.evidence.telemetry import gathering
from aver.evidence.telemetry.gathering import Gathering
from aver.evidence.telemetry.meter import Meter
from aver.evidence.telemetry.traces import moment, root_id, sampled, trace_id
from aver.evidence.telemetry.types import Event, Span
from tests.unit.evidence.telemetry.conftest import CALLED, TENANT, Chain

RELEASE = "5f2c" * 16


def whole(chain, turn="turn_1", end=("sealed", {"ms": 5000.0}), between=()):
    kind, facts = end
    return [
        chain.step(turn, "admitted", feature="assistant", release=RELEASE, arm="candidate", conversation="c_1"),
        chain.step(turn, "retrieved", passages=3, documents=2, ms=40.0),
        chain.step(turn, "called", **CALLED),
        chain.step(turn, "generated", provider="fast", input_tokens=120, output_tokens=30, ms=750.0),
        chain.step(turn, "verified", sentences=4, supported=3, ms=8.0),
        *(chain.step(turn, kind, **facts) for kind, facts in between),
        chain.step(turn, kind, **facts),
    ]


def taken(gathered, steps):
    return [each for step in steps for each in gathered.take(TENANT, step)]


def points(meter, name):
    return [each for instrument, found in meter.of("northwind") if instrument.name == name for each in found]


def test_a_turn_is_one_trace(chain):
    steps = whole(chain)
    spans = taken(Gathering(Meter()), steps)
    assert [span.name for span in spans] == ["retrieval", "chat fast", "verify", "invoke_agent assistant"]
    *children, root = spans
    assert {span.trace for span in spans} == {trace_id("turn_1")}
    assert {span.parent for span in children} == {root.id} == {root_id("turn_1")}
    assert len({span.id for span in spans}) == 4
    assert root.parent == b""
    assert (root.began, root.ended) == (moment(steps[0].at), moment(steps[-1].at))
    assert all(root.began <= span.began <= span.ended <= root.ended for span in children)
    call = children[1]
    assert call.ended - call.began == 750_000_000
    assert call.kind == "client"
    assert (
        call.attributes.items()
        >= {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "azure.ai.openai",
            "gen_ai.request.model": "fast",
            "gen_ai.response.time_to_first_chunk": 0.25,
            "gen_ai.usage.cache_read.input_tokens": 20,
            "aver.cost.usd": 0.0015,
            "aver.call.route": "answers",
        }.items()
    )
    assert call.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert (
        root.attributes.items()
        >= {
            "aver.tenant.id": "tenant_1",
            "aver.turn.id": "turn_1",
            "aver.release.digest": RELEASE,
            "aver.rollout.arm": "candidate",
            "gen_ai.agent.name": "assistant",
            "gen_ai.conversation.id": "c_1",
            "aver.turn.input_tokens": 120,
            "aver.turn.cost.usd": 0.0015,
            "aver.turn.outcome": "answered",
            "aver.answer.supported": 3,
        }.items()
    )


def test_what_is_measured_is_measured_of_the_release(chain):
    meter = Meter()
    taken(Gathering(meter, 0.0), whole(chain))
    (turn,) = points(meter, "aver.turn.duration")
    by = {"aver.feature.name": "assistant", "aver.release.digest": RELEASE[:12], "aver.rollout.arm": "candidate"}
    assert turn.attributes == {"aver.tenant.name": "northwind", **by, "aver.turn.outcome": "answered"}
    assert (turn.total, sum(turn.counts)) == (5.0, 1)
    said = {each.attributes["aver.answer.verdict"]: each.total for each in points(meter, "aver.answer.sentences")}
    assert said == {"supported": 3, "unsupported": 1}
    tokens = {each.attributes["gen_ai.token.type"]: each.total for each in points(meter, "gen_ai.client.token.usage")}
    assert tokens == {"input": 120, "output": 30}
    (cost,) = points(meter, "aver.cost")
    assert (cost.total, cost.attributes["aver.release.digest"]) == (pytest.approx(0.0015), RELEASE[:12])
    assert {each.attributes["aver.step.kind"] for each in points(meter, "aver.evidence.steps")} >= {
        "admitted",
        "sealed",
    }


@pytest.mark.parametrize(
    ("end", "between"),
    [
        (("failed", {"error": "timed-out", "ms": 10.0}), ()),
        (("sealed", {"ms": 10.0}), [("decided", {"tool": "mail", "outcome": "deny"})]),
        (("sealed", {"ms": 10.0}), [("checked", {"place": "output", "outcome": "block", "took": [1.0]})]),
        (("sealed", {"ms": 10.0}), [("executed", {"tool": "mail", "outcome": "failed", "ms": 2.0})]),
        (("sealed", {"ms": 10.0}), [("called", {**CALLED, "call": "call_2", "error": "refused"})]),
    ],
)
def test_trouble_is_told_whatever_is_sampled(chain, end, between):
    kept = Gathering(Meter(), 0.0)
    assert taken(kept, whole(chain)) == []
    spans = taken(kept, whole(chain, "turn_2", end, between))
    assert spans[-1].name == "invoke_agent assistant"
    assert {span.trace for span in spans} == {trace_id("turn_2")}
    assert any(span.error for span in spans) or between[0][1]["outcome"] in ("deny", "block")


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_has_what_a_smaller_one_has(turns, one, other):
    smaller, larger = sorted((one, other))
    for turn in turns:
        trace = trace_id(turn)
        assert sampled(trace, 1.0)
        assert not sampled(trace, 0.0)
        assert sampled(trace, larger) or not sampled(trace, smaller)


def test_a_share_is_about_that_many():
    kept = sum(sampled(trace_id(f"turn_{number}"), 0.25) for number in range(4000))
    assert 800 < kept < 1200


def test_a_turn_that_nobody_is_shown_costs_and_counts_for_nothing_else(chain):
    meter = Meter()
    first = chain.step("turn_1", "admitted", feature="assistant", release=RELEASE, shadow_of="turn_0")
    spans = taken(Gathering(meter), [first, *whole(chain)[1:]])
    assert spans[-1].attributes["aver.rollout.shadow_of"] == "turn_0"
    assert points(meter, "aver.turn.duration") == points(meter, "aver.answer.sentences") == []
    assert [each.total for each in points(meter, "aver.cost")] == [pytest.approx(0.0015)]


def test_an_asker_who_leaves_is_no_failure(chain):
    steps = whole(chain, end=("failed", {"error": "cancelled", "ms": 10.0}))
    meter = Meter()
    assert taken(Gathering(meter, 0.0), steps) == []
    assert [each.attributes["aver.turn.outcome"] for each in points(meter, "aver.turn.duration")] == ["cancelled"]
    assert taken(Gathering(Meter()), steps)[-1].error == ""


def test_a_call_by_itself_is_a_trace_by_itself(chain):
    (span,) = taken(Gathering(Meter()), [chain.step("call_1", "called", **CALLED)])
    assert (span.parent, span.id, span.trace) == (b"", root_id("call_1"), trace_id("call_1"))
    assert span.attributes["aver.tenant.name"] == "northwind"
    failed = chain.step("call_2", "called", **{**CALLED, "call": "call_2", "error": "timed-out"})
    (span,) = taken(Gathering(Meter(), 0.0), [failed])
    assert (span.error, span.attributes["error.type"]) == ("timed-out", "timed-out")


def test_what_is_no_turn_is_an_event(chain):
    step = chain.step("release_9", "release_rolled_back", release=RELEASE, previous="ab", number=3, forced=True)
    (event,) = taken(Gathering(Meter(), 0.0), [step])
    assert isinstance(event, Event)
    assert (event.name, event.severity) == ("aver.release_rolled_back", "warn")
    assert event.attributes["aver.release.digest"] == RELEASE
    assert event.attributes["aver.release_rolled_back.number"] == 3
    assert "ab" not in event.attributes.values(), "a fact that has no name outside stays within"


def test_a_turn_that_asks_a_person_is_told_before_it_waits(chain):
    gathered = Gathering(Meter())
    first = taken(gathered, whole(chain)[:3])
    assert first == []
    asked = taken(gathered, [chain.step("turn_1", "asked", approval="a_1", tool="mail")])
    assert [span.name for span in asked] == ["retrieval", "chat fast"]
    # Another process goes on with it.
    rest = taken(Gathering(Meter()), [chain.step("turn_1", "resumed", fence=2), chain.step("turn_1", "sealed", ms=9.0)])
    assert [span.trace for span in rest] == [asked[0].trace]
    assert rest[0].id == asked[0].parent


TRACE, SPAN = "4b" * 16, "00f067aa0ba902b7"


def within(chain, turn="turn_1", sampled="01", end=("sealed", {"ms": 10.0}), trace=TRACE):
    """A turn of a caller who is in a trace."""
    admitted = chain.step(turn, "admitted", feature="assistant", traceparent=f"00-{trace}-{SPAN}-{sampled}")
    return [admitted, *whole(chain, turn, end)[1:]]


def test_a_turn_goes_on_with_its_callers_trace(chain):
    *children, root = taken(Gathering(Meter()), within(chain))
    assert {span.trace.hex() for span in (*children, root)} == {TRACE}
    assert (root.parent.hex(), root.id) == (SPAN, root_id("turn_1"))
    assert {span.parent for span in children} == {root.id}
    call = chain.step("call_1", "called", **CALLED, traceparent=f"00-{TRACE}-{SPAN}-01")
    (span,) = taken(Gathering(Meter()), [call])
    assert (span.trace.hex(), span.parent.hex(), span.id) == (TRACE, SPAN, root_id("call_1"))


def test_another_process_goes_on_with_the_callers_trace(chain):
    resumed = chain.step("turn_1", "resumed", fence=2, traceparent=f"00-{TRACE}-{SPAN}-01")
    approved = chain.step("turn_1", "approved", approval="a_1")
    rest = taken(Gathering(Meter()), [approved, resumed, *whole(chain)[1:]])
    assert {span.trace.hex() for span in rest} == {TRACE}
    assert rest[-1].parent.hex() == SPAN


def test_what_a_caller_has_not_sampled_is_left_out_unless_it_is_of_note(chain):
    meter = Meter()
    gathered = Gathering(meter, 1.0, 60)
    assert taken(gathered, within(chain, sampled="00")) == []
    failed = taken(gathered, within(chain, "turn_2", "00", end=("failed", {"error": "timed-out", "ms": 10.0})))
    assert {span.trace.hex() for span in failed} == {TRACE}
    assert sum(sum(each.counts) for each in points(meter, "aver.turn.duration")) == 2


def test_callers_get_no_more_sent_than_the_installation_allows(chain):
    gathered = Gathering(Meter(), 0.0, wishes=3)
    steps = [within(chain, f"turn_{number}", trace="f" * 32) for number in range(4)]
    assert [bool(taken(gathered, turn)) for turn in steps] == [True, True, True, False]
    for _ in range(60):  # each step is a second
        chain.step("turn_x", "admitted")
    assert taken(gathered, within(chain, "turn_later"))
    assert taken(Gathering(Meter(), 0.0), within(chain, "turn_no")) == []


def test_no_caller_chooses_what_the_share_takes(chain):
    """The share is of ids that are Aver's own: a trace that any share would have is in it as often as another."""
    numbers = [*range(400)]
    gathered = Gathering(Meter(), 0.25)
    sent = sum(bool(taken(gathered, within(chain, f"turn_{number}", trace="f" * 32))) for number in numbers)
    assert sent == sum(sampled(trace_id(f"turn_{number}"), 0.25) for number in numbers)


def test_turns_that_never_end_do_not_fill_the_memory(chain, monkeypatch):
    monkeypatch.setattr(gathering, "_MOST_TURNS", 3)
    gathered = Gathering(Meter())
    for number in range(10):
        taken(gathered, whole(chain, f"turn_{number}")[:2])
    left = list(gathered.rest())
    assert [span.name for span in left] == ["retrieval"] * 3
    monkeypatch.setattr(gathering, "_MOST_SPANS", 2)
    spans = taken(gathered, whole(chain, "turn_long"))
    assert [span.name for span in spans].count("invoke_agent assistant") == 1
    assert len(spans) == 4


@given(
    st.lists(st.sampled_from(["admitted", "retrieved", "called", "verified", "decided", "asked", "sealed", "failed"]))
)
def test_any_order_of_steps_is_read(kinds):
    chain, meter = Chain(), Meter()
    gathered = Gathering(meter, 0.5)
    for kind in kinds:
        for made in gathered.take(TENANT, chain.step("turn_1", kind)):
            assert isinstance(made, Span)
            assert made.began <= made.ended
    counted = sum(each.total for each in points(meter, "aver.evidence.steps"))
    assert counted == len(kinds)
