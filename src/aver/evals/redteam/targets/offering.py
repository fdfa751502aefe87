"""Which attacks can be tried on a target at all."""

from __future__ import annotations

from collections.abc import Iterable

from aver.evals.redteam.types import Attack, Need
from aver.evals.types import Target

__all__ = ["offered_by", "playable"]


def offered_by(target: Target) -> frozenset[Need]:
    """What a target can have planted, as its ``offers`` says; one that does not say can only be asked."""
    return getattr(target, "offers", frozenset())


def playable(attacks: Iterable[Attack], offers: frozenset[Need]) -> tuple[list[Attack], list[Attack]]:
    """Those that can be tried, and those that cannot: they stay untested, and nobody may take them for withstood."""
    played: list[Attack] = []
    left: list[Attack] = []
    for each in attacks:
        (played if each.needs <= offers else left).append(each)
    return played, left
