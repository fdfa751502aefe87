"""What a call costs, in nano-dollars (10⁻⁹ US dollars), so that sums are exact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from aver.gateway.types import Usage

__all__ = ["Price", "Prices", "Rates"]


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-dollars per million tokens (per million images for ``image``). ``None`` where the provider prices it like plain input or
    output."""

    input: int
    output: int
    cached: int | None = None
    cache_write: int | None = None
    cache_write_long: int | None = None
    reasoning: int | None = None
    image: int | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """One line of the price book: what a model costs from a day on. ``tiers`` are the rates of calls with more input tokens than
    their key; ``batch`` is the share of the price that batched calls pay."""

    model: str
    since: date
    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    batch: float = 1.0
    source: str = ""

    def cost(self, usage: Usage, *, batched: bool = False) -> int:
        """Nano-dollars, rounded up."""
        raise NotImplementedError

    def worst(self, input_tokens: int, output_tokens: int) -> int:
        """No usage within these bounds costs more."""
        raise NotImplementedError


class Prices(Protocol):
    version: str
    """A digest of all prices, for the record."""

    def price(self, name: str) -> Price | None:
        """Today's price of a model, by its name in the book; ``None`` when nobody knows it."""

    def highest(self) -> Price:
        """Not below any known price in any of its rates."""
