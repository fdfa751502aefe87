"""What a value in a bundle looks like, said once: a shape reads the value, writes it back, and gives its JSON Schema.

Whatever a shape reads, its schema accepts; the reader may be stricter, for what JSON Schema cannot say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import yaml

from aver.core.yaml import YamlValue, nearest

__all__ = [
    "Boolean",
    "Choice",
    "Either",
    "Field",
    "ListOf",
    "Made",
    "MapOf",
    "Number",
    "Record",
    "Schema",
    "Shape",
    "Text",
    "Whole",
    "keyed",
]

T = TypeVar("T")
Schema = dict[str, Any]


class Shape(Protocol[T]):
    def read(self, value: YamlValue) -> T:
        """Raises :class:`~aver.core.errors.SettingsError` at the value's line."""

    def write(self, value: T) -> Any:
        """As plain mappings, lists and scalars, which :meth:`read` reads back as ``value``."""

    def schema(self) -> Schema:
        """JSON Schema, draft 2020-12."""


def keyed(value: YamlValue) -> list[tuple[YamlValue, YamlValue]]:
    """A mapping's keys and values, each at its place."""
    if not isinstance(value.node, yaml.MappingNode):
        value.fields(())  # raises: a mapping was expected
        return []
    return [(YamlValue(value.name, key), YamlValue(value.name, each)) for key, each in value.node.value]


@dataclass(frozen=True, slots=True)
class Text:
    """Text that ``pattern`` matches; ``secret`` text is not repeated in errors. Numbers and booleans are text as they were written."""

    pattern: str = r"^\S(.*\S)?$"
    expected: str = "printable text without spaces around it"
    advice: str = "Correct this line."
    longest: int = 1000
    secret: bool = False

    def read(self, value: YamlValue) -> str:
        text = value.text()
        if not self.fits(text):
            found = "something else" if self.secret else repr(text[:60])
            raise value.error(f"expected {self.expected}, found {found}", self.advice)
        return text

    def fits(self, text: str) -> bool:
        return len(text) <= self.longest and text.isprintable() and re.fullmatch(self.pattern, text) is not None

    def write(self, value: str) -> str:
        return value

    def schema(self) -> Schema:
        return {"type": ["string", "number", "boolean"], "pattern": self.pattern, "maxLength": self.longest}


@dataclass(frozen=True, slots=True)
class Choice:
    """One word of a closed vocabulary."""

    what: str
    words: tuple[str, ...]

    def read(self, value: YamlValue) -> str:
        word = value.text()
        if word not in self.words:
            raise value.error(f"{word[:60]!r} is no {self.what}", nearest(word, self.words))
        return word

    def write(self, value: str) -> str:
        return value

    def schema(self) -> Schema:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Number:
    """A number from ``least`` to ``most``; ``above`` excludes ``least``, ``below`` excludes ``most``."""

    least: float = 0
    most: float = 1e9
    above: bool = False
    below: bool = False

    def read(self, value: YamlValue) -> float:
        number = value.number()
        low = number > self.least if self.above else number >= self.least
        high = number < self.most if self.below else number <= self.most
        if not (low and high):
            raise value.error(f"expected a number {self._range}, found {value.text()}", "Correct this line.")
        return number

    @property
    def _range(self) -> str:
        return f"{'above' if self.above else 'from'} {self.least:g} {'and below' if self.below else 'to'} {self.most:g}"

    def write(self, value: float) -> float:
        return int(value) if value == int(value) else value

    def schema(self) -> Schema:
        low = "exclusiveMinimum" if self.above else "minimum"
        high = "exclusiveMaximum" if self.below else "maximum"
        return {"type": "number", low: self.least, high: self.most}


