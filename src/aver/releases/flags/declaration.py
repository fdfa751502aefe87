"""The section ``flags`` of ``aver.yaml``, said once: reader, writer and schema follow it.

::

    flags:
      declared:
        short_answers:
          about: Answers of three sentences at most.
          variants: {"on": true, "off": false}
          default: "off"
          rules:
            - {groups: [pilots], variant: "on"}
            - {percent: {"on": 20, "off": 80}}

or ``source: {kind: flagd, file: flags.json}`` for a file in a vendor's format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from aver.core.yaml import YamlValue, nearest
from aver.gateway.config.shapes import Boolean, Choice, Field, ListOf, MapOf, Number, Record, Schema, Text, keyed
from aver.gateway.config.words import INSIDE, NAMES, TEXT, parts, record
from aver.releases.flags.types import Flag, FlagsConfig, Rule, Source, VendorKind, type_of

__all__ = ["FLAGS", "read_flags"]

FLAG = Text(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$", "a name of letters, digits, dots, dashes and underscores", longest=60)
"""Flags and their variants are named so that their names may stand in evidence."""


class _Value:
    """Any JSON value."""

    def read(self, value: YamlValue) -> Any:
        return value.plain()

    def write(self, value: Any) -> Any:
        return value

    def schema(self) -> Schema:
        return {}


_RULE = record(
    Rule,
    variant=Field(FLAG, "What those who match get."),
    percent=Field(MapOf(FLAG, Number(0, 100)), "Or one of these, by a hash of the user."),
    tenants=Field(NAMES, "Only these tenants match."),
    users=Field(NAMES, "Only these users match, as NAME or TENANT/NAME."),
    groups=Field(NAMES, "Only users in one of these groups match."),
)
_FLAG = record(
    Flag,
    variants=Field(MapOf(FLAG, _Value()), "Values by name, all of one type.", required=True),
    default=Field(FLAG, "What everybody gets whom no rule matches.", required=True),
    rules=Field(ListOf(_RULE), "Who gets what; the first that matches counts."),
    enabled=Field(Boolean(), "Without, everybody gets the default."),
    about=Field(TEXT, "What it is for."),
)
_SOURCE = record(
    Source,
    kind=Field(Choice("source of flags", get_args(VendorKind)), "Whose format it is.", required=True),
    file=Field(INSIDE, "The file, inside of the bundle.", required=True),
)


def _config(declared: Mapping[str, Flag] | None = None, source: Source | None = None) -> FlagsConfig:
    return FlagsConfig(declared or {}, source)


FLAGS = Record(
    _config,
    {
        "declared": Field(MapOf(FLAG, _FLAG), "Flags, by the names that are asked for.", optional=True),
        "source": Field(_SOURCE, "A vendor's file that is asked instead.", optional=True),
    },
    parts,
)


def read_flags(section: YamlValue) -> FlagsConfig:
    """The section ``flags`` of a bundle. Raises :class:`~aver.core.errors.SettingsError` with the line of what is misspelt, unknown or
    contradictory."""
    if section.is_null:
        return FlagsConfig()
    config: FlagsConfig = FLAGS.read(section)
    places = {name.text(): value for name, value in keyed(section)}
    if config.source and config.declared:
        raise places["source"].error("flags are declared, and read from a file", "Keep one of the two.")
    if config.declared:
        for name, value in keyed(places["declared"]):
            _check(config.declared[name.text()], value)
    return config


def _check(flag: Flag, place: YamlValue) -> None:
    if not flag.variants:
        raise place.error(f"the flag {flag.name!r} has no variants", "Add them: variants: {on: true, off: false}.")
    kinds = {type_of(value) for value in flag.variants.values()} - {"integer" if _has_float(flag) else ""}
    if len(kinds) != 1:
        raise place.error(
            f"the variants of {flag.name!r} are of types {', '.join(sorted(kinds))}", "Give them one type."
        )
    if flag.default not in flag.variants:
        raise place.error(f"{flag.default!r} is no variant of {flag.name!r}", nearest(flag.default, flag.variants))
    for number, rule in enumerate(flag.rules, 1):
        if bool(rule.variant) == bool(rule.percent):
            raise place.error(f"rule {number} of {flag.name!r} needs a variant or percents", "Give one of the two.")
        for variant in (rule.variant, *rule.percent):
            if variant and variant not in flag.variants:
                raise place.error(f"{variant!r} is no variant of {flag.name!r}", nearest(variant, flag.variants))
        if rule.percent and abs(sum(rule.percent.values()) - 100) > 1e-6:
            total = sum(rule.percent.values())
            raise place.error(f"the percents of rule {number} of {flag.name!r} add up to {total:g}", "Let them be 100.")


def _has_float(flag: Flag) -> bool:
    return any(isinstance(value, float) for value in flag.variants.values())
