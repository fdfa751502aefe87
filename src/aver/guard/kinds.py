"""Checks that need something declared of them, by kind: what it is, and how it is made into a check."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

from aver.core.errors import InvalidInput
from aver.core.yaml import YamlValue
from aver.gateway.config.shapes import Field, ListOf, MapOf, Record, Schema, Shape, Text
from aver.gateway.config.words import NAME, NAMES, SHARE
from aver.gateway.types import Embedder
from aver.guard.types import Check, Detector

__all__ = ["KINDS", "SHAPES", "Configured", "Kind", "configured"]


@dataclass(frozen=True, slots=True)
class Configured:
    """A check as declared: its kind, and what is said of it, by the names of the kind's fields."""

    kind: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """``make`` is given where the embedding model comes from and the settings; it raises :class:`~aver.core.errors.InvalidInput` where
    they make no check."""

    about: str
    fields: Mapping[str, Field]
    make: Callable[[Callable[[], Embedder], Mapping[str, Any]], Detector | Check]


class _JsonSchema:
    """The shape of a JSON Schema, written in YAML."""

    def read(self, value: YamlValue) -> str:
        """As JSON, so that declarations can be compared."""
        schema = value.plain()
        if not isinstance(schema, dict):
            raise value.error("expected a JSON Schema, a mapping", "Write type: object and its properties.")
        return json.dumps(schema, sort_keys=True)

    def write(self, value: str) -> Any:
        return json.loads(value)

    def schema(self) -> Schema:
        return {"type": "object"}


def _language(_: Callable[[], Embedder], settings: Mapping[str, Any]) -> Check:
    from aver.guard.language import Language

    return Language(settings["allowed"])


def _topics(embedder: Callable[[], Embedder], settings: Mapping[str, Any]) -> Detector:
    from aver.guard.topics import Topic, Topics

    return Topics([Topic(name, **each) for name, each in settings["topics"].items()], embedder())


def _schema(_: Callable[[], Embedder], settings: Mapping[str, Any]) -> Check:
    from aver.guard.schema import OutputSchema

    return OutputSchema(json.loads(settings["schema"]))


def _prompt_leak(_: Callable[[], Embedder], settings: Mapping[str, Any]) -> Detector:
    from aver.guard.canary import PromptLeak

    return PromptLeak(settings.get("tokens", ()), settings.get("prompt", ""))


def _links(_: Callable[[], Embedder], settings: Mapping[str, Any]) -> Detector:
    from aver.guard.exfiltration import Exfiltration

    return Exfiltration(settings["hosts"])


_LONG = Text(r"^[\s\S]+$", "text", longest=100_000)
_EXAMPLES = ListOf(Text(longest=2_000))
_TOPIC: Record[dict[str, Any]] = Record(
    lambda **given: {name: value for name, value in given.items() if name != "name"},
    {
        "examples": Field(_EXAMPLES, "Sentences of this topic, by whose meaning others are found."),
        "unlike": Field(_EXAMPLES, "Sentences that are near it and not of it."),
        "words": Field(_EXAMPLES, "Words that are of this topic wherever they stand."),
        "near": Field(SHARE, "How near in meaning a sentence has to be."),
    },
    dict,
)
KINDS: Mapping[str, Kind] = {
    "language": Kind(
        "Texts are in one of these languages.",
        {"allowed": Field(NAMES, "Codes of languages, such as en and de.", required=True)},
        _language,
    ),
    "topics": Kind(
        "Texts are not about these topics.",
        {"topics": Field(MapOf(NAME, _TOPIC), "Topics, by name.", required=True)},
        _topics,
    ),
    "schema": Kind(
        "Texts are JSON of this shape.",
        {"schema": Field(_JsonSchema(), "JSON Schema 2020-12.", required=True)},
        _schema,
    ),
    "prompt_leak": Kind(
        "Texts do not give away the instructions.",
        {
            "tokens": Field(NAMES, "Canaries: words that stand nowhere but in the instructions."),
            "prompt": Field(_LONG, "The instructions themselves."),
        },
        _prompt_leak,
    ),
    "links": Kind(
        "Texts link and load from these hosts alone, as exfiltration does from none.",
        {"hosts": Field(NAMES, "Names of hosts, or *.name for all beneath.", required=True)},
        _links,
    ),
}


class _Shape:
    """A check of one kind, as it is written."""

    def __init__(self, name: str, kind: Kind) -> None:
        self._kind = kind
        fields = {"kind": Field(Text(rf"^{name}$"), kind.about, required=True), **kind.fields}
        self._record: Record[Configured] = Record(_configured, fields, lambda each: {"kind": name, **each.settings})

    def read(self, value: YamlValue) -> Configured:
        configured = self._record.read(value)
        try:
            # Making one asks nothing of the model yet.
            self._kind.make(lambda: cast(Embedder, None), configured.settings)
        except InvalidInput as error:
            raise value.error(error.cause[0].lower() + error.cause[1:], error.next_step) from None
        return configured

    def write(self, value: Configured) -> Any:
        return self._record.write(value)

    def schema(self) -> Schema:
        return self._record.schema()


def _configured(**given: Any) -> Configured:
    return Configured(given.pop("kind"), given)


SHAPES: Mapping[str, Shape[Configured]] = {name: _Shape(name, kind) for name, kind in KINDS.items()}
"""How each kind is read and written."""


def configured(
    checks: Mapping[str, object], embedder: Callable[[], Embedder]
) -> dict[str, Callable[[], Detector | Check]]:
    """What makes each of ``checks`` that is configured, the same one every time; others are left out."""
    return {
        name: cache(partial(KINDS[each.kind].make, embedder, each.settings))
        for name, each in checks.items()
        if isinstance(each, Configured)
    }
