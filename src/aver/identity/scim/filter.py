"""SCIM filters (RFC 7644, 3.4.2.2) over resources as JSON::

    userName eq "ann" and (active eq true or emails[type eq "work"].value ew "@example.com")

Names of attributes and operators are read without regard to case, as are texts where the schema says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aver.core.errors import InvalidInput

__all__ = ["BadFilter", "Compared", "Filter", "Path", "parse_filter", "parse_path", "value_of", "values_at"]

_LONGEST, _DEEPEST = 2000, 40
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[()\[\]])|(?P<word>[A-Za-z$][\w$:.-]*)|(?P<number>-?\d+(?:\.\d+)?))"""
)
_URN = re.compile(r"urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):", re.IGNORECASE)
_EXACT = frozenset({"id", "externalid", "value", "meta.version"})
"""Attributes whose texts differ by case too (RFC 7643: caseExact)."""
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda mine, given: bool(mine == given),
    "co": lambda mine, given: isinstance(mine, str) and given in mine,
    "sw": lambda mine, given: isinstance(mine, str) and mine.startswith(given),
    "ew": lambda mine, given: isinstance(mine, str) and mine.endswith(given),
    "gt": lambda mine, given: bool(mine > given),
    "ge": lambda mine, given: bool(mine >= given),
    "lt": lambda mine, given: bool(mine < given),
    "le": lambda mine, given: bool(mine <= given),
}


class BadFilter(InvalidInput):
    """``kind`` is what SCIM calls the mistake: ``invalidFilter`` or ``invalidPath``."""

    slug, status = "bad-filter", 400

    def __init__(self, cause: str, kind: str = "invalidFilter") -> None:
        super().__init__(cause, 'Write it as RFC 7644 has it, such as userName eq "ann".')
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison: ``operator`` is one of RFC 7644's; ``value`` is nothing for ``pr``."""

    attribute: str
    operator: str
    value: Any = None

    def matches(self, resource: Any) -> bool:
        # A comparison with objects, such as e-mail addresses with their types, is one with their values.
        at = values_at(resource, self.attribute)
        found = [value_of(each, "value") if isinstance(each, Mapping) and each else each for each in at]
        if self.operator == "pr":
            return any(each not in (None, "", [], {}) for each in found)
        given = self._folded(self.value)
        if self.operator == "ne":
            return all(self._folded(each) != given for each in found)
        if self.value is None:
            return self.operator == "eq" and all(each is None for each in found)
        return any(self._compare(self._folded(each), given) for each in found)

    def _compare(self, mine: Any, given: Any) -> bool:
        if type(mine) is not type(given) and not (_is_number(mine) and _is_number(given)):
            return False
        return _OPERATORS[self.operator](mine, given)

    def _folded(self, value: Any) -> Any:
        return value.casefold() if isinstance(value, str) and self.attribute.casefold() not in _EXACT else value


@dataclass(frozen=True, slots=True)
class _Both:
    parts: tuple[Filter, ...]

    def matches(self, resource: Any) -> bool:
        return all(each.matches(resource) for each in self.parts)


@dataclass(frozen=True, slots=True)
class _Either:
    parts: tuple[Filter, ...]

    def matches(self, resource: Any) -> bool:
        return any(each.matches(resource) for each in self.parts)


@dataclass(frozen=True, slots=True)
class _Not:
    part: Filter

    def matches(self, resource: Any) -> bool:
        return not self.part.matches(resource)


@dataclass(frozen=True, slots=True)
class _Member:
    """Some member of a list meets a filter of its own."""

    attribute: str
    part: Filter

    def matches(self, resource: Any) -> bool:
        return any(self.part.matches(each) for each in values_at(resource, self.attribute))


Filter = Compared | _Both | _Either | _Not | _Member


@dataclass(frozen=True, slots=True)
class Path:
    """What a PATCH is aimed at: ``members`` or ``emails[type eq "work"].value``."""

    attribute: str
    chosen: Filter | None = None
    inner: str = ""


def parse_filter(text: str) -> Filter:
    """Raises :class:`BadFilter`."""
    reader = _Reader(text, "invalidFilter")
    found = reader.either(0)
    reader.end()
    return found


