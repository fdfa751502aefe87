"""Which attacks can be tried on a target at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from aver.evals.redteam.types import Attack, Need
from aver.evals.types import Target

__all__ = ["Offering", "offered_by", "playable"]


class Offering(Target, Protocol):
    """A target that says what it can have planted. Any other can only be asked."""

    offers: frozenset[Need]


def offered_by(target: Target) -> frozenset[Need]:
    return getattr(target, "offers", frozenset())


def playable(attacks: Iterable[Attack], offers: frozenset[Need]) -> tuple[list[Attack], list[Attack]]:
    """Those that can be tried, and those that cannot: they stay untested, and nobody may take them for withstood."""
    played: list[Attack] = []
    left: list[Attack] = []
    for each in attacks:
        (played if each.needs <= offers else left).append(each)
    return played, left
