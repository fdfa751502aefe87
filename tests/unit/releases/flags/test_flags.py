"""Flags as a bundle declares them: who gets what, and what is off says where."""

from __future__ import annotations

from collections import Counter

import jsonschema
import pytest

from aver.core.canonical import canonical_json
from aver.core.errors import SettingsError
from aver.core.yaml import parse_yaml
from aver.evidence.facts import clear_facts
from aver.releases.flags.declaration import FLAGS, read_flags
from aver.releases.flags.evaluation import evaluate
from aver.releases.flags.service import Flags
from aver.releases.rollout.assignment import Who

TEXT = """
declared:
  short:
    about: Answers of three sentences.
    variants: {"on": true, "off": false}
    default: "off"
    rules:
      - {users: [acme/ann], tenants: [globex], variant: "on"}
      - {percent: {"on": 20, "off": 80}}
  limit: {variants: {few: 3, many: 8}, default: few, enabled: false, rules: [{variant: many}]}
"""


def _flags(text=TEXT):
    return read_flags(parse_yaml(text, "aver.yaml"))


def test_a_section_is_read_and_written_alike():
    config = _flags()
    written = FLAGS.write(config)
    assert read_flags(parse_yaml(canonical_json(written).decode(), "row")) == config
    jsonschema.validate(written, FLAGS.schema())


def test_rules_go_before_percents_and_users_are_meant_with_their_tenant():
    flag = _flags().declared["short"]
    assert evaluate(flag, Who("t1", "ann", name="acme")).reason == "TARGETING_MATCH"
    assert evaluate(flag, Who("t2", "ann", name="globex")).variant == "on"
    others = [evaluate(flag, Who("t3", f"user{number}", name="initech")) for number in range(5000)]
    assert {each.reason for each in others} == {"SPLIT"}
    assert abs(Counter(each.value for each in others)[True] / 5000 - 0.2) < 0.025
    assert [each.value for each in others] == [
        evaluate(flag, Who("t3", f"user{number}")).value for number in range(5000)
    ]


def test_a_part_that_grows_keeps_whom_it_had():
    small, large = (
        _flags(
            f"declared: {{f: {{variants: {{a: 1, b: 2}}, default: b, rules: [{{percent: {{a: {part}, b: {100 - part}}}}}]}}}}"
        )
        for part in (10, 40)
    )
    for number in range(500):
        who = Who("t", f"user{number}")
        if evaluate(small.declared["f"], who).variant == "a":
            assert evaluate(large.declared["f"], who).variant == "a"


def test_one_that_is_disabled_or_killed_gives_everybody_its_default():
    config, killed = _flags(), set()
    flags = Flags(lambda: config.declared, lambda name, _: name in killed)
    ann = Who("t1", "ann", name="acme")
    assert (flags.resolve("limit", "integer", 0, ann).value, flags.resolve("limit", "integer", 0, ann).reason) == (
        3,
        "DISABLED",
    )
    assert flags.resolve("short", "boolean", None, ann).value is True
    killed.add("short")
    assert (
        flags.resolve("short", "boolean", None, ann).value,
        flags.resolve("short", "boolean", None, ann).reason,
    ) == (False, "DISABLED")


def test_which_variants_a_turn_has_may_stand_in_clear():
    config = _flags()
    facts = Flags(lambda: config.declared).facts(Who("t1", "ann", name="acme"))
    assert facts == {"flags": ["short/on", "limit/few"]}
    assert clear_facts(facts)
    assert Flags(dict).facts(Who("t1", "ann")) == {}


def test_any_name_and_any_number_of_flags_may_stand_in_clear():
    names = ["user", "group", *(f"{number:02}{'f' * 58}" for number in range(98))]
    text = (
        "declared: {"
        + ", ".join(f"{name}: {{variants: {{'{'v' * 60}': 1}}, default: '{'v' * 60}'}}" for name in names)
        + "}"
    )
    facts = Flags(lambda: _flags(text).declared).facts(Who("t1", "ann"))
    assert (len(facts["flags"]), facts["flags_left_out"]) == (40, 60)
    assert clear_facts(facts)


def test_nobody_in_particular_is_no_part_of_a_percent():
    found = Flags(lambda: _flags().declared).resolve("short", "boolean", True, Who("t3", ""))
    assert (found.value, found.error) == (True, "TARGETING_KEY_MISSING")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("declared: {f: {variants: {}, default: a}}", "no variants"),
        ("declared: {f: {variants: {a: 1}, default: b}}", "no variant of"),
        ("declared: {f: {variants: {a: 1, b: x}, default: a}}", "of types integer, string"),
        ("declared: {f: {variants: {a: 1}, default: a, rules: [{groups: [x]}]}}", "needs a variant or percents"),
        ("declared: {f: {variants: {a: 1, b: 2}, default: a, rules: [{percent: {a: 50}}]}}", "add up to 50"),
        ("declared: {f: {variants: {a: 1}, default: a, rules: [{variant: c}]}}", "no variant of"),
        ("declared: {'f g': {variants: {a: 1}, default: a}}", "a name of letters"),
        ("source: {kind: unleash, file: x.json}", "no source of flags"),
        ("source: {kind: flagd, file: ../x.json}", "inside the bundle"),
        ("source: {kind: flagd, file: x.json}\ndeclared: {f: {variants: {a: 1}, default: a}}", "Keep one"),
    ],
)
def test_a_mistake_is_told(text, says):
    with pytest.raises(SettingsError) as caught:
        _flags(text)
    assert "aver.yaml:" in caught.value.cause
    assert says in str(caught.value)
