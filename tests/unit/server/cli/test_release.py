"""``aver release``: from the first freeze to the last rollback, on record with every tenant, and each mistake said in a line."""

from __future__ import annotations

import json
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from aver.core import SystemClock
from aver.evidence import Ledger
from aver.evidence.dsse import public_pem
from aver.server.cli import main
from aver.store import Store
from tests.releases import FREE, GUARDED, write_bundle


@pytest.fixture
def aver(tmp_path, capsys):
    """Run a command; its document with ``--json``, else what it printed."""

    def run(*words, code=0, text=False):
        assert main(["--data", str(tmp_path / "data"), *words, *([] if text else ["--json"])]) == code
        said = capsys.readouterr()
        return said.out + said.err if text else json.loads(said.out)

    return run


@pytest.fixture
def bundle(tmp_path):
    return write_bundle(tmp_path / "bundle", GUARDED, prompts__answer_dot_md="Answer.\n")


@pytest.fixture
def freeze(aver, bundle):
    """Freeze the bundle as it is now, as ann; its digest."""
    return lambda *words: aver("release", "create", "--bundle", str(bundle), "-u", "ann", *words)["digest"]


def test_from_the_first_freeze_to_the_last_rollback(aver, bundle, freeze, tmp_path):
    aver("tenant", "create", "acme")
    first = freeze("--tag", "v1", "--note", "the first")
    aver("release", "promote", "v1", "staging", "-u", "ann")
    (tmp_path / "gate.json").write_text(json.dumps({"digest": first, "outcome": "pass"}))
    aver("release", "gate", str(tmp_path / "gate.json"))
    aver("release", "promote", "v1", "production", "-u", "ann", code=1)
    aver("release", "sign-off", "v1", "--role", "security", "-u", "sec")
    assert aver("release", "lacking", "v1", "production")["lacking"] == ["nobody has signed it off as product"]
    aver("release", "sign-off", "v1", "--role", "product", "-u", "pam")
    assert aver("release", "promote", "v1", "production", "-u", "ann")["digest"] == first
    (bundle / "prompts/answer.md").write_text("Answer briefly.\n")
    second = freeze("--tag", "v2")
    why = ("--force", "--reason", "a hole is open")
    assert (
        "release-manager" in aver("release", "promote", "v2", "production", *why, "--role", "admin", code=3)["detail"]
    )
    aver("release", "promote", "v2", "production", "-u", "ann", *why, "--role", "release-manager")
    shutil.rmtree(bundle)
    back = aver("release", "rollback", "production", "--reason", "it is rude", "-u", "bob")
    assert (back["digest"], back["previous"]) == (first, "")
    moves = aver("release", "history", "production")["moves"]
    assert [(each["kind"], each["digest"], each["by"]) for each in moves] == [
        ("promoted", first, "ann"),
        ("promoted", second, "ann"),
        ("rolled_back", first, "bob"),
    ]
    assert len(moves[1]["lacked"]) == 4
    listed = aver("release", "list")
    assert {each["digest"]: each["environments"] for each in listed["releases"]} == {
        first: ["production", "staging"],
        second: [],
    }
    assert aver("evidence", "verify")["ok"]


def test_every_tenant_is_told(aver, freeze, tmp_path):
    for name in ("acme", "other"):
        aver("tenant", "create", name)
    first = freeze()
    aver("release", "promote", first, "staging", "-u", "ann")
    aver("release", "sign-off", first, "--role", "security", "-u", "sec", "--note", "looked at the tools")
    store = Store(tmp_path / "data")
    for name in ("acme", "other"):
        tenant = store.tenant(name)
        ledger = Ledger(tenant, SystemClock())
        created, promoted, signed = (
            next(iter(ledger.of_kind(kind))) for kind in ("release_created", "release_promoted", "release_signed_off")
        )
        assert created.facts["release"] == promoted.facts["release"] == first
        assert promoted.facts["environment"] == "staging"
        assert (promoted.body["by"], signed.body["role"], signed.body["reason"]) == (
            "ann",
            "security",
            "looked at the tools",
        )
    store.close()


def test_a_diff_reads_as_a_sentence_a_change(aver, bundle, freeze):
    freeze("--tag", "one")
    (bundle / "prompts/answer.md").write_text("Answer.\nBriefly.\n")
    write_bundle(bundle, GUARDED + "guardrails: {input: {personal: redact}}\n")
    freeze("--tag", "two")
    assert aver("release", "diff", "one", "two", text=True) == (
        "~ prompt answer.md: 1 line\n+ guardrail personal (input): redact added\n"
    )
    changes = aver("release", "diff", "one", "two")["changes"]
    assert [each["part"] for each in changes] == ["prompt", "guardrail"]
    assert "+Briefly." in aver("release", "diff", "one", "two", "--text", text=True)
    assert "are the same" in aver("release", "diff", "one", "one", text=True)


def test_what_is_shown_of_a_release(aver, bundle, freeze, tmp_path):
    digest = freeze("--tag", "v1", "--note", "the first")
    aver("release", "sign", "v1")
    shown = aver("release", "show", digest[:9])
    assert shown["manifest"]["assistant"]["model"].startswith("extractive")
    assert shown["roles"] == {"aver.yaml": "bundle", "prompts/answer.md": "prompt"}
    assert len(shown["signatures"]) == 1
    (bundle / "prompts/answer.md").write_text("Another.\n")
    text = aver("release", "show", "v1", "--bundle", str(bundle), text=True)
    assert "differs in prompts/answer.md" in text
    assert "the first" in text
    aver("release", "bom", "v1", "--out", str(tmp_path / "bom.json"))
    assert json.loads((tmp_path / "bom.json").read_text())["specVersion"] == "1.6"
    assert aver("release", "provenance", "v1")["predicateType"] == "https://slsa.dev/provenance/v1"


