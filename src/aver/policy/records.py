"""What a tool returned, cut into records: what stands together belongs to one thing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aver.policy.kinds import Kind, kind_of
from aver.policy.requests import declared, leaves
from aver.policy.types import Annotations

__all__ = ["Leaf", "Record", "records"]

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
    foreign = any(
        each == "*" and path or path == each or path.startswith(f"{each}.") for each in annotations.untrusted_fields
    )
    return Leaf(path, value, annotations.output == "trusted" and not foreign)
