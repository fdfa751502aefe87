"""An anchor, the places that take one, and what holding places against the chain found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

__all__ = ["Anchor", "AnchorKind", "Finding", "Place", "Prove", "Statement"]

AnchorKind = Literal["file", "s3", "timestamp", "witness"]

Statement = Mapping[str, Any]
"""``{"anchor": {"at", "hash", "root", "seq", "tenant"}, "signature"}``: a state of the chain, signed by the tenant's key. ``seq`` is how many steps it
had, ``hash`` the last one's, ``root`` that of the tree over all of them. It holds nothing of what the steps say."""

Prove = Callable[[int], Sequence[str]]
"""The proof that the state which is anchored grew out of an earlier one, of so many steps."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One state told to one place, or not: then ``problem`` says why, and ``receipt`` is empty."""

    id: str
    kind: AnchorKind
    seq: int
    at: datetime
    statement: Statement
    receipt: Mapping[str, Any]
    problem: str = ""

    @property
    def plain(self) -> dict[str, Any]:
        """As packs hold it."""
        return {"kind": self.kind, "receipt": dict(self.receipt), "statement": dict(self.statement)}


@dataclass(frozen=True, slots=True)
class Finding:
    """What holding one place against the chain came to. ``states`` were found there and looked at; ``bad`` says of each that does not hold why."""

    kind: AnchorKind
    states: int
    bad: tuple[str, ...]
    note: str = ""

    @property
    def ok(self) -> bool:
        return not self.bad


class Place(Protocol):
    """Where states are told. Blocking; raises an error of :mod:`aver.core.errors` where the place cannot be told or asked."""

    @property
    def kind(self) -> AnchorKind: ...

    def put(self, statement: Statement, prove: Prove) -> Mapping[str, Any]:
        """Tell the place; what it gives for it, as JSON."""
        ...

    def found(self, tenant: str, known: Sequence[Anchor]) -> Sequence[Statement]:
        """The states of a tenant that the place vouches for now, unsigned ones as ``{"anchor": {"seq", "root"}}``; ``known`` are those that it was told."""
        ...
