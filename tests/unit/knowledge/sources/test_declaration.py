"""A file of sources is read with every mistake at its line; what it says can be stored, and is what its schema allows."""

from __future__ import annotations

import jsonschema
import pytest
import yaml

from aver.core.errors import SettingsError
from aver.gateway.config.shapes import MapOf
from aver.knowledge.sources import DeclaredSource, kinds, parse_sources, source_schema
from aver.knowledge.sources.declaration import options_of, values_from_json, values_to_json
from aver.knowledge.sources.git import Options
from aver.knowledge.sources.registry import kind_of

GOOD = """\
sources:
  handbook:
    kind: git
    url: https://git.example.org/handbook.git
    every: 15m
    access:
      - {match: "**", readers: [everyone]}
      - {match: "hr/**", readers: ["group:hr"]}
  desk:
    kind: sql
    database: env:DESK_URL
    query: |
      SELECT id, text
      FROM notes
"""


def test_a_good_file():
    handbook, desk = parse_sources(GOOD, "sources.yaml")
    assert (handbook.name, handbook.kind, handbook.every) == ("handbook", "git", 900.0)
    assert handbook.values == {"url": "https://git.example.org/handbook.git"}
    assert handbook.access.readers("hr/pay.md") == ("group:hr",)
    assert desk == DeclaredSource("desk", "sql", {"database": "env:DESK_URL", "query": "SELECT id, text\nFROM notes"})
    stored = values_from_json(values_to_json(handbook.values))
    assert options_of(kind_of("git"), stored) == Options("https://git.example.org/handbook.git")
    jsonschema.validate(yaml.safe_load(GOOD), source_schema())


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "mapping"),
        ("sauces: {}", 1, "Did you mean 'sources'"),
        ("sources:\n  a:\n    url: x", 3, "'kind' is missing"),
        ("sources:\n  a:\n    kind: gti", 3, "Did you mean 'git'"),
        ("sources:\n  a:\n    kind: git", 3, "'url' is missing"),
        ("sources:\n  a:\n    kind: git\n    url: x\n    brunch: main", 5, "Did you mean 'branch'"),
        ("sources:\n  a:\n    kind: git\n    url: x\n    every: often", 5, "duration"),
        ("sources:\n  a/b:\n    kind: git\n    url: x", 2, "a name of letters"),
        ("sources:\n  a:\n    kind: sql\n    database: env:X\n    query: DROP TABLE x", 5, "does not select"),
        ("sources:\n  a:\n    kind: git\n    url: x\n    access:", 5, "access list is empty"),
        ("sources:\n  a:\n    kind: git\n    url: x\n    access:\n      - {match: a, readers: [b]}", 6, "no reader"),
        ("sources:\n  a: git", 2, "mapping"),
        ("sources:\n  a:\n    kind: git\n    url: x\n    webhook_secret: hunter2", 5, "never the credential itself"),
        ("sources:\n  a:\n    kind: github\n    repositories: [acme]", 4, "OWNER/NAME"),
        ("sources:\n  a:\n    kind: github\n    repositories: [acme/..]", 4, "OWNER/NAME"),
        ("sources:\n  a:\n    kind: github\n    repositories: []", 4, "empty"),
        ("sources:\n  a:\n    kind: github\n    repositories: [a/b, A/b]", 3, "named twice"),
        ("sources:\n  a:\n    kind: github\n    repositories: [a/b]\n    parts: [issue]", 5, "Did you mean 'issues'"),
        ("sources:\n  a:\n    kind: slack\n    token: env:X\n    public: all", 5, "no readership"),
    ],
)
def test_a_mistake_is_named_with_its_line(text, line, says):
    with pytest.raises(SettingsError) as caught:
        parse_sources(text, "sources.yaml")
    assert str(caught.value).startswith(f"sources.yaml:{line}: ")
    assert says in str(caught.value)


SECRETS = [
    (name, field, f"{{{header}: hunter2}}" if header else "hunter2")
    for name, load in kinds().items()
    for field, declared in load().fields.items()
    if "kept" in declared.about
    for header in ["Authorization" if isinstance(declared.shape, MapOf) else ""]
]


