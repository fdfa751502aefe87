"""Money as people read it. Amounts are nano-dollars (10⁻⁹ US dollars) everywhere else."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aver.gateway.prices.types import Price, Rates

__all__ = ["dollars", "per_million", "rates_document"]

_RATES = ("input", "output", "cached", "cache_write", "cache_write_long", "reasoning", "image")


def dollars(nanos: int) -> str:
    """``$1.25``, exact: two decimals at least, nine at most."""
    from aver.gateway.config.units import usd

    whole, _, part = f"{abs(usd(nanos)):f}".partition(".")
    return f"{'-' if nanos < 0 else ''}${int(whole):,}.{part:0<2}"


def per_million(nanos: int | None) -> str:
    """A rate in US dollars per million tokens; nothing where the provider has none of its own."""
    from aver.gateway.config.units import usd

    return "" if nanos is None else f"{usd(nanos):f}"


def rates_document(price: Price | None) -> dict[str, Any] | None:
    """A line of the price book for JSON: numbers in US dollars per million."""
    if price is None:
        return None
    return {
        "model": price.model,
        "since": None if price.since == date.min else price.since.isoformat(),
        "source": price.source,
        "usd_per_million": _rates(price.rates),
        "tiers": [{"over": over, "usd_per_million": _rates(rates)} for over, rates in price.tiers],
        "batch": price.batch,
    }


def _rates(rates: Rates) -> dict[str, float]:
    from aver.gateway.config.units import usd

    return {name: float(usd(value)) for name in _RATES if (value := getattr(rates, name)) is not None}
