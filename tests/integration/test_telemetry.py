"""What a real receiver gets of a real installation, over real HTTP; and that nothing that happens to it is felt by a turn."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager

import pytest

from aver.core import SystemClock
from aver.core.errors import InvalidInput
from aver.core.settings import Settings, TelemetrySettings
from aver.evidence import Draft, Ledger
from aver.evidence.telemetry import Event, exporter, service
from aver.evidence.telemetry.exporter import Exporter
from aver.evidence.telemetry.traces import root_id, trace_id
from aver.knowledge.sources import parse_sources
from aver.server.application import Application
from aver.store import Store
from aver.testing import HashEmbedder
from tests.receiver import partly, plain, receiving
from tests.servers import write_handbook

RESOURCE = {"service.name": "aver", "service.version": "1"}


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Nothing is waited for that need not be."""
    monkeypatch.setattr(exporter, "_LINGER", 0.01)
    monkeypatch.setattr(service, "_EVERY", 0.01)


@contextmanager
def installation(tmp_path, **settings):
    application = Application(
        Settings(data=tmp_path / "data", telemetry=TelemetrySettings(**settings)), embedder=HashEmbedder()
    )
    try:
        application.store.create_tenant("northwind")
        yield application
    finally:
        application.close()


async def asked(application, tmp_path, question="How many days of leave carry over?"):
    services = application.tenant("northwind")
    handbook, _ = write_handbook(tmp_path)
    services.sources.declare(parse_sources(f"sources: {{pages: {{kind: folder, path: '{handbook}'}}}}", "s.yaml"))
    services.sources.follow("pages")
    return await application.finishing(services.assistant.ask(services.principal("ann"), question))


@pytest.mark.parametrize("protocol", ["protobuf", "json"])
async def test_a_turn_is_told_as_its_evidence_has_it(tmp_path, receiver, protocol):
    with installation(tmp_path, endpoint=receiver.url, protocol=protocol, headers=(("X-Key", "k"),)) as application:
        answer = await asked(application, tmp_path)
        steps = application.tenant("northwind").ledger.turn(answer.turn)
        page = application.telemetry.measured("northwind")
    spans = receiver.spans()
    (root,) = [span for span in spans if not span.parent_span_id]
    assert (root.trace_id, root.span_id) == (trace_id(answer.turn), root_id(answer.turn))
    assert {span.parent_span_id for span in spans if span is not root} == {root.span_id}
    told = plain(root.attributes)
    assert told["aver.turn.id"] == answer.turn
    assert told["aver.tenant.name"] == "northwind"
    assert told["aver.answer.sentences"] == len(answer.sentences)
    assert told["gen_ai.operation.name"] == "invoke_agent"
    by_step = {plain(span.attributes).get("aver.step.seq"): span for span in spans}
    assert {by_step[step.seq].name.split()[0] for step in steps if step.seq in by_step} == {
        "retrieval",
        "chat",
        "verify",
    }
    assert {record.event_name for record in receiver.records()} >= {"aver.source_declared", "aver.ingested"}
    turns = receiver.metrics()["aver.turn.duration"].histogram.data_points
    assert [point.count for point in turns] == [1]
    assert {instrument.name for instrument, _ in page} == set(receiver.metrics())
    for path, headers, request in receiver.requests:
        assert headers["X-Key"] == "k"
        said = str(request)
        assert "carry over" not in said, path
        assert "ann" not in {*told.values()}
        assert "user:ann" not in said


async def test_nothing_leaves_without_an_endpoint(tmp_path, receiver):
    with installation(tmp_path) as application:
        await asked(application, tmp_path)
        assert {instrument.name for instrument, _ in application.telemetry.measured("northwind")} >= {
            "aver.turn.duration"
        }
    assert receiver.asked == 0


