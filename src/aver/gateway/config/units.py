"""Quantities as people write them: ``10m``, ``20 usd``, ``1_000_000 tokens``."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import cast, get_args

from aver.gateway.config.types import Unit

__all__ = ["DURATION", "LIMIT", "duration", "duration_text", "limit", "limit_text", "nano", "usd"]

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_COUNTED = [unit for unit in get_args(Unit) if unit != "usd"]
DURATION = rf"^[0-9]{{1,9}}(\.[0-9]{{1,6}})? ?({'|'.join(_SECONDS)})$"
"""What a duration looks like; the expressions here are those of JSON Schema and of Python alike."""
LIMIT = rf"^([0-9][0-9_]{{0,11}}(\.[0-9]{{1,9}})? usd|[0-9][0-9_]{{0,20}} ({'|'.join(_COUNTED)}))$"
_NANO = Decimal(10**9)


def duration(text: str) -> float:
    """Seconds. ``ValueError`` for what :data:`DURATION` does not match."""
    match = re.fullmatch(DURATION, text)
    if match is None:
        raise ValueError(text)
    unit = match[2]
    number = text.removesuffix(unit).strip()
    # Milliseconds are divided: 0.001 has no exact float, and 500ms is to be 0.5.
    return float(number) / 1000 if unit == "ms" else float(number) * _SECONDS[unit]


def duration_text(seconds: float) -> str | float:
    """What :func:`duration` reads back as ``seconds``, or the number itself where no unit fits."""
    for unit in ("d", "h", "m", "s"):
        size = _SECONDS[unit]
        if 0 < seconds < 10**9 and seconds % size == 0:
            return f"{int(seconds / size)}{unit}"
    return seconds


def limit(text: str) -> tuple[int, Unit]:
    """The amount, dollars as nano-dollars, and its unit. ``ValueError`` for what :data:`LIMIT` does not match."""
    if re.fullmatch(LIMIT, text) is None:
        raise ValueError(text)
    amount, _, unit = text.replace("_", "").partition(" ")
    return (nano(amount) if unit == "usd" else int(amount)), cast(Unit, unit)


def limit_text(amount: int, unit: Unit) -> str:
    return f"{usd(amount):f} usd" if unit == "usd" else f"{amount} {unit}"


def nano(dollars: str) -> int:
    """US dollars in 10⁻⁹ of them. ``ValueError`` when they have more than nine decimal places."""
    exact = Decimal(dollars) * _NANO
    if exact != exact.to_integral_value():
        raise ValueError(dollars)
    return int(exact)


def usd(nanos: int) -> Decimal:
    """The same, back, without zeros at its end."""
    dollars = Decimal(nanos) / _NANO
    return dollars.quantize(Decimal(1)) if dollars == dollars.to_integral_value() else dollars.normalize()
