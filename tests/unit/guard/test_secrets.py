"""Keys by their shapes. They are put together here, so that no scanner takes this file for a leak."""

import random
import string
import time

import pytest

from aver.guard.secrets import Secrets
from tests.conftest import shared_data

CHANCE = random.Random(7)


def letters(count, of=string.ascii_letters + string.digits):
    return "".join(CHANCE.choice(of) for _ in range(count))


SHAPES = {
    "AWS_ACCESS_KEY": "AKIA" + letters(16, "ABCDEFGHIJ234567KLMNOP"),
    "GITHUB_TOKEN": "ghp_" + letters(36),
    "GITLAB_TOKEN": "glpat-" + letters(20),
    "SLACK_TOKEN": "xoxb-" + letters(12, string.digits) + "-" + letters(24),
    "SLACK_WEBHOOK": "https://hooks.slack.com/services/" + "T" + letters(9) + "/B" + letters(9) + "/" + letters(24),
    "GOOGLE_API_KEY": "AIza" + letters(35),
    "STRIPE_KEY": "sk_live_" + letters(24),
    "ANTHROPIC_API_KEY": "sk-ant-api03-" + letters(80),
    "OPENAI_API_KEY": "sk-proj-" + letters(60),
    "HUGGINGFACE_TOKEN": "hf_" + letters(34, string.ascii_letters),
    "NPM_TOKEN": "npm_" + letters(36),
    "SENDGRID_KEY": "SG." + letters(22) + "." + letters(43),
    "AVER_KEY": "aver_" + letters(43),
    "JWT": "eyJ" + letters(30) + ".eyJ" + letters(60) + "." + letters(43),
    "PRIVATE_KEY": "-----BEGIN RSA PRIVATE" + " KEY-----\n" + letters(64) + "\n-----END RSA PRIVATE" + " KEY-----",
}


def found(text):
    return [(each.kind, text[each.start : each.end]) for each in Secrets().find(text)]


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("around", ["{}", "use {} please", 'key = "{}"', "KEY={}\nNEXT=1", "({}),"])
def test_known_shapes(kind, around):
    kinds = [each for each, value in found(around.format(SHAPES[kind])) if SHAPES[kind] in value]
    assert kinds == [kind]


def test_of_a_connection_string_the_password_alone():
    secret = "h7" + letters(10)
    assert found(f"postgres://app:{secret}@db.example.com/app") == [("CONNECTION_STRING", secret)]


@pytest.mark.parametrize(
    "text",
    [
        "password: {}",
        "the password is {}",
        "API_KEY={}",
        'client_secret: "{}"',
        "Authorization: Bearer {}",
        "{{'access_token': '{}'}}",
    ],
)
def test_what_is_announced(text):
    secret = "x4" + letters(22) + "9q"
    assert [value for _, value in found(text.format(secret))] == [secret]


@pytest.mark.parametrize(
    "text",
    [
        "commit 9f8e7d6c5b4a39281706f5e4d3c2b1a098765432",
        "sha256:" + "0f" * 32,
        "The password is sent by mail.",
        "key: value",
        "API_KEY=your-api-key-here1",
        "token: ${TOKEN_2}",
        "credential: env:OPENAI_KEY_1",
        "def signed_by(key: Ed25519PublicKey) -> bool:",
        "self.key = base64.b64encode(value)",
        "password = os.environ['PASSWORD1']",
        "550e8400-e29b-41d4-a716-446655440000",
        "Press the key 3 times; the secret is patience.",
        "-----BEGIN PUBLIC KEY-----",
        "sk-learn-and-other-long-names-with-hyphens-in-them",
    ],
)
def test_what_only_looks_like_one(text):
    assert found(text) == []


def test_a_key_with_invisible_characters_within_is_cut_out_whole():
    key = SHAPES["GITHUB_TOKEN"]
    assert found(f"use {key[:9]}\u200b{key[9:]} now") == [("GITHUB_TOKEN", f"{key[:9]}\u200b{key[9:]}")]


def test_a_key_without_its_end_is_cut_out_as_far_as_it_goes():
    text = "-----BEGIN PRIVATE" + " KEY-----\n" + letters(64) + "\n" + letters(30)
    assert found(text) == [("PRIVATE_KEY", text)]


def test_handbooks_have_next_to_none():
    pages = sorted(shared_data("handbook-18f").rglob("*.md"))[:150]
    findings = [each for page in pages for each in found(page.read_text(encoding="utf-8", errors="replace"))]
    assert len([each for each in findings if each[0] != "JWT"]) <= 1


@pytest.mark.parametrize(
    "unit", ["-----BEGIN PRIVATE" + " KEY-----", "key=", "eyJaaaaaaaaaaa.", "http://", "://:", "sk-proj-", "password: "]
)
def test_hostile_repetition_costs_no_more_than_its_length(unit):
    def seconds(length):
        began = time.process_time()
        Secrets().find(unit * (length // len(unit)))
        return time.process_time() - began

    short = min(seconds(20_000) for _ in range(3))
    assert seconds(160_000) < 40 * max(short, 0.002)