async def test_signals_are_chosen(tmp_path, receiver):
    with installation(tmp_path, endpoint=receiver.url, signals=("metrics",)) as application:
        await asked(application, tmp_path)
    assert {path for path, _, _ in receiver.requests} == {"/v1/metrics"}


async def test_a_dead_receiver_is_not_felt(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "aver"):
        with installation(tmp_path, endpoint="http://127.0.0.1:9") as application:
            answer = await asked(application, tmp_path)
            assert not answer.abstained
            steps = application.tenant("northwind").ledger.turn(answer.turn)
        dropped = [
            points for instrument, points in application.telemetry.measured("northwind") if "dropped" in instrument.name
        ]
    assert steps[-1].kind == "sealed"
    assert {point.attributes["aver.telemetry.signal"] for (*found,) in dropped for point in found} == {"traces", "logs"}
    assert [record.message for record in caplog.records].count("telemetry is not taken") == 1


def test_a_transaction_that_fails_is_not_told(tmp_path):
    store = Store(tmp_path / "data")
    store.create_tenant("acme")
    tenant, told = store.tenant("acme"), []
    ledger = Ledger(tenant, SystemClock(), lambda whose, seen: told.append((whose.name, [each.kind for each in seen])))
    with pytest.raises(InvalidInput):
        _append(
            tenant, ledger, Draft("turn_1", "admitted", None), Draft("turn_1", "admitted", None, {"said": "a sentence"})
        )
    with pytest.raises(ZeroDivisionError), tenant.begin() as tx:
        raise ZeroDivisionError(ledger.append_all(tx, [Draft("turn_1", "admitted", None)]))
    assert told == []
    with tenant.begin() as tx:
        ledger.append_all(tx, [Draft("turn_2", "admitted", None)])
        ledger.seal(tx, turn="turn_2", subject=None)
        assert told == []
    assert told == [("acme", ["admitted"]), ("acme", ["sealed"])]
    with tenant.read():
        pass
    assert len(told) == 2
    store.close()


def _append(tenant, ledger, *drafts):
    with tenant.begin() as tx:
        for draft in drafts:
            ledger.append_all(tx, [draft])


class Sender:
    """An exporter alone, with what it let go."""

    def __init__(self, receiver, **settings):
        self.dropped = []
        told = TelemetrySettings(endpoint=receiver.url, **settings)
        self.exporter = Exporter(told, RESOURCE, SystemClock(), list, lambda *what: self.dropped.append(what))

    def say(self, *texts):
        self.exporter.put([Event("", 1, "info", text, tenant="t") for text in texts])


def said(receiver):
    return [record.body.string_value for record in receiver.records()]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_tried_again(receiver, status):
    receiver.answers = [(status, {"Retry-After": "0"}, b"")] * 2
    sender = Sender(receiver)
    sender.say("hello")
    receiver.wait(lambda: receiver.asked == 3)
    sender.exporter.close()
    assert said(receiver) == ["hello"]
    assert sender.dropped == []


@pytest.mark.parametrize("status", [301, 400, 401, 413, 500])
def test_what_stays_is_let_go(receiver, status):
    receiver.answers = [(status, {"Location": receiver.url + "/elsewhere"}, b"")]
    sender = Sender(receiver)
    sender.say("lost")
    receiver.wait(lambda: receiver.asked == 1)
    sender.exporter.put([Event("", 1, "info", "after", tenant="t")])
    receiver.wait(lambda: receiver.asked == 2)
    sender.exporter.close()
    assert said(receiver) == ["after"]
    assert sender.dropped == [("t", "logs", 1)]


def test_a_receiver_that_wants_too_long_a_rest_gets_none_of_it(receiver):
    receiver.answers = [(503, {"Retry-After": "99999"}, b"")]
    sender = Sender(receiver)
    sender.say("lost")
    receiver.wait(lambda: receiver.asked == 1)
    sender.exporter.close()
    assert sender.dropped == [("t", "logs", 1)]


