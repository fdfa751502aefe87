"""What each kind of route is sent, over real HTTP and real SMTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aver.core.errors import AverError, InvalidInput, Unavailable
from aver.ops.alerts.sending import Sender
from aver.ops.alerts.types import Alert, Message
from aver.ops.types import Route
from aver.testing import FixedClock
from tests.mail import mail_server

CLOCK = FixedClock()
NOW = CLOCK.now()


def alert(number=0, said="up: availability is 50 % & <b>falls</b>"):
    labels = {"feature": "assistant", "objective": "up"}
    return Alert(f"alert_{number}", "burn:up", "page", labels, said, {"burn": 20.0}, NOW, NOW, NOW, None, "incident_1")


def message(status="firing", count=1, **given):
    alerts = tuple(alert(number) for number in range(min(count, 20)))
    group = {"rule": "burn:up", "feature": "assistant"}
    return Message("message_1", "thread_1", status, "page", "acme", NOW, count, 0, alerts, group, **given)


class Far:
    """A far end of HTTP that answers with ``status``."""

    def __init__(self):
        self.got = []
        self.status = 200
        far = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                far.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(far.status)
                if far.status == 302:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args):
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook/T0PSECRET"


@pytest.fixture
def far():
    found = Far()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def send(kind, secrets, what=None, **given):
    Sender(lambda reference: secrets[reference], CLOCK)(Route("team", kind, **given), what or message())


def test_a_webhook_is_signed_over_its_id_its_time_and_its_body(far):
    key = base64.b64encode(b"k" * 24).decode()
    send("webhook", {"env:URL": far.url, "env:S": f"whsec_{key}"}, url="env:URL", secret="env:S")
    path, headers, body = far.got[0]
    assert path == "/hook/T0PSECRET"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"k" * 24, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == "message_1"
    told = json.loads(body)
    assert told["alerts"][0]["rule"] == "burn:up"
    assert told["alerts"][0]["incident"] == "incident_1"


def test_slack_gets_no_markup_of_ours(far):
    send("slack", {"env:URL": far.url}, message(count=10_000), url="env:URL")
    told = json.loads(far.got[0][2])
    assert "&lt;b&gt;" in told["text"]
    assert "<b>" not in far.got[0][2].decode()
    assert "and 9,980 more" in told["blocks"][1]["text"]["text"] or len(told["blocks"][1]["text"]["text"]) == 2900
    assert all(len(block.get("text", {}).get("text", "")) <= 3000 for block in told["blocks"])


def test_teams_gets_a_card(far):
    send("teams", {"env:URL": far.url}, message("resolved"), url="env:URL")
    card = json.loads(far.got[0][2])["attachments"][0]["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["body"][0]["color"] == "Good"
    assert "\\<b\\>" in card["body"][1]["text"]


def test_pagerduty_is_triggered_and_resolved_under_one_key(far):
    secrets = {"env:KEY": "k1", "env:URL": far.url}
    for status in ("firing", "resolved"):
        send("pagerduty", secrets, message(status), key="env:KEY", url="env:URL")
    first, second = (json.loads(body) for _, _, body in far.got)
    assert (first["event_action"], second["event_action"]) == ("trigger", "resolve")
    assert first["dedup_key"] == second["dedup_key"] == "thread_1"
    assert first["payload"]["severity"] == "critical"
    assert first["routing_key"] == "k1"


def test_mail_arrives_under_an_id_of_its_own():
    with mail_server() as server:
        route = {
            "smtp": server.address,
            "tls": "none",
            "sender": "aver@example.com",
            "recipients": ("a@x.org", "b@x.org"),
        }
        send("email", {}, **route)
        send("email", {}, message("resolved"), **route)
        first, second = server.mails
        assert first["Message-ID"] == "<message_1@example.com>"
        assert first["References"] == second["References"] == "<thread_1@example.com>"
        assert first["Subject"].startswith("[page] acme: up")
        assert "aver incident show incident_1" in first.get_content()
        assert server.recipients[0] == ["a@x.org", "b@x.org"]
        server.refused = {"b@x.org"}
        with pytest.raises(Unavailable) as told:
            send("email", {}, **route)
        assert "1 of 2" in told.value.cause


def test_a_line_break_in_what_is_said_makes_no_header():
    with mail_server() as server:
        broken = replace(message(), alerts=(alert(said="x\r\nBcc: eve@x.org"),))
        send("email", {}, broken, smtp=server.address, tls="none", sender="a@x.org", recipients=("b@x.org",))
        assert server.mails[0]["Bcc"] is None


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500])
def test_any_other_answer_is_a_failure_that_does_not_tell_the_address(far, status):
    far.status = status
    with pytest.raises(Unavailable) as told:
        send("slack", {"env:URL": far.url}, url="env:URL")
    assert str(status) in told.value.cause
    assert "T0PSECRET" not in str(told.value)
    assert len(far.got) == 1


def test_nobody_there_and_no_address():
    with pytest.raises(Unavailable):
        send("webhook", {"env:URL": "http://127.0.0.1:9/T0PSECRET"}, url="env:URL")
    for address in ("ftp://x/T0PSECRET", "not an address", "http://[::1/T0PSECRET", ""):
        with pytest.raises(InvalidInput) as told:
            send("webhook", {"env:URL": address}, url="env:URL")
        assert "T0PSECRET" not in str(told.value)
    with pytest.raises(Unavailable):
        send("email", {}, smtp="127.0.0.1:9", tls="none", sender="a@x.org", recipients=("b@x.org",))


def test_a_secret_that_cannot_be_had_is_told_as_it_is():
    def none(reference):
        raise AverError(f"{reference} is not set", "Set it.")

    with pytest.raises(AverError):
        Sender(none, CLOCK)(Route("team", "slack", url="env:NOTHING"), message())
