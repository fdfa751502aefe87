"""Tenants, keys, evidence, erasure: what needs no index and no model."""

import json

import pytest

from aver.core.errors import Unauthenticated
from aver.core.settings import Settings
from aver.server.application import Application
from aver.server.cli import main


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def aver(data, capsys):
    """Run a command that prints JSON; its document, after its exit code was checked."""

    def run(*words, code=0):
        assert main(["--data", str(data), *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def text(data, capsys):
    def run(*words, code=0):
        assert main(["--data", str(data), *words]) == code
        return capsys.readouterr()

    return run


def authenticate(data, key):
    application = Application(Settings(data=data))
    try:
        return application.store.authenticate(key).principal
    finally:
        application.close()


def test_tenants(aver, text):
    created = aver("tenant", "create", "acme")
    assert aver("tenant", "list") == {"tenants": [created]}
    assert aver("tenant", "create", "acme", code=1)["type"] == "urn:aver:problem:conflict"
    assert created["id"] in text("tenant", "list").out


def test_a_key_opens_until_it_is_revoked(aver, text, data):
    aver("tenant", "create", "acme")
    made = aver("keys", "create", "--tenant", "acme", "--user", "ann", "--group", "hr", "--group", "board")
    principal = authenticate(data, made["key"])
    assert (principal.user, principal.groups) == ("ann", {"hr", "board"})
    (listed,) = aver("keys", "list", "--tenant", "acme")["keys"]
    assert (listed["id"], listed["groups"]) == (made["id"], ["board", "hr"])
    assert made["key"] not in text("keys", "list", "--tenant", "acme").out
    aver("keys", "revoke", made["id"], "--tenant", "acme")
    with pytest.raises(Unauthenticated):
        authenticate(data, made["key"])
    aver("keys", "revoke", made["id"], "--tenant", "acme", code=3)


def test_a_key_has_the_role_it_was_made_with_and_no_other_there_is(aver, text, data):
    aver("tenant", "create", "acme")
    made = aver("keys", "create", "--tenant", "acme", "--user", "kay", "--role", "admin")
    assert authenticate(data, made["key"]).is_admin
    plain = aver("keys", "create", "--tenant", "acme", "--user", "ann")
    assert not authenticate(data, plain["key"]).is_admin
    assert "admin" in text("keys", "list", "--tenant", "acme").out
    problem = aver("keys", "create", "--tenant", "acme", "--user", "kay", "--role", "root", code=2)
    assert "'root'" in problem["detail"]
    assert len(aver("keys", "list", "--tenant", "acme")["keys"]) == 2


def test_a_key_of_another_tenant_is_not_found(aver):
    aver("tenant", "create", "acme")
    aver("tenant", "create", "other")
    made = aver("keys", "create", "--tenant", "acme", "--user", "ann")
    aver("keys", "revoke", made["id"], "--tenant", "other", code=3)


def test_without_json_the_key_alone_is_on_standard_output(text, aver):
    aver("tenant", "create", "acme")
    out, err = text("keys", "create", "--tenant", "acme", "--user", "ann")
    assert out.startswith("aver_")
    assert out.count("\n") == 1
    assert "only now" in err


def test_making_a_key_is_evidence(aver, text):
    aver("tenant", "create", "acme")
    made = aver("keys", "create", "--tenant", "acme", "--user", "ann")
    (step,) = aver("evidence", "show", made["id"])["steps"]
    assert (step["kind"], step["body"]["user"]) == ("key_created", "ann")
    assert "ann" not in json.dumps(step["facts"])
    assert "key" in text("evidence", "show", made["id"]).out
    aver("evidence", "show", "turn_none", code=3)
    aver("evidence", "show", made["id"], "--tenant", "none", code=3)


def test_erasure_revokes_keys_and_the_chain_still_verifies(aver, data):
    aver("tenant", "create", "acme")
    made = aver("keys", "create", "--tenant", "acme", "--user", "ann")
    kept = aver("keys", "create", "--tenant", "acme", "--user", "bo")
    assert aver("erase", "--tenant", "acme", "--subject", "user:ann")["erased"]
    with pytest.raises(Unauthenticated):
        authenticate(data, made["key"])
    assert authenticate(data, kept["key"]).user == "bo"
    (step,) = aver("evidence", "show", made["id"])["steps"]
    assert (step["body"], step["erased"]) == (None, True)
    verified = aver("evidence", "verify")
    assert verified["ok"]
    assert verified["verified"]["acme"]["unreadable"] == 1
    aver("erase", "--tenant", "acme", "--subject", "user:nobody", code=3)


def test_an_export_verifies_without_a_data_directory(aver, data, tmp_path, capsys):
    aver("tenant", "create", "acme")
    aver("keys", "create", "--tenant", "acme", "--user", "ann")
    out = tmp_path / "acme.jsonl"
    assert aver("evidence", "export", "--tenant", "acme", "--out", str(out))["bytes"] == out.stat().st_size
    aver("evidence", "export", "--tenant", "acme", "--out", str(out), code=2)
    assert b"ann" not in out.read_bytes()
    elsewhere = tmp_path / "elsewhere"
    assert main(["--data", str(elsewhere), "evidence", "verify", str(out), "--json"]) == 0
    (verified,) = json.loads(capsys.readouterr().out)["verified"].values()
    assert not elsewhere.exists()
    aver("evidence", "verify", str(out), "--key", verified["key_fingerprint"])
    aver("evidence", "verify", str(out), "--key", "0" * 64, code=4)


def test_a_changed_export_is_code_4_and_names_the_record(aver, tmp_path):
    aver("tenant", "create", "acme")
    for user in ("ann", "bo", "cy"):
        aver("keys", "create", "--tenant", "acme", "--user", user)
    out = tmp_path / "acme.jsonl"
    aver("evidence", "export", "--tenant", "acme", "--out", str(out))
    out.write_text(out.read_text().replace('"key_created"', '"key_crested"', 1))
    problem = aver("evidence", "verify", str(out), code=4)
    assert problem["type"] == "urn:aver:problem:verification-failed"
    assert problem["ok"] is False
    (found,) = problem["verified"].values()
    assert found["first_bad"] == 1
    assert "record 1" in problem["detail"]


def test_a_tenant_signed_by_another_key_is_code_4(aver):
    aver("tenant", "create", "acme")
    aver("keys", "create", "--tenant", "acme", "--user", "ann")
    fingerprint = aver("evidence", "verify")["verified"]["acme"]["key_fingerprint"]
    aver("evidence", "verify", "--tenant", "acme", "--key", fingerprint)
    aver("evidence", "verify", "--tenant", "acme", "--key", "0" * 64, code=4)