def test_the_queue_has_an_end(receiver, monkeypatch):
    monkeypatch.setattr(exporter, "_MOST", 5)
    receiver.hold.clear()
    sender = Sender(receiver)
    sender.say("first")
    sender.say(*(str(number) for number in range(100)))
    receiver.hold.set()
    sender.exporter.close(30)
    lost = sum(number for _, _, number in sender.dropped)
    assert lost + len(said(receiver)) == 101
    assert lost >= 95


def test_what_is_taken_in_part_is_said(receiver, caplog):
    receiver.answers = [(200, {}, partly(3))]
    sender = Sender(receiver)
    with caplog.at_level(logging.WARNING, "aver"):
        sender.say("a")
        sender.exporter.close(30)
    (warned,) = [record for record in caplog.records if record.message == "telemetry is taken in part"]
    assert warned.failed == 3


def test_metrics_are_accounts_from_the_beginning(receiver, tmp_path):
    with installation(tmp_path, endpoint=receiver.url, interval=0.05) as application:
        ledger = application.tenant("northwind").ledger
        for number in range(3):
            with application.tenant("northwind").store.begin() as tx:
                ledger.append_all(tx, [Draft(f"switching_{number}", "switched", None, {"number": number})])
        receiver.wait(lambda: _counted(receiver) == 3)
    points = [
        point
        for _, _, request in receiver.of("/v1/metrics")
        for metric in request.resource_metrics[0].scope_metrics[0].metrics
        if metric.name == "aver.evidence.steps"
        for point in metric.sum.data_points
    ]
    values = [point.as_double for point in points]
    assert values == sorted(values)
    assert len({point.start_time_unix_nano for point in points}) == 1
    assert all(point.start_time_unix_nano < point.time_unix_nano for point in points)


def _counted(receiver):
    found = receiver.metrics().get("aver.evidence.steps")
    return sum(point.as_double for point in found.sum.data_points) if found else 0


async def test_a_step_that_cannot_be_read_does_not_end_the_reading(tmp_path, receiver, caplog):
    from aver.evidence.types import Seen

    with caplog.at_level(logging.ERROR, "aver"), installation(tmp_path, endpoint=receiver.url) as application:
        tenant = application.tenant("northwind").store.tenant
        odd = [
            Seen(1, "t", "called", "yesterday", "{}"),
            Seen(2, "t", "sealed", "", "["),
            Seen(3, "t", "called", "", "[]"),
        ]
        application.telemetry.watch(tenant, odd)
        await asked(application, tmp_path)
    assert receiver.spans()
    assert [record.message for record in caplog.records].count("a step cannot be told") == 1


async def test_sampling_touches_no_evidence(tmp_path, receiver):
    with installation(tmp_path, endpoint=receiver.url, sample=0.0) as application:
        answer = await asked(application, tmp_path)
        ledger = application.tenant("northwind").ledger
        assert [step.kind for step in ledger.turn(answer.turn)][-1] == "sealed"
        assert ledger.verify().ok
    assert receiver.spans() == []
    assert receiver.metrics()["aver.turn.duration"].histogram.data_points[0].count == 1


def test_json_is_as_the_protocol_has_it(tmp_path):
    """Ids are hexadecimal, integers of 64 bits are strings, enumerations are numbers."""
    from aver.evidence.telemetry import otlp
    from aver.evidence.telemetry.types import Span

    span = Span("t", b"\x01" * 16, b"\x02" * 8, b"", "chat", "client", 5, 6, {"n": 7, "ok": True})
    tree = otlp.traces([span], RESOURCE, "1", dict)
    (read,) = json.loads(otlp.encoded("traces", tree, "json"))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (read["traceId"], read["spanId"], read["kind"], read["startTimeUnixNano"]) == ("01" * 16, "02" * 8, 3, "5")
    assert read["attributes"] == [
        {"key": "n", "value": {"intValue": "7"}},
        {"key": "ok", "value": {"boolValue": True}},
    ]
