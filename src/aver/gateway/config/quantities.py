"""Shapes of the quantities in a bundle: durations, amounts of money, limits of budgets."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from aver.core.yaml import YamlValue
from aver.gateway.config import units
from aver.gateway.config.shapes import Schema
from aver.gateway.config.types import Unit

__all__ = ["Duration", "Limit", "UsdPerMillion"]


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds: ``500ms``, ``30s``, ``10m``, ``1h``, ``1d`` or a number of seconds, ``above`` zero or not below it."""

    above: bool = False

    def read(self, value: YamlValue) -> float:
        text = value.text()
        try:
            seconds = units.duration(text)
        except ValueError:
            seconds = _number(text)
        if seconds < 0 or (self.above and seconds == 0):
            expected = "a duration above 0" if self.above else "a duration"
            raise value.error(f"expected {expected}, found {text[:60]!r}", "Write 500ms, 30s, 10m, 1h or 1d.")
        return seconds

    def write(self, value: float) -> str | float:
        return units.duration_text(value)

    def schema(self) -> Schema:
        low = "exclusiveMinimum" if self.above else "minimum"
        return {"anyOf": [{"type": "number", low: 0}, {"type": "string", "pattern": units.DURATION}]}


@dataclass(frozen=True, slots=True)
class Limit:
    """What a budget allows: ``20 usd``, ``60 requests``, ``1_000_000 tokens``."""

    def read(self, value: YamlValue) -> tuple[int, Unit]:
        text = value.text()
        try:
            amount, unit = units.limit(text)
        except ValueError:
            amount, unit = -1, "usd"
        # Accounts are kept as signed 64-bit numbers.
        if not 0 <= amount < 2**63:
            raise value.error(
                f"expected an amount and its unit, found {text[:60]!r}",
                "Write it as in 20 usd, 60 requests or 1_000_000 tokens.",
            )
        return amount, unit

    def write(self, value: tuple[int, Unit]) -> str:
        return units.limit_text(*value)

    def schema(self) -> Schema:
        return {"type": "string", "pattern": units.LIMIT}


@dataclass(frozen=True, slots=True)
class UsdPerMillion:
    """US dollars per million tokens, kept as nano-dollars."""

    def read(self, value: YamlValue) -> int:
        number = value.number()
        try:
            nanos = units.nano(value.text())
        except (ValueError, InvalidOperation):
            nanos = -1
        if not 0 <= number <= 1e6 or nanos < 0:
            raise value.error(
                f"expected US dollars per million tokens, found {value.text()[:60]}",
                "Write a number from 0 to 1000000 with at most nine decimal places.",
            )
        return nanos

    def write(self, value: int) -> Decimal:
        return units.usd(value)

    def schema(self) -> Schema:
        return {"type": "number", "minimum": 0, "maximum": 1_000_000}


def _number(text: str) -> float:
    """``-1`` for what is no finite number of seconds."""
    try:
        seconds = float(text)
    except ValueError:
        return -1
    return seconds if seconds < 1e10 and "_" not in text else -1
