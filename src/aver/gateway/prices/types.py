"""What a call costs, in nano-dollars (10⁻⁹ US dollars), so that sums are exact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Protocol

from aver.gateway.types import Usage

__all__ = ["Price", "Prices", "Rates"]

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-dollars per million tokens (per million images for ``image``). ``None`` where the provider prices it like plain input or
    output; images that have no price of their own cost nothing beside their tokens."""

    input: int
    output: int
    cached: int | None = None
    cache_write: int | None = None
    cache_write_long: int | None = None
    reasoning: int | None = None
    image: int | None = None

    def of(self, usage: Usage) -> int:
        """Millionths of a nano-dollar. Parts that exceed their whole together are cut to it, so that no usage costs more than its
        totals allow."""
        rest = usage.input_tokens
        total = 0
        for tokens, rate in (
            (
                usage.cache_write_long_tokens,
                self.cache_write_long if self.cache_write_long is not None else self.cache_write,
            ),
            (usage.cache_write_tokens, self.cache_write),
            (usage.cached_tokens, self.cached),
        ):
            part = min(max(0, tokens), rest)
            rest -= part
            total += part * (self.input if rate is None else rate)
        thoughts = min(max(0, usage.reasoning_tokens), usage.output_tokens)
        total += rest * self.input
        total += thoughts * (self.output if self.reasoning is None else self.reasoning)
        total += (usage.output_tokens - thoughts) * self.output
        return total + usage.images * (self.image or 0)

    @property
    def dearest_input(self) -> int:
        return max(self.input, self.cached or 0, self.cache_write or 0, self.cache_write_long or 0)

    @property
    def dearest_output(self) -> int:
        return max(self.output, self.reasoning or 0)


@dataclass(frozen=True)
class Price:
    """One line of the price book: what a model costs from a day on. ``tiers`` are the rates of calls with more input tokens than
    their key, for all of the call; ``batch`` is the share of the price that batched calls pay."""

    model: str
    since: date
    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    batch: float = 1.0
    source: str = ""
    checked: bool = True
    """Somebody compared the line with its source."""

    def cost(self, usage: Usage, *, batched: bool = False) -> int:
        """Nano-dollars, rounded up."""
        rates = self.rates
        if self.tiers:
            rates = next((tier for over, tier in self._from_the_top if usage.input_tokens > over), rates)
        total = rates.of(usage)
        if not batched:
            return -(-total // _MILLION)
        share, whole = self._batch
        return -(-total * share // (_MILLION * whole))

    def worst(self, input_tokens: int, output_tokens: int, images: int = 0) -> int:
        """No usage within these bounds costs more, in a batch or out of it."""
        most = 0
        for over, read, write, image in self._dearest:
            if input_tokens > over:
                most = max(most, input_tokens * read + output_tokens * write + images * image)
        return -(-most // _MILLION)

    @cached_property
    def _dearest(self) -> list[tuple[int, int, int, int]]:
        """Of each tier: above how many tokens, and the most that one read, one written and one image can cost."""
        tiers = ((-1, self.rates), *self.tiers)
        return [(over, each.dearest_input, each.dearest_output, each.image or 0) for over, each in tiers]

    @cached_property
    def _from_the_top(self) -> list[tuple[int, Rates]]:
        return sorted(self.tiers, key=lambda tier: -tier[0])

    @cached_property
    def _batch(self) -> tuple[int, int]:
        """The share as it was written, exactly: 0.1 is a tenth."""
        return Decimal(str(self.batch)).as_integer_ratio()


class Prices(Protocol):
    version: str
    """A digest of all prices, for the record."""

    def price(self, name: str) -> Price | None:
        """Today's price of a model, by its name in the book; ``None`` when nobody knows it."""

    def highest(self) -> Price:
        """Not below any known price in any of its rates."""