REQUIRED = {
    "azure": "account: handbooks\n    container: docs",
    "folder": "path: /srv/docs",
    "gcs": "bucket: handbooks",
    "github": "repositories: [acme/handbook]",
    "s3": "bucket: handbooks",
    "slack": "channels: [general]",
    "sql": "query: SELECT id FROM notes",
}
"""By kind what stands beside a secret; an address for all others."""


def test_where_secrets_are_named():
    assert {(name, field) for name, field, _ in SECRETS} >= {
        *(("azure", "key"), ("azure", "sas"), ("confluence", "token"), ("gcs", "credentials"), ("git", "token")),
        *(("github", "token"), ("jira", "token"), ("s3", "key_id"), ("s3", "secret_key"), ("s3", "session_token")),
        *(("slack", "token"), ("sql", "database"), ("web", "headers")),
    }


@pytest.mark.parametrize(("kind", "field", "written"), [*SECRETS, ("folder", "webhook_secret", "hunter2")])
def test_a_secret_that_is_written_out_is_refused_and_not_repeated(kind, field, written):
    required = REQUIRED.get(kind, "url: https://acme.example.org")
    with pytest.raises(SettingsError) as caught:
        parse_sources(f"sources:\n  a:\n    kind: {kind}\n    {field}: {written}\n    {required}", "s.yaml")
    assert str(caught.value).startswith("s.yaml:4: ")
    assert "never the credential itself" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["https://bob:hunter2@git.example.org/a.git", "https://hunter2@git.example.org/a", "ssh://git:hunter2@host/a"],
)
def test_a_secret_in_the_address_of_a_repository_is_refused_and_not_repeated(url):
    with pytest.raises(SettingsError, match="holds a user or a password") as caught:
        parse_sources(f"sources:\n  a:\n    kind: git\n    url: {url}", "s.yaml")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["git@git.example.org:a.git", "ssh://git@git.example.org/a", "/srv/a.git", "https://x/a@b"]
)
def test_an_address_of_a_repository_may_name_who_comes_by_ssh(url):
    (declared,) = parse_sources(f"sources:\n  a:\n    kind: git\n    url: '{url}'", "s.yaml")
    assert declared.values["url"] == url


WITH_PERMISSIONS = """\
sources:
  hub:
    kind: github
    repositories: [acme/handbook, acme/shop.js]
    parts: [wiki]
    token: env:GITHUB_TOKEN
    webhook_secret: file:/run/secrets/hub
    people:
      users: {Octocat: ann}
      groups: {enterprise members: everyone}
  talk:
    kind: slack
    token: env:SLACK_TOKEN
    channels: [general]
    types: [mpim]
    since: 30d
    edits: 7d
    public: everyone
    permissions: false
"""


def test_sources_with_permissions():
    hub, talk = parse_sources(WITH_PERMISSIONS, "s.yaml")
    assert (hub.webhook_secret, talk.webhook_secret) == ("file:/run/secrets/hub", "")
    read = options_of(kind_of("github"), values_from_json(values_to_json(hub.values)))
    assert (read.repositories, read.parts) == (("acme/handbook", "acme/shop.js"), ("wiki",))
    assert (read.people.users, read.people.groups) == ({"octocat": "ann"}, {"enterprise members": "everyone"})
    read = options_of(kind_of("slack"), values_from_json(values_to_json(talk.values)))
    assert (read.types, read.since, read.edits) == (("mpim",), 30 * 86_400, 7 * 86_400)
    assert (read.public, read.permissions) == ("everyone", False)
    jsonschema.validate(yaml.safe_load(WITH_PERMISSIONS), source_schema())


def test_every_kind_says_what_it_is():
    for name, load in kinds().items():
        kind = load()
        assert kind.name == name
        assert kind.about
        assert all(field.about for field in kind.fields.values())
        assert not {"kind", "every", "access", "webhook_secret"} & kind.fields.keys()
