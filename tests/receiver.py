"""A receiver of OpenTelemetry's protocol over real HTTP, which reads what comes by the published message descriptions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

REQUESTS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}
PATIENCE = 60


@dataclass
class Receiver:
    """What came, decoded. ``answers`` are the next responses: a status, headers and a body; then all is taken."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    hold: threading.Event = field(default_factory=threading.Event)

    def wait(self, happened: Any) -> None:
        """Until ``happened`` is true of what came."""
        with self.changed:
            assert self.changed.wait_for(happened, PATIENCE), (
                f"{self.asked} requests came, of them {len(self.requests)} taken"
            )

    def spans(self) -> list[Any]:
        return [
            span
            for _, _, request in self.of("/v1/traces")
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def records(self) -> list[Any]:
        return [
            record
            for _, _, request in self.of("/v1/logs")
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def metrics(self) -> dict[str, Any]:
        """The last account of each metric."""
        return {
            metric.name: metric
            for _, _, request in self.of("/v1/metrics")
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def of(self, path: str) -> list[tuple[str, dict[str, str], Any]]:
        return [each for each in list(self.requests) if each[0] == path]


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as a dictionary; one that comes twice is an error."""
    assert len({each.key for each in attributes}) == len(attributes)
    return {each.key: _plain(each.value) for each in attributes}


def _plain(value: AnyValue) -> Any:
    said = value.WhichOneof("value")
    return [_plain(each) for each in value.array_value.values] if said == "array_value" else getattr(value, said)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver at an address of its own, until the block ends."""
    receiver = Receiver()
    receiver.hold.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.hold.wait(PATIENCE)
            with receiver.changed:
                receiver.asked += 1
                status, headers, answer = receiver.answers.pop(0) if receiver.answers else (200, {}, b"")
                if status == 200:
                    receiver.requests.append((self.path, dict(self.headers), decoded(self.path, self.headers, body)))
                receiver.changed.notify_all()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


def decoded(path: str, headers: Any, body: bytes) -> Message:
    """By the published descriptions, which take no field that they do not know."""
    request = REQUESTS[path]()
    if headers["Content-Type"] == "application/json":
        # OTLP's JSON has ids in hexadecimal, where that of Protocol Buffers has base64.
        json_format.Parse(_with_base64(body), request)
    else:
        assert headers["Content-Type"] == "application/x-protobuf"
        request.ParseFromString(body)
        assert request.SerializeToString(deterministic=True) == body or not unknown(request)
    return request


def unknown(message: Message) -> bool:
    """Whether something came in it under a number that its description does not have."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    if len(UnknownFieldSet(message)):
        return True
    for described, value in message.ListFields():
        if described.message_type is not None:
            many = [value] if isinstance(value, Message) else value
            if any(unknown(each) for each in many):
                return True
    return False


def _with_base64(body: bytes) -> str:
    import base64
    import json

    def visit(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                name: base64.b64encode(bytes.fromhex(value)).decode()
                if name in ("traceId", "spanId", "parentSpanId")
                else visit(value)
                for name, value in node.items()
            }
        return [visit(each) for each in node] if isinstance(node, list) else node

    return json.dumps(visit(json.loads(body)))


def partly(rejected: int) -> bytes:
    """The body that says how many spans were not taken."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = rejected
    return answer.SerializeToString()


__all__ = ["KeyValue", "Receiver", "decoded", "partly", "plain", "receiving", "unknown"]
