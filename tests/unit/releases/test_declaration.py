"""The section ``release``: what it may say, and what is asked of a release because of it."""

from datetime import UTC, datetime

import pytest
import yaml

from aver.core.errors import InvalidInput, SettingsError
from aver.core.yaml import parse_yaml
from aver.releases.declaration import RELEASE, ReleaseConfig, Stage, read_release
from aver.releases.promoting import lacking
from aver.releases.types import GateRecord, Manifest, Release, SignOff

NOW = datetime(2026, 11, 27, tzinfo=UTC)
RELEASED = Release(Manifest((), {}, {}, {}, "1"), NOW, "ann")


def read(text):
    return read_release(parse_yaml(text, "aver.yaml"))


def test_what_is_written_is_read_back():
    text = """
leave_out: [notes/*]
environments:
  staging: {}
  production: {after: staging, gate: true, sign_offs: [security], override: [lead]}
"""
    config = read(text)
    assert config.stage("production") == Stage("production", "staging", True, ("security",), ("lead",))
    written = RELEASE.write(config)
    assert read(yaml.safe_dump(written, sort_keys=False)) == config
    assert ReleaseConfig.of({"release": written}) == config
    assert (config.signing, config.roles) == ({"security"}, {"security", "lead", "admin"})


def test_without_a_section_there_are_three_environments():
    assert [*ReleaseConfig.of({}).environments] == ["development", "staging", "production"]
    assert read("").stage("production").gate
    assert RELEASE.write(ReleaseConfig()) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("environments: {Prod: {}}", "expected a name of small letters"),
        ("environments: {a: {after: b}, b: {}}", "no environment before this one is called 'b'"),
        ("environments: {a: {after: a}}", "no environment before this one is called 'a'"),
        ("environments: {a: {gates: true}}", "'gates' is not known here"),
        ("enviroments: {}", "Did you mean 'environments'"),
    ],
)
def test_mistakes_name_their_line(text, said):
    with pytest.raises(SettingsError, match=said) as caught:
        read(text)
    assert "aver.yaml:1" in caught.value.cause


def test_an_unknown_environment_is_said_with_the_nearest():
    with pytest.raises(InvalidInput, match="Did you mean 'production'"):
        ReleaseConfig().stage("producton")


def signed(*pairs):
    return [SignOff(role, by, NOW) for role, by in pairs]


@pytest.mark.parametrize(
    ("given_", "lacks"),
    [
        (signed(), ["nobody has signed it off as security", "nobody has signed it off as product"]),
        (signed(("security", "bob")), ["nobody has signed it off as product"]),
        (signed(("security", "ann"), ("product", "ann")), ["only ann, who created it, has signed it off"]),
        (signed(("security", "ann"), ("product", "bob")), []),
        (
            signed(("security", "ann"), ("product", "ann"), ("other", "bob")),
            ["only ann, who created it, has signed it off"],
        ),
    ],
)
def test_who_created_it_is_not_enough(given_, lacks):
    stage = Stage("production", sign_offs=("security", "product"))
    assert [*lacking(stage, RELEASED, sign_offs=given_)] == lacks


@pytest.mark.parametrize(
    ("outcomes", "lacks"),
    [
        ([], ["no gate has judged it"]),
        (["pass"], []),
        (["pass", "inconclusive"], ["its gate says inconclusive"]),
        (["fail", "pass"], []),
        (["fail"], ["its gate says fail"]),
    ],
)
def test_the_last_word_of_a_gate_counts(outcomes, lacks):
    gates = [GateRecord(RELEASED.digest, each, NOW) for each in outcomes]
    assert [*lacking(Stage("production", gate=True), RELEASED, gates=gates)] == lacks
