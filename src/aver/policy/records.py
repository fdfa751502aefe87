"""What a tool returned, cut into records: what stands together belongs to one thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from aver.core.labels import ANYTHING, Label
from aver.policy.matching import Text
from aver.policy.requests import declared, leaves
from aver.policy.seen import Seen
from aver.policy.types import Annotations

__all__ = ["Leaf", "Record", "Told", "records"]

_FIELD = re.compile(r"[a-z][A-Za-z0-9_]*|_[A-Za-z0-9_]+|id")
_SHORT = 120
"""Characters of a field that may name its record. Longer ones are prose, and no tool vouches for what stands in a text."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value in a result. ``field`` is the path it stands under; ``trusted`` whether the tool vouches for it; ``echo`` whether it may be
    what the model wrote before, which nobody vouches for, whichever tool reads it back."""

    field: str
    text: Text
    trusted: bool
    echo: bool = False

    @property
    def names(self) -> bool:
        """Whether it may say what its record is."""
        return bool(self.text.raw) and len(self.text.raw) <= _SHORT and "\n" not in self.text.raw


@dataclass(frozen=True)
class Record:
    """The leaves of one thing that a tool told of."""

    leaves: tuple[Leaf, ...]

    def apart_from(self, written: Callable[[Text], bool]) -> Record:
        """The same, with those leaves marked that are as ``written`` by the model."""
        marked = (replace(leaf, trusted=False, echo=True) if written(leaf.text) else leaf for leaf in self.leaves)
        return Record(tuple(marked))


@dataclass(frozen=True)
class Told:
    """What one call returned: the tool, its arguments, the records, who may read them (none: everyone), and their label."""

    step: str
    tool: str
    arguments: Mapping[str, Any]
    records: Sequence[Record]
    readers: frozenset[str] | None = None
    label: Label = ANYTHING

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(leaf for record in self.records for leaf in record.leaves)

    def near(self, value: Text) -> Iterator[tuple[Record, Leaf]]:
        """At least the leaves that say ``value``, or that it may have been taken from, each with its record; in order."""
        return (found for found, _ in self._seen.near(value))

    @cached_property
    def _seen(self) -> Seen[tuple[Record, Leaf]]:
        seen: Seen[tuple[Record, Leaf]] = Seen()
        for record in self.records:
            for leaf in record.leaves:
                seen.add((record, leaf), leaf.text)
        return seen


def records(annotations: Annotations, value: Any) -> list[Record]:
    """A list's members are records, and so are the entries of a table by name; anything else is one."""
    if isinstance(value, list | tuple):
        return [Record(tuple(_of(annotations, each))) for each in value]
    if isinstance(value, Mapping) and value and not all(_FIELD.fullmatch(str(key)) for key in value):
        return [Record(tuple(_of(annotations, {key: each}))) for key, each in value.items()]
    return [Record(tuple(_of(annotations, value)))]


def _of(annotations: Annotations, value: Any) -> Iterator[Leaf]:
    """Leaves, and those keys that are data rather than names of fields (``{"ann@corp.com": "rw"}``)."""
    for path, key in _data_keys(value):
        yield _leaf(annotations, path, key)
    for path, each in leaves(value):
        yield _leaf(annotations, declared(path), each)


def _data_keys(value: Any) -> Iterator[tuple[str, str]]:
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:
        path, each = pending.pop()
        if isinstance(each, Mapping):
            for key, inner in each.items():
                if not _FIELD.fullmatch(str(key)):
                    yield path, str(key)
                pending.append((f"{path}.{key}" if path else str(key), inner))
        elif isinstance(each, list | tuple):
            pending += [(path, inner) for inner in each]


def _leaf(annotations: Annotations, path: str, value: Any) -> Leaf:
    foreign = any(
        (each == "*" and path) or path == each or path.startswith(f"{each}.") for each in annotations.untrusted_fields
    )
    text = Text(value)
    prose = len(text.raw) > _SHORT or "\n" in text.raw
    return Leaf(path, text, annotations.output == "trusted" and not foreign and not prose)
