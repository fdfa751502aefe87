"""Requests of the OpenTelemetry protocol, made of spans, events and measurements.

The messages are those of https://github.com/open-telemetry/opentelemetry-proto/tree/v1.9.0, as far as Aver has something to say in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from aver.evidence.telemetry.instruments import Instrument
from aver.evidence.telemetry.messages import Message, many, of, to_json, to_protobuf
from aver.evidence.telemetry.names import SCHEMA_URL, Attributes, Value
from aver.evidence.telemetry.types import Event, Points, Severity, Signal, Span, SpanKind

__all__ = ["Protocol", "encoded", "logs", "metrics", "rejected", "traces"]

Protocol = Literal["protobuf", "json"]
Translate = Callable[[Attributes], Attributes]
Tree = dict[str, Any]

_ANY: dict[str, Any] = {"stringValue": of(1, "text"), "boolValue": of(2, "bool"), "intValue": of(3, "int")}
_ANY["doubleValue"] = of(4, "double")
_ANY["arrayValue"] = of(5, {"values": many(1, {"stringValue": of(1, "text")})})
_ATTRIBUTE: Message = {"key": of(1, "text"), "value": of(2, _ANY)}
_SCOPE: Message = {"name": of(1, "text"), "version": of(2, "text")}
_NOTE: Message = {"timeUnixNano": of(1, "fixed"), "name": of(2, "text"), "attributes": many(3, _ATTRIBUTE)}
_SPAN: Message = {
    "traceId": of(1, "id"),
    "spanId": of(2, "id"),
    "parentSpanId": of(4, "id"),
    "name": of(5, "text"),
    "kind": of(6, "enum"),
    "startTimeUnixNano": of(7, "fixed"),
    "endTimeUnixNano": of(8, "fixed"),
    "attributes": many(9, _ATTRIBUTE),
    "events": many(11, _NOTE),
    "status": of(15, {"message": of(2, "text"), "code": of(3, "enum")}),
}
_LOG: Message = {
    "timeUnixNano": of(1, "fixed"),
    "severityNumber": of(2, "enum"),
    "severityText": of(3, "text"),
    "body": of(5, _ANY),
    "attributes": many(6, _ATTRIBUTE),
    "observedTimeUnixNano": of(11, "fixed"),
    "eventName": of(12, "text"),
}
_NUMBER: Message = {
    "startTimeUnixNano": of(2, "fixed"),
    "timeUnixNano": of(3, "fixed"),
    "asDouble": of(4, "double"),
    "attributes": many(7, _ATTRIBUTE),
}
_DISTRIBUTION: Message = {
    "startTimeUnixNano": of(2, "fixed"),
    "timeUnixNano": of(3, "fixed"),
    "count": of(4, "fixed"),
    "sum": of(5, "double"),
    "bucketCounts": of(6, "fixeds"),
    "explicitBounds": of(7, "doubles"),
    "attributes": many(9, _ATTRIBUTE),
}
_METRIC: Message = {
    "name": of(1, "text"),
    "description": of(2, "text"),
    "unit": of(3, "text"),
    "sum": of(
        7, {"dataPoints": many(1, _NUMBER), "aggregationTemporality": of(2, "enum"), "isMonotonic": of(3, "bool")}
    ),
    "histogram": of(9, {"dataPoints": many(1, _DISTRIBUTION), "aggregationTemporality": of(2, "enum")}),
}


def _request(signal: str, items: str, item: Message) -> Message:
    """Of each signal: a resource, within it a scope, within that what there is."""
    scope: Message = {"scope": of(1, _SCOPE), items: many(2, item), "schemaUrl": of(3, "text")}
    resource: Message = {
        "resource": of(1, {"attributes": many(1, _ATTRIBUTE)}),
        f"scope{signal}": many(2, scope),
        "schemaUrl": of(3, "text"),
    }
    return {f"resource{signal}": many(1, resource)}


_REQUESTS: Mapping[Signal, Message] = {
    "traces": _request("Spans", "spans", _SPAN),
    "metrics": _request("Metrics", "metrics", _METRIC),
    "logs": _request("Logs", "logRecords", _LOG),
}
_CUMULATIVE, _ERROR = 2, 2
_KINDS: Mapping[SpanKind, int] = {"internal": 1, "client": 3}
_SEVERITIES: Mapping[Severity, int] = {"debug": 5, "info": 9, "warn": 13, "error": 17}


def encoded(signal: Signal, tree: Tree, protocol: Protocol) -> bytes:
    """The body of a request."""
    return (to_protobuf if protocol == "protobuf" else to_json)(_REQUESTS[signal], tree)


def traces(spans: Iterable[Span], resource: Attributes, version: str, translate: Translate) -> Tree:
    """The request that hands over ``spans``."""
    return _enveloped("Spans", "spans", [_span(each, translate) for each in spans], resource, version)


def logs(events: Iterable[Event], resource: Attributes, version: str, translate: Translate) -> Tree:
    """The request that hands over ``events``."""
    return _enveloped("Logs", "logRecords", [_log(each, translate) for each in events], resource, version)


def metrics(
    measured: Iterable[tuple[Instrument, Sequence[Points]]],
    between: tuple[int, int],
    resource: Attributes,
    version: str,
    translate: Translate,
) -> Tree:
    """The request that hands over what was measured ``between`` two moments."""
    made = [_metric(instrument, points, between, translate) for instrument, points in measured]
    return _enveloped("Metrics", "metrics", made, resource, version)


def rejected(body: bytes) -> int:
    """How many items a receiver says that it did not take, of a response in Protocol Buffers: ``partial_success`` with its first field."""
    if len(body) < 4 or body[0] != 0x0A or body[2] != 0x08:
        return 0
    count = shift = 0
    for byte in body[3:13]:
        count |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return count


def _enveloped(signal: str, items: str, made: list[Tree], resource: Attributes, version: str) -> Tree:
    scope = {"scope": {"name": "aver", "version": version}, items: made, "schemaUrl": SCHEMA_URL}
    return {
        f"resource{signal}": [
            {"resource": {"attributes": _attributes(resource)}, f"scope{signal}": [scope], "schemaUrl": SCHEMA_URL}
        ]
    }


def _span(span: Span, translate: Translate) -> Tree:
    tree: Tree = {"traceId": span.trace, "spanId": span.id}
    if span.parent:
        tree["parentSpanId"] = span.parent
    tree |= {
        "name": span.name,
        "kind": _KINDS[span.kind],
        "startTimeUnixNano": span.began,
        "endTimeUnixNano": span.ended,
        "attributes": _attributes(translate(span.attributes)),
    }
    if span.notes:
        tree["events"] = [
            {"timeUnixNano": note.at, "name": note.name, "attributes": _attributes(translate(note.attributes))}
            for note in span.notes
        ]
    if span.error:
        tree["status"] = {"message": span.error, "code": _ERROR}
    return tree


def _log(event: Event, translate: Translate) -> Tree:
    tree: Tree = {
        "timeUnixNano": event.at,
        "severityNumber": _SEVERITIES[event.severity],
        "severityText": event.severity.upper(),
        "body": {"stringValue": event.body},
        "attributes": _attributes(translate(event.attributes)),
        "observedTimeUnixNano": event.at,
    }
    if event.name:
        tree["eventName"] = event.name
    return tree


def _metric(instrument: Instrument, points: Sequence[Points], between: tuple[int, int], translate: Translate) -> Tree:
    tree: Tree = {"name": instrument.name, "description": instrument.about, "unit": instrument.unit}
    if instrument.kind == "counter":
        numbers = [_timed(each, between, translate) | {"asDouble": float(each.total)} for each in points]
        return tree | {"sum": {"dataPoints": numbers, "aggregationTemporality": _CUMULATIVE, "isMonotonic": True}}
    distributions = [
        _timed(each, between, translate)
        | {
            "count": sum(each.counts),
            "sum": float(each.total),
            "bucketCounts": each.counts,
            "explicitBounds": instrument.bounds,
        }
        for each in points
    ]
    return tree | {"histogram": {"dataPoints": distributions, "aggregationTemporality": _CUMULATIVE}}


def _timed(points: Points, between: tuple[int, int], translate: Translate) -> Tree:
    since, until = between
    named = _attributes(translate(points.attributes))
    return {"startTimeUnixNano": since, "timeUnixNano": max(since, until), "attributes": named}


def _attributes(attributes: Attributes) -> list[Tree]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Value) -> Tree:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"arrayValue": {"values": [{"stringValue": each} for each in value]}}
