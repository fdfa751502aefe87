"""Events over real HTTP: a deletion is followed at once, whoever is not the system learns nothing, and processes share the work."""

from __future__ import annotations

import hmac
import json
import time
import urllib.error
import urllib.request

import pytest

from aver.core.settings import Settings
from aver.knowledge.sources import parse_sources
from aver.server.application import Application
from aver.server.following import Follower
from aver.testing import HashEmbedder
from tests.servers import serving

SECRET = "s3cret"


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.md").write_text("# One\n\nIt is here.")
    return folder


def opened(tmp_path):
    secrets = {"env:HOOK": SECRET}
    application = Application(Settings(data=tmp_path / "data"), embedder=HashEmbedder())
    application.secret = lambda reference: secrets[reference]
    return application


@pytest.fixture
def application(tmp_path, pages):
    application = opened(tmp_path)
    application.store.create_tenant("acme")
    text = f"""
sources:
  pages: {{kind: folder, path: '{pages}', webhook_secret: 'env:HOOK'}}
  quiet: {{kind: folder, path: '{pages}'}}
  talk: {{kind: slack, token: 'env:TOKEN', webhook_secret: 'env:HOOK'}}
"""
    application.tenant("acme").sources.declare(parse_sources(text, "s.yaml"))
    application.tenant("acme").sources.follow("pages")
    yield application
    application.close()


@pytest.fixture
def server(application):
    with serving(application) as served:
        yield served


def send(server, path, body=b"{}", headers=None):
    request = urllib.request.Request(f"{server.url}/events/{path}", body, headers or {}, method="POST")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def mac(message, secret=SECRET):
    return hmac.new(secret.encode(), message, "sha256").hexdigest()


def signed(body=b"{}", secret=SECRET):
    now = str(int(time.time()))
    return {"Aver-Signature": f"t={now},v1={mac(f'{now}.'.encode() + body, secret)}"}


def until(true, patience=60.0):
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def titles(application):
    services = application.tenant("acme")
    return [document.title for document in services.knowledge.documents(services.principal("ann"))]


def long_ago(application):
    """As if the last run had been a while ago."""
    application.tenant("acme").sources._note("pages", tried="2026-01-01T00:00:00.000Z")


def test_a_deletion_is_followed_when_an_event_tells_of_it(server, application, pages):
    assert titles(application) == ["One"]
    (pages / "a.md").unlink()
    long_ago(application)
    assert send(server, "acme/pages", headers=signed()) == (202, {"status": "taken"})
    until(lambda: titles(application) == [])
    until(lambda: not application.tenant("acme").sources.has_waiting())


def test_a_tenant_is_named_or_given_by_its_id(server, application):
    tenant = application.tenant("acme").store.tenant.id
    assert send(server, f"{tenant}/pages", headers=signed())[0] == 202


def test_whoever_is_not_the_system_learns_nothing(server, application):
    body = b'{"type": "url_verification", "challenge": "told"}'
    answers = [
        send(server, path, body, headers)
        for path, headers in (
            ("acme/pages", {}),
            ("acme/pages", signed(body, "another")),
            ("acme/pages", signed(b"something else")),
            ("acme/quiet", signed(body)),
            ("acme/nowhere", signed(body)),
            ("nobody/pages", signed(body)),
            ("acme/talk", {"X-Slack-Request-Timestamp": str(int(time.time())), "X-Slack-Signature": f"v0={'0' * 64}"}),
        )
    ]
    assert {json.dumps(answer) for answer in answers} == {json.dumps(answers[0])}
    assert answers[0][0] == 404
    assert not application.tenant("acme").sources.has_waiting()


def test_slack_is_told_its_challenge_and_nothing_is_followed(server, application):
    body = b'{"type": "url_verification", "token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}'
    now = str(int(time.time()))
    headers = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={mac(f'v0:{now}:'.encode() + body)}"}
    status, told = send(server, "acme/talk", body, headers)
    assert (status, told) == (200, {"challenge": json.loads(body)["challenge"]})
    assert not application.tenant("acme").sources.has_waiting()


def test_a_body_over_the_limit_is_refused(server):
    body = b"x" * (2 * 2**20 + 1)
    assert send(server, "acme/pages", body, signed(body))[0] == 413


def test_another_process_follows_what_this_one_was_told(server, application, pages, tmp_path):
    server.application  # noqa: B018 - it serves
    other = opened(tmp_path)
    follower = Follower(other, looks=0.02)
    try:
        with application.tenant("acme").store.lock("source pages"):  # this one is kept from it for now
            (pages / "a.md").unlink()
            long_ago(application)
            assert send(server, "acme/pages", headers=signed())[0] == 202
            assert other.tenant("acme").sources.due() == ["pages"]
        follower.start()
        until(lambda: titles(other) == [])
        until(lambda: not application.tenant("acme").sources.has_waiting())
    finally:
        follower.close()
        follower._thread.join()
        other.close()


def test_what_was_sent_is_in_no_log(server, caplog):
    caplog.set_level("DEBUG", "aver")
    for path, headers in (("acme/pages", signed(b"hush hush")), ("acme/pages", {}), ("hidden/place", {})):
        send(server, path, b"hush hush", headers)

    def records():
        return [record for record in caplog.records if record.name.startswith("aver")]

    until(lambda: len(records()) >= 3)
    said = " ".join(f"{record.getMessage()} {record.__dict__}" for record in records())
    assert "hush" not in said
    assert "hidden" not in said
    assert SECRET not in said
