"""People, roles, keys over their lives and the identity provider, by the command line."""

import json

import pytest

from aver.core.errors import Unauthenticated
from aver.core.settings import Settings
from aver.server.application import Application
from aver.server.cli import main

DECLARED = """
sign_in:
  issuer: https://login.example.com
  client_id: aver
  client_secret: env:AVER_OIDC_SECRET
  redirect: https://aver.example.com/sign-in/callback
  claims: {groups: groups}
roles: {Board: [auditor]}
session: {idle_minutes: 30, hours: 8}
"""


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def aver(data, capsys):
    """Run a command that prints JSON in a tenant; its document, after its exit code was checked."""
    assert main(["--data", str(data), "tenant", "create", "acme"]) == 0
    capsys.readouterr()

    def run(*words, code=0):
        assert main(["--data", str(data), *words, "--tenant", "acme", "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


def authenticated(data, key):
    application = Application(Settings(data=data))
    try:
        return application.store.authenticate(key).principal
    finally:
        application.close()


def test_people_come_change_and_go(aver, data):
    assert aver("people", "add", "olga", "--role", "owner", "--name", "Olga O.")["profile"]["name"] == "Olga O."
    ann = aver("people", "add", "ann", "--group", "board", "--role", "operator")
    robot = aver("people", "add", "robot", "--service")
    assert [each["user"] for each in aver("people", "list")["people"]] == ["olga", "ann", "robot"]
    assert (ann["groups"], robot["kind"]) == (["board"], "service")
    assert aver("people", "grant", "ann", "--role", "auditor")["granted"] == ["auditor"]
    key = aver("keys", "create", "--user", "ann")["key"]
    assert authenticated(data, key).roles == {"auditor"}
    assert aver("people", "deactivate", "ANN")["active"] is False
    with pytest.raises(Unauthenticated):
        authenticated(data, key)
    assert aver("people", "activate", ann["id"])["active"] is True
    assert authenticated(data, key).groups == {"board"}
    aver("people", "remove", "ann")
    assert aver("people", "remove", "ann", code=3)["title"] == "not found"
    assert aver("people", "grant", "olga", code=1)["title"] == "last owner"
    assert aver("people", "grant", "robot", "--role", "chief", code=2)["detail"].startswith("There is no role 'chief'")
    assert aver("people", "groups") == {"groups": []}
    told = aver("people", "changes")["changes"]
    assert [each["facts"].get("event", each["kind"]) for each in told if each["about"] == "ann"] == [
        *("added", "claimed", "granted", "granted", "key_created", "deactivated", "reactivated", "removed"),
    ]
    assert all(each["by"].startswith("command line") for each in told)
    assert aver("people", "changes", "--limit", "1")["changes"] == told[-1:]


def test_keys_have_scopes_and_ends_and_are_rotated(aver, data):
    made = aver(
        "keys", "create", "--user", "ann", "--role", "admin", "--scope", "read", "--scope", "models", "--days", "1"
    )
    assert authenticated(data, made["key"]).scopes == {"read", "models"}
    new = aver("keys", "rotate", made["id"], "--overlap", "1")
    assert authenticated(data, new["key"]) == authenticated(data, made["key"])
    newest = aver("keys", "rotate", new["id"])
    with pytest.raises(Unauthenticated):
        authenticated(data, new["key"])
    assert {each["id"] for each in aver("keys", "list")["keys"]} == {made["id"], newest["id"]}
    assert "There is no scope 'all'" in aver("keys", "create", "--user", "ann", "--scope", "all", code=2)["detail"]
    aver("keys", "create", "--user", "ann", "--days", "-1", code=2)


def test_broken_glass_opens_everything_and_says_so(aver, data):
    made = aver("people", "break-glass", "--reason", "nobody can sign in", "--minutes", "5")
    assert authenticated(data, made["key"]).roles == {"owner", "admin"}
    (told,) = aver("people", "changes")["changes"]
    assert (told["kind"], told["facts"]["minutes"]) == ("glass_broken", 5)
    aver("people", "break-glass", "--reason", " ", code=2)
    aver("people", "break-glass", "--reason", "long", "--minutes", "500", code=2)


def test_an_erased_person_is_gone_and_the_last_owner_is_not_erased(aver):
    aver("people", "add", "olga", "--role", "owner")
    aver("people", "add", "ann")
    assert aver("erase", "--subject", "user:ann")
    assert [each["user"] for each in aver("people", "list")["people"]] == ["olga"]
    assert aver("erase", "--subject", "user:olga", code=1)["title"] == "last owner"


def test_the_provider_is_declared_and_shown(aver, tmp_path):
    file = tmp_path / "identity.yaml"
    file.write_text(DECLARED, encoding="utf-8")
    declared = aver("identity", "declare", str(file))
    assert aver("identity", "show") == declared
    assert declared["sign_in"]["client_secret"] == "env:AVER_OIDC_SECRET"
    aver("people", "add", "ann", "--group", "board")
    assert aver("people", "list")["people"][0]["roles"] == ["auditor"]
    aver("identity", "declare", str(tmp_path / "none.yaml"), code=3)


@pytest.mark.parametrize(
    ("line", "wrong", "said"),
    [
        (3, "issuer: http://login.example.com", "no address that can be trusted"),
        (3, "issuer: https://login.example.com?x=1", "no address that can be trusted"),
        (5, "client_secret: hunter2", "expected a reference"),
        (6, "redirect: https://aver.example.com/elsewhere", "the address ends in"),
        (7, "claims: {group: groups}", "'group' is not known here"),
        (7, "scopes: [profile]", "'openid' is missing"),
        (8, "roles: {Board: [chief]}", "'chief' is no role"),
        (8, "roles: {Board: [auditor], board: [owner]}", "differ in case alone"),
        (9, "session: {idle_minutes: 0}", "expected 1 to 1440"),
    ],
)
def test_a_mistake_is_named_with_its_line(aver, tmp_path, line, wrong, said):
    lines = DECLARED.splitlines()
    lines[line - 1] = ("  " if lines[line - 1].startswith("  ") else "") + wrong
    file = tmp_path / "identity.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")
    problem = aver("identity", "declare", str(file), code=2)
    assert f"identity.yaml:{line}: " in problem["detail"]
    assert said in problem["detail"]
    assert aver("identity", "show")["sign_in"] is None


def test_roles_are_explained(data, capsys):
    assert main(["--data", str(data), "roles", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["roles"]["auditor"] == ["oversee", "audit", "inspect"]
    assert main(["--data", str(data), "roles"]) == 0
    assert "promote releases" in capsys.readouterr().out
