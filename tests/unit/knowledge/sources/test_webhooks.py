"""An event counts when its system signed it, in its own way, and in time."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta

import pytest

from aver.knowledge.sources.webhooks import Event, challenge, signature

SECRET = "s3cret"
BODY = b'{"what": "something changed"}'
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))


def mac(message, secret=SECRET):
    return hmac.new(secret.encode(), message, "sha256").hexdigest()


def signed(kind, body=BODY, when=STAMP, secret=SECRET):
    """The headers that a system of this kind sends."""
    match kind:
        case "github":
            return {"x-hub-signature-256": f"sha256={mac(body, secret)}"}
        case "jira" | "confluence":
            return {"x-hub-signature": f"sha256={mac(body, secret)}"}
        case "slack":
            proof = f"v0={mac(f'v0:{when}:'.encode() + body, secret)}"
            return {"x-slack-request-timestamp": when, "x-slack-signature": proof}
    return {"aver-signature": f"t={when},v1={mac(f'{when}.'.encode() + body, secret)}"}


KINDS = ("github", "jira", "confluence", "slack", "folder", "")


def is_good(kind, headers, body=BODY, now=NOW, secret=SECRET):
    found = signature(kind, Event(headers, body), now)
    return found is not None and found.is_by(secret)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_event_is_good_and_any_other_is_not(kind):
    headers = signed(kind)
    assert is_good(kind, headers)
    assert not is_good(kind, headers, BODY + b" ")
    assert not is_good(kind, headers, secret="another")
    assert not is_good(kind, {})
    for other in {"github", "slack", "folder"} - {kind or "folder"}:
        assert not is_good(other, headers)


def test_the_examples_that_the_systems_publish():
    hub = "It's a Secret to Everybody"
    github = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    assert is_good("github", github, b"Hello, World!", secret=hub)
    jira = {"x-hub-signature": "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"}
    assert is_good("jira", jira, b"Hello World!", secret=hub)
    slack = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
        b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url="
        b"https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
        b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    at = datetime.fromtimestamp(1531420618, UTC)
    assert is_good("slack", slack, body, at, "8f742231b10e8888abcd99yyyzzz85a5")


@pytest.mark.parametrize("kind", ["slack", "folder"])
def test_an_event_of_another_time_is_not_taken_again(kind):
    headers = signed(kind)
    for seconds, good in ((300, True), (-300, True), (301, False), (-301, False)):
        assert is_good(kind, headers, now=NOW + timedelta(seconds=seconds)) is good
    later = str(int(STAMP) + 1)
    moved = {name: value.replace(STAMP, later) for name, value in headers.items()}
    assert not is_good(kind, moved)


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("github", {"x-hub-signature-256": mac(BODY)}),
        ("github", {"x-hub-signature-256": f"sha1={mac(BODY)}"}),
        ("github", {"x-hub-signature-256": f"sha256={mac(BODY)[:32]}"}),
        ("github", {"x-hub-signature-256": f"sha256={mac(BODY).upper()}"}),
        ("github", {"x-hub-signature-256": "sha256=é" + mac(BODY)[1:]}),
        ("slack", {**signed("slack"), "x-slack-request-timestamp": ""}),
        ("slack", {**signed("slack"), "x-slack-request-timestamp": f"{STAMP}.0"}),
        ("slack", {**signed("slack"), "x-slack-request-timestamp": "9" * 400}),
        ("folder", {"aver-signature": f"v1={mac(BODY)}"}),
        ("folder", {"aver-signature": f"t={STAMP}"}),
        ("folder", {"aver-signature": f"t=-{STAMP},v1={mac(BODY)}"}),
        ("folder", {"aver-signature": "," * 100_000}),
    ],
)
def test_what_is_no_signature(kind, headers):
    assert not is_good(kind, headers)


def test_a_secret_that_is_being_replaced_signs_beside_the_new_one():
    new, old = (mac(f"{STAMP}.".encode() + BODY, secret) for secret in ("new", "old"))
    headers = {"aver-signature": f"t={STAMP}, v1={new}, v1={old}"}
    assert is_good("folder", headers, secret="new")
    assert is_good("folder", headers, secret="old")
    assert not is_good("folder", headers, secret="older")


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("slack", b'{"type": "url_verification", "challenge": "3eZbrw"}', "3eZbrw"),
        ("github", b'{"type": "url_verification", "challenge": "3eZbrw"}', None),
        ("slack", b'{"type": "event_callback", "challenge": "3eZbrw"}', None),
        ("slack", b'{"type": "url_verification", "challenge": ["3eZbrw"]}', None),
        ("slack", b'["url_verification"]', None),
        ("slack", b"\xff" + b"[" * 100_000, None),
        ("slack", b"[" * 100_000, None),
    ],
)
def test_slack_is_told_its_challenge(kind, body, told):
    assert challenge(kind, Event({}, body)) == told
