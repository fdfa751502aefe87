"""Lines have the fields of ECS, and nothing secret or personal leaves in them."""

import json
import logging
import re

import pytest

from aver.server.http.logs import _JsonLines, configure_logs, redacted

KEY = "sk-proj-Abc123Def456Ghi789Jkl012Mno345Pqr678"


def line(message, **more):
    record = logging.LogRecord("aver.server.x", logging.INFO, "x.py", 1, message, (), None)
    vars(record).update(more)
    return json.loads(_JsonLines("aver").format(record))


def test_a_request_is_told_in_the_fields_of_ecs():
    told = line("request", request="req_1", method="POST", route="/v1/ask", status=200, ms=12.5, tenant="tenant_1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", told.pop("@timestamp"))
    assert told == {
        "log.level": "info",
        "log.logger": "aver.server.x",
        "message": "request",
        "ecs.version": "8.17.0",
        "service.name": "aver",
        "event.dataset": "aver.log",
        "http.request.id": "req_1",
        "http.request.method": "POST",
        "http.route": "/v1/ask",
        "http.response.status_code": 200,
        "event.duration": 12_500_000,
        "organization.id": "tenant_1",
    }


def test_what_is_not_known_stays():
    told = line("request", question="How much does ann earn?", body={"a": 1})
    assert "ann" not in json.dumps(told)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"rejected key {KEY}", KEY),
        ("cannot reach postgresql://aver:pa55word@db/aver", "pa55word"),
        ("no such user ann.lee@example.org", "ann.lee@example.org"),
        ("card 4111 1111 1111 1111 refused", "4111 1111 1111 1111"),
        ("Authorization: Bearer Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg", "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg"),
    ],
)
def test_nothing_secret_or_personal_leaves(text, secret):
    assert secret not in redacted(text)
    assert secret not in json.dumps(line(text, error=text, route=text))
    assert len(redacted("x" * 100_000)) <= 2000


def test_what_is_said_every_day_is_left_as_it_is():
    for said in (
        "request",
        "a source was followed",
        "telemetry is not taken",
        "/v1/documents/{document}",
        "rate-limited",
    ):
        assert redacted(said) == said


def test_lines_are_handed_on(capsys):
    said = []
    loggers = [logging.getLogger(name) for name in ("aver", "uvicorn")]
    before = [(logger, logger.handlers, logger.propagate, logger.level) for logger in loggers]
    try:
        configure_logs(said.append, "aver-eu")
        logging.getLogger("aver.x").warning("mail to %s", "ann.lee@example.org", extra={"status": 503})
    finally:
        for logger, handlers, propagate, level in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
    (event,) = said
    assert (event.severity, event.attributes["http.response.status_code"]) == ("warn", 503)
    assert "ann.lee" not in event.body + json.dumps(event.attributes)
    assert json.loads(capsys.readouterr().err)["service.name"] == "aver-eu"
