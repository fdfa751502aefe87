"""What a tool returned, cut into records: what stands together belongs to one thing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aver.policy.requests import declared, leaves
from aver.policy.types import Annotations

__all__ = ["Kind", "Leaf", "Record", "kind_of", "kinds_in", "records"]

Kind = str
"""``email``, ``account``, ``url``, ``id`` (digits alone); ``other`` for what no form tells apart."""

_PATTERNS: Mapping[Kind, re.Pattern[str]] = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "account": re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])"),
    "url": re.compile(r"(?:https?://|www\.)[^\s<>\"'\])}]+|(?<![\w@.])[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|ai|dev)(?:/[^\s<>\"'\])}]*)?(?![\w@])"),
}
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_FIELD = re.compile(r"[a-z][A-Za-z0-9_]*|_[A-Za-z0-9_]+|id")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value in a result. ``field`` is the name it stands under; ``trusted`` whether the tool vouches for it."""

    field: str
    value: Any
    trusted: bool


@dataclass(frozen=True)
class Record:
    """The leaves of one thing that a tool told of."""

    leaves: tuple[Leaf, ...]

    @cached_property
    def trusted_kinds(self) -> frozenset[Kind]:
        return frozenset(kind_of(leaf.value) for leaf in self.leaves if leaf.trusted)


def kind_of(value: Any) -> Kind:
    """The form that the whole of a value has."""
    text = str(value).strip()
    if text.isdigit():
        return "id"
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(text)), "other")


def kinds_in(text: str, kind: Kind) -> frozenset[str]:
    """The values of one kind in a text, in one spelling."""
    pattern = _PATTERNS.get(kind)
    return frozenset(canonical(each, kind) for each in pattern.findall(text)) if pattern else frozenset()


def canonical(value: str, kind: Kind) -> str:
    """One spelling of a value of a kind. Letters beyond ASCII stay as they are: some have a look-alike for their lower case."""
    value = value.strip().translate(_ASCII_LOWER)
    if kind == "account":
        return value.replace(" ", "")
    if kind == "url":
        return re.sub(r"^(?:https?://)?(?:www\.)?", "", value.rstrip(".,;:!?/"))
    return value.rstrip(".")


def records(annotations: Annotations, value: Any) -> list[Record]:
    """A list's members are records, and so are the entries of a table by name; anything else is one."""
    if isinstance(value, list | tuple):
        return [Record(tuple(_of(annotations, each))) for each in value]
    if isinstance(value, Mapping) and value and not all(_FIELD.fullmatch(str(key)) for key in value):
        return [Record(tuple(_of(annotations, {key: each}))) for key, each in value.items()]
    return [Record(tuple(_of(annotations, value)))]


def _of(annotations: Annotations, value: Any) -> Iterator[Leaf]:
    """Leaves, and those keys that are data rather than names of fields (``{"ann@corp.com": "rw"}``)."""
    for path, key in _data_keys(value, ""):
        yield _leaf(annotations, path, key)
    for path, each in leaves(value):
        yield _leaf(annotations, declared(path), each)


def _data_keys(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not _FIELD.fullmatch(str(key)):
                yield path, str(key)
            yield from _data_keys(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _data_keys(inner, path)


def _leaf(annotations: Annotations, path: str, value: Any) -> Leaf:
    foreign = any(each == "*" and path or path == each or path.startswith(f"{each}.") for each in annotations.untrusted_fields)
    return Leaf(path, value, annotations.output == "trusted" and not foreign)
