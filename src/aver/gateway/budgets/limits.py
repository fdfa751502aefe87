"""Limits beside those that are declared: put on while something goes wrong, by name and amount, and taken off again."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import cast, get_args

from aver.core.errors import InvalidInput
from aver.gateway.config.types import Budget, GatewayConfig, Period, Scope, Unit

__all__ = ["limit_of", "limited"]

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})? (requests|tokens|usd)/(minute|hour|day|month)")
_NANO = Decimal(10**9)


def limit_of(name: str, value: str) -> Budget:
    """The budget that ``name``, as ``feature:assistant`` or ``key:key_1``, and ``value``, as ``60 requests/minute`` or ``0 usd/hour``, say. Nothing is let
    through at 0. Raises :class:`~aver.core.errors.InvalidInput` for anything else."""
    per, _, of = name.partition(":")
    found = _AMOUNT.fullmatch(value)
    if per not in get_args(Scope) or bool(of) == (per == "tenant"):
        raise InvalidInput(f"{name[:60]!r} is nobody whose use can be limited", "Write feature:NAME, key:ID or tenant.")
    if found is None or (found[2] and found[3] != "usd"):
        raise InvalidInput(f"{value[:60]!r} is no limit", "Write it as 60 requests/minute or 2.50 usd/hour.")
    amount = Decimal(found[1] + (found[2] or ""))
    whole = int(amount * _NANO) if found[3] == "usd" else int(amount)
    return Budget(
        f"held-{per}-{of}" if of else f"held-{per}",
        cast(Scope, per),
        cast(Unit, found[3]),
        whole,
        cast(Period, found[4]),
        of,
    )


def limited(
    config: Callable[[], GatewayConfig], held: Callable[[], Sequence[tuple[str, str]]]
) -> Callable[[], GatewayConfig]:
    """``config``, with the limits ``held`` at this moment by their names and values; the same object while neither changes. What cannot be read as a limit was
    refused when it was put on, and is none."""
    made: tuple[GatewayConfig, Sequence[tuple[str, str]], GatewayConfig] | None = None

    def declared() -> GatewayConfig:
        nonlocal made
        given, limits = config(), held()
        if not limits:
            return given
        if made is None or made[0] is not given or made[1] != limits:
            more = tuple(limit_of(name, value) for name, value in limits)
            made = given, limits, replace(given, budgets=(*given.budgets, *more))
        return made[2]

    return declared
