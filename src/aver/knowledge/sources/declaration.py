"""A tenant's sources as they are written::

    sources:
      handbook:
        kind: git
        url: https://git.example.org/handbook.git
        every: 15m
        access:
          - {match: "**", readers: [everyone]}
          - {match: "hr/**", readers: [group:hr]}

What is below a source's name is ``kind``, ``every``, ``access``, ``webhook_secret``, and the fields of its kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aver.core.canonical import canonical_json
from aver.core.errors import SettingsError
from aver.core.yaml import YamlValue, nearest, parse_yaml
from aver.gateway.config.quantities import Duration
from aver.gateway.config.shapes import Field, Record, Schema, Text, keyed
from aver.gateway.config.words import CREDENTIAL
from aver.knowledge.access import AccessList
from aver.knowledge.sources.registry import kind_of, kinds
from aver.knowledge.sources.types import DeclaredSource, Kind

__all__ = ["options_of", "parse_sources", "source_schema", "values_from_json", "values_to_json"]

_NAME = Text(
    pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    expected="a name of letters, digits, dots, dashes and underscores",
    longest=100,
)


class _Access:
    """The shape of an access list."""

    def read(self, value: YamlValue) -> AccessList:
        return AccessList.read(value)

    def write(self, value: AccessList) -> Any:
        return [{"match": rule.match, "readers": list(rule.readers)} for rule in value.rules]

    def schema(self) -> Schema:
        rule = {
            "type": "object",
            "properties": {"match": {"type": "string"}, "readers": {"type": "array", "items": {"type": "string"}}},
            "required": ["match", "readers"],
            "additionalProperties": False,
        }
        return {"type": "array", "items": rule}


_COMMON = {
    "kind": Field(Text(), "What the source is.", required=True),
    "every": Field(Duration(), "How often it is followed while the server runs; only when asked to, without it."),
    "webhook_secret": Field(
        CREDENTIAL,
        "Where the secret is kept that its system signs events with; such an event has it followed at once.",
    ),
    "access": Field(_Access(), "Who may read what, where the source has no permissions of its own; else everyone."),
}


def parse_sources(text: str, name: str) -> tuple[DeclaredSource, ...]:
    """The sources that ``text``, called ``name`` in errors, declares. Raises :class:`~aver.core.errors.SettingsError` with
    ``NAME:LINE`` for what is misspelt, missing or unknown, and :class:`~aver.core.errors.MissingExtra`."""
    root = parse_yaml(text, name)
    declared = root.fields(("sources",), ("sources",))["sources"]
    return tuple(_source(_NAME.read(key), value) for key, value in keyed(declared))


def _source(name: str, value: YamlValue) -> DeclaredSource:
    written = [(key.text(), inner) for key, inner in keyed(value)]
    of = dict(written).get("kind")
    if of is None:
        raise value.error("'kind' is missing", f"Add it: kind: ... {nearest('', kinds())}")
    try:
        kind = kind_of(of.text())
    except SettingsError as error:
        raise of.error(error.cause[0].lower() + error.cause[1:], error.next_step) from None
    shape = _shape(kind)
    given = shape.read(value)
    own = {name: kind.fields[name].shape.write(each) for name, each in given.items() if name in kind.fields}
    try:
        options_of(kind, own)
    except SettingsError as error:
        raise value.error(error.cause, error.next_step) from None
    secret = given.get("webhook_secret", "")
    return DeclaredSource(name, kind.name, own, given.get("every", 0.0), given.get("access"), secret)


def _shape(kind: Kind[Any]) -> Record[dict[str, Any]]:
    return Record(dict, {**_COMMON, **kind.fields}, lambda given: given)


def options_of(kind: Kind[Any], values: Any) -> Any:
    """The options that a declaration's own fields make. Raises :class:`~aver.core.errors.SettingsError` where they do not go together."""
    text = canonical_json(values).decode()
    shape: Record[Any] = Record(kind.options, kind.fields, lambda _: {})
    return shape.read(parse_yaml(text, kind.name))


def values_to_json(values: Any) -> str:
    return canonical_json(values).decode()


def values_from_json(text: str) -> Any:
    return parse_yaml(text, "a stored declaration").plain()


def source_schema(names: Iterable[str] | None = None) -> Schema:
    """JSON Schema, draft 2020-12, of a file of sources, with the kinds called ``names``; with all that can be loaded by default."""
    rules = []
    for name in sorted(kinds() if names is None else names):
        kind = kind_of(name)
        rule = _shape(kind).schema()
        rule["properties"]["kind"] = {"const": kind.name, "description": kind.about}
        rules.append(rule)
    named = {word: rule for word, rule in _NAME.schema().items() if word != "type"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sources of documents",
        "type": "object",
        "properties": {"sources": {"type": "object", "propertyNames": named, "additionalProperties": {"oneOf": rules}}},
        "required": ["sources"],
        "additionalProperties": False,
    }