def test_signatures_are_checked_by_their_keys(aver, freeze, tmp_path):
    freeze("--tag", "v1")
    key = Ed25519PrivateKey.generate()
    private, public = tmp_path / "key.pem", tmp_path / "key.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_text(public_pem(key.public_key()))
    aver("release", "verify", "v1", "--key", str(public), code=4)
    signed = aver("release", "sign", "v1", "--key", str(private))
    assert aver("release", "verify", "v1", "--key", str(public))["signatures"] == {signed["key"]: "signed"}
    assert aver("release", "verify", "v1")["signatures"] == {signed["key"]: "unknown key"}
    aver("release", "sign", "v1", "--key", str(public), code=2)
    aver("release", "verify", "v1", "--key", str(private), code=2)
    aver("release", "sign", "v1", "--key", str(tmp_path / "none"), code=3)
    aver("release", "sign", "v1")
    own = aver("release", "key")["fingerprint"]
    assert aver("release", "verify", "v1")["signatures"][own] == "signed"
    blob = next((tmp_path / "data/releases/blobs").iterdir())
    blob.chmod(0o600)
    blob.write_bytes(b"other")
    assert "gone or changed" in aver("release", "verify", "v1", code=4)["detail"]


def test_an_outcome_of_a_gate_is_about_one_release(aver, freeze, tmp_path):
    digest = freeze("--tag", "v1")
    envelope = aver("release", "sign", "v1")["envelope"]
    file = tmp_path / "gate.json"
    key = tmp_path / "key.pem"
    aver("release", "key", "--out", str(key))
    file.write_text(json.dumps({"digest": digest, "outcome": "pass", "attestation": envelope}))
    assert aver("release", "gate", str(file), "--key", str(key))["outcome"] == "pass"
    for said, code in (
        ({"digest": digest, "outcome": "maybe"}, 2),
        ({"digest": "0" * 64, "outcome": "pass"}, 3),
        ({"digest": "0" * 64, "outcome": "pass", "attestation": envelope}, 2),
        ([], 2),
    ):
        file.write_text(json.dumps(said))
        aver("release", "gate", str(file), code=code)
    file.write_text(json.dumps({"digest": digest, "outcome": "pass"}))
    aver("release", "gate", str(file), "--key", str(key), code=4)
    assert aver("release", "show", "v1")["gates"][-1]["outcome"] == "pass"


def test_a_release_goes_to_another_installation_in_a_file(aver, freeze, tmp_path, capsys):
    digest = freeze()
    aver("release", "export", digest, str(tmp_path / "v1.tar"))
    there = ["--data", str(tmp_path / "there")]
    assert main([*there, "release", "import", str(tmp_path / "v1.tar"), "-u", "bob", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == digest
    assert main([*there, "release", "verify", digest, "--json"]) == 0
    (tmp_path / "no.tar").write_text("no")
    assert main([*there, "release", "import", str(tmp_path / "no.tar"), "--json"]) == 2


def test_tags_move_and_releases_are_forgotten(aver, bundle, freeze):
    first = freeze("--tag", "v1")
    (bundle / "prompts/answer.md").write_text("Other.\n")
    second = freeze()
    assert aver("release", "tag", second, "v1", "-u", "ann")["tags"] == ["v1"]
    aver("release", "untag", "v1")
    aver("release", "untag", "v1", code=3)
    aver("release", "promote", first, "staging", "-u", "ann")
    aver("release", "delete", first, code=1)
    assert aver("release", "delete", second)["deleted"]
    aver("release", "show", second, code=3)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("feature: {modle: x}\n", "aver.yaml:1: 'modle' is not known here"),
        ("release:\n  environments:\n    prod: {after: nowhere}\n", "aver.yaml:3: no environment before this one"),
        ("agents: {a: {model: none}}\n", "aver.yaml:1: there is no model or route 'none'"),
    ],
)
def test_a_mistake_is_told_where_its_author_looks_for_it(aver, tmp_path, declared, said):
    bundle = write_bundle(tmp_path / "wrong", declared)
    found = aver("release", "create", "--bundle", str(bundle), "-u", "ann", code=2)
    assert said in found["detail"]
    assert str(bundle) in found["detail"]
    assert aver("release", "list")["releases"] == []


def test_a_tool_that_cannot_be_had_is_no_part_of_a_release(aver, tmp_path):
    declared = FREE + "tools: {openapi: {shop: {document: shop.yaml, tools: {buy: {effects: [read]}}}}}\n"
    bundle = write_bundle(tmp_path / "wrong", declared, shop_dot_yaml="openapi: 3.1.0\npaths: {}\n")
    assert "of openapi shop cannot be had" in aver("release", "create", "--bundle", str(bundle), code=2)["detail"]


def test_keys_may_have_the_roles_that_a_bundle_asks_for(aver, bundle, monkeypatch):
    monkeypatch.setenv("AVER_BUNDLE", str(bundle))
    aver("tenant", "create", "acme")
    aver("keys", "create", "--tenant", "acme", "--user", "sec", "--role", "security")
    assert aver("keys", "list", "--tenant", "acme")["keys"][0]["roles"] == ["security"]
    aver("keys", "create", "--tenant", "acme", "--user", "sec", "--role", "sales", code=2)
