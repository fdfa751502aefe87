"""An OpenAPI document, read, with its references followed and its schemas in plain JSON Schema.

OpenAPI 3.0 (https://spec.openapis.org/oas/v3.0.4.html) has a dialect of its own; 3.1 and 3.2 are JSON Schema 2020-12.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aver.agents.tools.schema import resolved
from aver.core.errors import SettingsError
from aver.core.yaml import parse_yaml

__all__ = ["Document", "listed", "mapping", "read_document"]

_LONGEST, _MOST_OPERATIONS, _MOST_SCHEMAS = 2**24, 5000, 500
"""Characters of a document, operations in it, and schemas that one of them may lead to. A model is shown few tools, and reads all that
each refers to."""
_OWN_WORDS = ("discriminator", "xml", "externalDocs", "example", "examples", "deprecated")
"""What OpenAPI adds to schemas for documentation and for code; it constrains nothing."""


@dataclass(frozen=True)
class Document:
    """``name`` is what it is called in errors, ``raw`` what it says."""

    name: str
    raw: Mapping[str, Any]

    @property
    def old(self) -> bool:
        """Whether its schemas are in the dialect of OpenAPI 3.0."""
        return str(self.raw["openapi"]).startswith("3.0")

    def follow(self, part: Any) -> Mapping[str, Any]:
        """``part``, or what its reference leads to; empty for what is no mapping and for what leads nowhere."""
        found = resolved(part, self.raw)
        return found if isinstance(found, Mapping) else {}

    def schema(self, part: Any, *, sent: bool) -> dict[str, Any]:
        """A schema of the document as JSON Schema that stands by itself, with what it refers to under ``$defs``, circles included.
        ``sent``: of a request, where fields are left out that only answers have, or the other way about."""
        names: dict[str, str] = {}
        """References met, and their names under ``$defs``."""
        rules = self._plain(part, names, sent=sent)
        definitions: dict[str, Any] = {}
        while len(definitions) < len(names):
            if len(names) > _MOST_SCHEMAS:
                said = f"{self.name} leads from one schema to more than {_MOST_SCHEMAS} others"
                raise SettingsError(said, "Leave out what this operation does not need.")
            for reference, name in list(names.items()):
                if name not in definitions:
                    definitions[name] = self._plain(self.follow({"$ref": reference}), names, sent=sent)
        return {**rules, "$defs": definitions} if definitions else rules

    def _plain(self, part: Any, names: dict[str, str], *, sent: bool) -> dict[str, Any]:
        found = self._any(part, names, sent=sent)
        return found if isinstance(found, dict) else {}

    def _any(self, part: Any, names: dict[str, str], *, sent: bool) -> Any:
        if isinstance(part, list):
            return [self._any(each, names, sent=sent) for each in part]
        if not isinstance(part, Mapping):
            return part
        if isinstance(reference := part.get("$ref"), str):
            self._check(reference)
            beside = {} if self.old else {word: part[word] for word in ("description",) if word in part}
            return {"$ref": f"#/$defs/{_named(reference, names)}", **beside}
        rules = {
            word: inner for word, inner in part.items() if word not in _OWN_WORDS and not str(word).startswith("x-")
        }
        if self.old:
            rules = _modern(rules)
        for word, inner in list(rules.items()):
            if word in ("properties", "patternProperties", "$defs", "dependentSchemas") and isinstance(inner, Mapping):
                kept = {name: each for name, each in inner.items() if _belongs(self.follow(each), sent=sent)}
                rules[word] = {name: self._any(each, names, sent=sent) for name, each in kept.items()}
                if word == "properties" and isinstance(required := rules.get("required"), list):
                    gone = [
                        name for name in inner if name not in kept
                    ]  # a list: a document may require what is no name
                    rules["required"] = [name for name in required if name not in gone]
            elif word not in ("enum", "const", "default", "required"):
                rules[word] = self._any(inner, names, sent=sent)
        return rules

    def _check(self, reference: str) -> None:
        if not reference.startswith("#/"):
            said = f"{self.name} refers to {reference[:200]!r}, outside of it"
            raise SettingsError(said, "Bundle the document into one file.")
        if not self.follow({"$ref": reference}):
            raise SettingsError(
                f"{self.name} refers to {reference[:200]!r}, which is not there or empty", "Correct the document."
            )


def read_document(text: str, name: str) -> Document:
    """An OpenAPI 3 document in JSON or YAML. Raises :class:`~aver.core.errors.SettingsError` for what is none."""
    if len(text) > _LONGEST:
        raise SettingsError(f"{name} has {len(text):,} characters, and at most {_LONGEST:,} are read", "Divide it.")
    try:
        try:
            raw = json.loads(text)
        except ValueError:
            raw = parse_yaml(text, name).plain()
    except RecursionError:
        raise SettingsError(f"{name} is nested too deeply", "Write it flatter.") from None
    version = raw.get("openapi") if isinstance(raw, dict) else None
    if not isinstance(version, str | float | int) or not str(version).startswith("3."):
        found = "Swagger 2" if isinstance(raw, dict) and "swagger" in raw else "something else"
        raise SettingsError(f"{name} is no OpenAPI 3 document: it is {found}", "Convert it to OpenAPI 3.")
    if not isinstance(raw.get("paths", {}), dict):
        raise SettingsError(f"{name} has no paths", "Correct the document.")
    count = sum(len(mapping(item)) for item in raw.get("paths", {}).values())
    if count > _MOST_OPERATIONS:
        said = f"{name} has {count:,} operations, and at most {_MOST_OPERATIONS:,} are read"
        raise SettingsError(said, "Keep those in it that agents need.")
    return Document(name, raw)


def mapping(value: Any) -> Mapping[str, Any]:
    """``value`` where it is a mapping, else an empty one: a document may have anything anywhere."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(reference: str, names: dict[str, str]) -> str:
    if reference not in names:
        last = reference.rsplit("/", 1)[-1].replace("~", "_") or "schema"
        taken = {*names.values()}
        names[reference] = last if last not in taken else f"{last}_{len(names)}"
    return names[reference]


def _belongs(rules: Mapping[str, Any], *, sent: bool) -> bool:
    return rules.get("readOnly" if sent else "writeOnly") is not True


def _modern(rules: dict[str, Any]) -> dict[str, Any]:
    """Of OpenAPI 3.0's dialect: ``nullable``, and bounds that are excluded by a flag."""
    nullable = rules.pop("nullable", False) is True
    for word, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(flag := rules.get(word), bool):
            del rules[word]
            if flag and bound in rules:
                rules[word] = rules.pop(bound)
    if nullable and isinstance(kind := rules.get("type"), str):
        rules["type"] = [kind, "null"]
        if isinstance(words := rules.get("enum"), list) and None not in words:
            rules["enum"] = [*words, None]
    elif nullable and "type" not in rules and rules:
        return {"anyOf": [rules, {"type": "null"}]}
    return rules
