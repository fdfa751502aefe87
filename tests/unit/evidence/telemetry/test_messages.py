"""What goes over the wire is what the published descriptions read, in both encodings."""

from hypothesis import given
from hypothesis import strategies as st

from aver.evidence.telemetry import otlp
from aver.evidence.telemetry.instruments import INSTRUMENTS
from aver.evidence.telemetry.types import Event, Points, Span, SpanNote
from tests.receiver import decoded, partly, plain

RESOURCE = {"service.name": "aver", "service.version": "1"}
TIMES = st.integers(0, 2**63)
TEXTS = st.text(max_size=40)
VALUES = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(TEXTS, min_size=1, max_size=3),
)
ATTRIBUTES = st.dictionaries(st.text(min_size=1, max_size=20), VALUES, max_size=5)
NOTES = st.builds(SpanNote, TEXTS, TIMES, ATTRIBUTES)
SPANS = st.builds(
    Span,
    tenant=TEXTS,
    trace=st.binary(min_size=16, max_size=16),
    id=st.binary(min_size=8, max_size=8),
    parent=st.sampled_from([b"", b"\xff" * 8]),
    name=TEXTS,
    kind=st.sampled_from(["internal", "client"]),
    began=TIMES,
    ended=TIMES,
    attributes=ATTRIBUTES,
    notes=st.lists(NOTES, max_size=2).map(tuple),
    error=st.sampled_from(["", "timed-out"]),
)
PROTOCOLS = st.sampled_from(["protobuf", "json"])
TYPES = {"protobuf": "application/x-protobuf", "json": "application/json"}


def _same(attributes):
    return dict(attributes)


def sent(signal, tree, protocol):
    return decoded(f"/v1/{signal}", {"Content-Type": TYPES[protocol]}, otlp.encoded(signal, tree, protocol))


@given(SPANS, PROTOCOLS)
def test_a_span_is_read_as_it_was(span, protocol):
    request = sent("traces", otlp.traces([span], RESOURCE, "1", _same), protocol)
    (resource,) = request.resource_spans
    assert plain(resource.resource.attributes) == RESOURCE
    (scope,) = resource.scope_spans
    assert (scope.scope.name, scope.scope.version) == ("aver", "1")
    (read,) = scope.spans
    assert (read.trace_id, read.span_id, read.parent_span_id) == (span.trace, span.id, span.parent)
    assert (read.name, read.kind) == (span.name, {"internal": 1, "client": 3}[span.kind])
    assert (read.start_time_unix_nano, read.end_time_unix_nano) == (span.began, span.ended)
    assert plain(read.attributes) == span.attributes
    assert [(note.name, note.time_unix_nano, plain(note.attributes)) for note in read.events] == [*span.notes]
    assert (read.status.code, read.status.message) == ((2, span.error) if span.error else (0, ""))


@given(TEXTS, TIMES, st.sampled_from(["debug", "info", "warn", "error"]), ATTRIBUTES, PROTOCOLS)
def test_an_event_is_read_as_it_was(text, at, severity, attributes, protocol):
    request = sent("logs", otlp.logs([Event("aver.x", at, severity, text, attributes)], RESOURCE, "1", _same), protocol)
    (read,) = request.resource_logs[0].scope_logs[0].log_records
    assert (read.event_name, read.time_unix_nano, read.body.string_value) == ("aver.x", at, text)
    assert (read.severity_text, read.severity_number) == (
        severity.upper(),
        {"debug": 5, "info": 9, "warn": 13, "error": 17}[severity],
    )
    assert plain(read.attributes) == attributes


@given(st.floats(0, 1e9), st.lists(st.integers(0, 2**40), min_size=15, max_size=15), PROTOCOLS)
def test_measurements_are_read_as_they_were(total, counts, protocol):
    turns, cost = INSTRUMENTS["aver.turn.duration"], INSTRUMENTS["aver.cost"]
    told = {"aver.tenant.name": "t"}
    measured = [(turns, [Points(told, total, tuple(counts))]), (cost, [Points(told, total, ())])]
    request = sent("metrics", otlp.metrics(measured, (5, 9), RESOURCE, "1", _same), protocol)
    histogram, counter = request.resource_metrics[0].scope_metrics[0].metrics
    assert (histogram.name, histogram.unit, counter.name, counter.unit) == (
        "aver.turn.duration",
        "s",
        "aver.cost",
        "USD",
    )
    (point,) = histogram.histogram.data_points
    assert [*point.bucket_counts] == counts
    assert [*point.explicit_bounds] == [*turns.bounds]
    assert (point.count, point.sum) == (sum(counts), total)
    assert (point.start_time_unix_nano, point.time_unix_nano) == (5, 9)
    assert (histogram.histogram.aggregation_temporality, counter.sum.aggregation_temporality) == (2, 2)
    (number,) = counter.sum.data_points
    assert (number.as_double, counter.sum.is_monotonic) == (total, True)
    assert plain(point.attributes) == plain(number.attributes) == told


@given(SPANS)
def test_half_a_character_does_not_stop_the_rest(span):
    odd = Span(span.tenant, span.trace, span.id, b"", "\ud800", "client", 1, 2, {"a": "\udfff!"})
    for protocol in ("protobuf", "json"):
        request = sent("traces", otlp.traces([odd, span], RESOURCE, "1", _same), protocol)
        first, second = request.resource_spans[0].scope_spans[0].spans
        assert (first.name, plain(first.attributes), second.name) == ("?", {"a": "?!"}, span.name)


@given(st.integers(1, 2**40))
def test_what_a_receiver_did_not_take_is_read(number):
    assert otlp.rejected(partly(number)) == number


@given(st.binary(max_size=40))
def test_whatever_a_receiver_answers_is_read(answer):
    assert otlp.rejected(answer) >= 0