def parse_path(text: str) -> Path:
    """Raises :class:`BadFilter`."""
    reader = _Reader(text, "invalidPath")
    attribute = reader.attribute()
    chosen, inner = None, ""
    if reader.takes("["):
        chosen = reader.either(0)
        reader.expect("]")
        if reader.more:
            word = reader.attribute()
            inner = word.removeprefix(".")
            if word == inner:
                raise BadFilter(f"{word[:40]!r} does not follow a list", "invalidPath")
    reader.end()
    return Path(attribute, chosen, inner)


def value_of(resource: Any, name: str) -> Any:
    """The value of an attribute of an object, its name without regard to case."""
    if isinstance(resource, Mapping):
        for key, value in resource.items():
            if key.casefold() == name.casefold():
                return value
    return None


def values_at(resource: Any, path: str) -> Iterator[Any]:
    """Every value at a path, in each member of a list; ``None`` where there is none."""
    name, _, rest = path.partition(".")
    found = value_of(resource, name)
    listed = found if isinstance(found, list) else [found]
    if not listed:
        yield None
    for each in listed:
        if rest:
            yield from values_at(each, rest)
        else:
            yield each


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Reader:
    """Reads tokens from left to right; ``or`` binds less than ``and``, that less than ``not``."""

    def __init__(self, text: str, kind: str) -> None:
        self._kind = kind
        if len(text) > _LONGEST:
            raise BadFilter(f"A filter has at most {_LONGEST} characters", kind)
        self._tokens: list[str] = []
        at, text = 0, text.strip()
        while at < len(text):
            token = _TOKEN.match(text, at)
            # What follows a closing bracket at once goes on with the path: emails[...].value
            if token is None and self._tokens[-1:] == ["]"] and text[at] == ".":
                token = re.compile(r"\.[A-Za-z$][\w$-]*").match(text, at)
            if token is None:
                raise BadFilter(f"{text[at : at + 20]!r} is not understood", kind)
            self._tokens.append(token.group().strip())
            at = token.end()
        self._at = 0

    @property
    def more(self) -> bool:
        return self._at < len(self._tokens)

    def either(self, depth: int) -> Filter:
        parts = [self._both(depth)]
        while self.takes("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else _Either(tuple(parts))

    def _both(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while self.takes("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else _Both(tuple(parts))

    def _one(self, depth: int) -> Filter:
        if depth > _DEEPEST:
            raise BadFilter("The filter is nested too deeply", self._kind)
        if self.takes("not"):
            self.expect("(")
            inner = self.either(depth + 1)
            self.expect(")")
            return _Not(inner)
        if self.takes("("):
            inner = self.either(depth + 1)
            self.expect(")")
            return inner
        attribute = self.attribute()
        if self.takes("["):
            inner = self.either(depth + 1)
            self.expect("]")
            return _Member(attribute, inner)
        operator = self._next().casefold()
        if operator == "pr":
            return Compared(attribute, operator)
        if operator not in _OPERATORS and operator != "ne":
            raise BadFilter(f"There is no operator {operator[:20]!r}", self._kind)
        return Compared(attribute, operator, self._value(operator))

    def attribute(self) -> str:
        name = _URN.sub("", self._next())
        if not re.fullmatch(r"\.?[A-Za-z$][\w$:.-]*", name):
            raise BadFilter(f"{name[:40]!r} is no attribute", self._kind)
        return name

    def takes(self, token: str) -> bool:
        if self.more and self._tokens[self._at].casefold() == token:
            self._at += 1
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.takes(token):
            raise BadFilter(f"{token!r} is missing", self._kind)

    def end(self) -> None:
        if self.more:
            raise BadFilter(f"{self._tokens[self._at][:20]!r} is not understood there", self._kind)

    def _value(self, operator: str) -> Any:
        try:
            value = json.loads(self._next())
        except ValueError:
            raise BadFilter(
                "A comparison ends in a text in quotes, a number, true, false or null", self._kind
            ) from None
        if not isinstance(value, str) and operator in ("co", "sw", "ew"):
            raise BadFilter(f"{operator!r} compares texts", self._kind)
        if not isinstance(value, str) and not _is_number(value) and operator in ("gt", "ge", "lt", "le"):
            raise BadFilter(f"{operator!r} compares texts and numbers", self._kind)
        return value

    def _next(self) -> str:
        if not self.more:
            raise BadFilter("The filter breaks off", self._kind)
        self._at += 1
        return self._tokens[self._at - 1]