@dataclass(frozen=True, slots=True)
class Whole:
    least: int = 0
    most: int = 10**9

    def read(self, value: YamlValue) -> int:
        number = value.integer()
        if not self.least <= number <= self.most:
            wanted = f"a whole number from {self.least} to {self.most}"
            raise value.error(f"expected {wanted}, found {value.text()}", "Correct this line.")
        return number

    def write(self, value: int) -> int:
        return value

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Boolean:
    def read(self, value: YamlValue) -> bool:
        return value.boolean()

    def write(self, value: bool) -> bool:
        return value

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """``each``, at least ``least`` times, as what ``make`` makes of them."""

    each: Shape[Any]
    make: Callable[[Iterable[Any]], Any] = tuple
    least: int = 0
    empty: str = "Name one, or leave the whole line out."

    def read(self, value: YamlValue) -> Any:
        items = value.items()
        if len(items) < self.least:
            raise value.error("the list is empty", self.empty)
        return self.make([self.each.read(item) for item in items])

    def write(self, value: Iterable[Any]) -> list[Any]:
        values = sorted(value) if isinstance(value, frozenset) else value
        return [self.each.write(each) for each in values]

    def schema(self) -> Schema:
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.each.schema(), **least}


@dataclass(frozen=True, slots=True)
class MapOf:
    """Names that the author chooses, or words of a vocabulary, each with an ``each``. A record is told its name."""

    key: Shape[str]
    each: Shape[Any]

    def read(self, value: YamlValue) -> dict[str, Any]:
        found = {}
        for place, inner in keyed(value):
            name = self.key.read(place)
            found[name] = self.each.read(inner, name=name) if isinstance(self.each, Record) else self.each.read(inner)
        return found

    def write(self, value: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.each.write(each) for name, each in value.items()}

    def schema(self) -> Schema:
        # A key is text always, and a vocabulary's error is clearer without a type.
        names = {word: rule for word, rule in self.key.schema().items() if word != "type"}
        return {"type": "object", "propertyNames": names, "additionalProperties": self.each.schema()}


@dataclass(frozen=True, slots=True)
class Field:
    """``about`` is what an editor shows. ``optional`` also takes a name with nothing after it."""

    shape: Shape[Any]
    about: str
    required: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """A mapping of known names, made into a ``T`` by ``make``. ``parts`` takes one apart again, leaving out what is as by default.
    ``others`` are names that someone else reads."""

    make: Callable[..., T]
    fields: Mapping[str, Field]
    parts: Callable[[T], Mapping[str, Any]]
    others: Mapping[str, str] = field(default_factory=dict)

    def read(self, value: YamlValue, **given: Any) -> T:
        required = [name for name, each in self.fields.items() if each.required]
        found = value.fields([*self.fields, *self.others], required)
        for name, inner in found.items():
            each = self.fields.get(name)
            if each is not None and not (each.optional and inner.is_null):
                given[name] = each.shape.read(inner)
        return self.make(**given)

    def write(self, value: T) -> dict[str, Any]:
        return {name: self.fields[name].shape.write(each) for name, each in self.parts(value).items()}

    def schema(self) -> Schema:
        required = [name for name, each in self.fields.items() if each.required]
        properties: Schema = {}
        for name, each in self.fields.items():
            inner = each.shape.schema()
            if each.optional:
                inner = {"anyOf": [inner, {"type": "null"}]}
            properties[name] = {"description": each.about, **inner}
        properties |= {name: {"description": about} for name, about in self.others.items()}
        rules: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**rules, "required": required} if required else rules


@dataclass(frozen=True, slots=True)
class Made:
    """A ``shape`` that stands for something else."""

    shape: Shape[Any]
    make: Callable[[Any], Any]
    unmake: Callable[[Any], Any]

    def read(self, value: YamlValue) -> Any:
        return self.make(self.shape.read(value))

    def write(self, value: Any) -> Any:
        return self.shape.write(self.unmake(value))

    def schema(self) -> Schema:
        return self.shape.schema()


@dataclass(frozen=True, slots=True)
class Either:
    """A mapping for ``long``, anything else for ``short``; ``is_long`` tells them apart again."""

    short: Shape[Any]
    long: Shape[Any]
    is_long: Callable[[Any], bool]

    def read(self, value: YamlValue) -> Any:
        return (self.long if isinstance(value.node, yaml.MappingNode) else self.short).read(value)

    def write(self, value: Any) -> Any:
        return (self.long if self.is_long(value) else self.short).write(value)

    def schema(self) -> Schema:
        return {"anyOf": [self.short.schema(), self.long.schema()]}
