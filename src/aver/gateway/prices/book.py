"""The dated price book: what every known model costs today, and did on any day before."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import date
from importlib.resources import files

from aver.core import canonical_json, sha256_hex
from aver.core.clock import Clock
from aver.gateway.config.types import Model
from aver.gateway.prices.read import Listing, read_prices
from aver.gateway.prices.types import Price, Prices, Rates

__all__ = ["PriceBook", "price_of"]

_VERSIONED = re.compile(r"(?:[-@]20\d{2}-?[01]\d-?[0-3]\d)?(?:-v\d+(?::\d+)?)?")
"""How the name of a pinned version ends: ``-2024-07-18``, ``-20241022``, ``@20241022``, and on Bedrock ``-v1:0`` after it. Shorter
ones, such as ``-2407``, may be another model at another price: the book names those it means."""


class PriceBook:
    """The book in the package, with an operator's own in front of it: from the first day on that it prices a model, it alone does.

    Implements :class:`~aver.gateway.prices.types.Prices`. ``today`` is the day of UTC.
    """

    def __init__(self, listings: Iterable[Listing], today: Callable[[], date]) -> None:
        """Later listings go before earlier ones."""
        lines: dict[str, dict[date, Price]] = {}
        self._aliases: dict[str, str] = {}
        for listing in listings:
            own: dict[str, list[Price]] = {}
            for line in listing.lines:
                own.setdefault(line.model, []).append(line)
            for model, new in own.items():
                first = min(line.since for line in new)
                kept = {since: line for since, line in lines.get(model, {}).items() if since < first}
                lines[model] = kept | {line.since: line for line in new}
                self._aliases.pop(model, None)
            self._aliases.update(listing.aliases)
        self._lines = {model: [dated[day] for day in sorted(dated)] for model, dated in lines.items()}
        self._today = today
        self._day: date | None = None
        self._found: dict[str, Price | None] = {}
        self._highest: Price | None = None
        self.version = self._digest()

    @classmethod
    def load(cls, clock: Clock, own: str = "", own_name: str = "prices.yaml") -> PriceBook:
        """The package's book and the operator's, given as text. Raises :class:`~aver.core.errors.SettingsError` naming ``FILE:LINE``."""
        packaged = files("aver.gateway.prices").joinpath("book.yaml").read_text("utf-8")
        listings = [read_prices(packaged, "book.yaml"), read_prices(own, own_name, source=own_name)]
        return cls(listings, lambda: clock.now().date())

    def price(self, name: str) -> Price | None:
        day = self._today()
        if day != self._day:
            self._day, self._found, self._highest = day, {}, None
        if name not in self._found:
            if len(self._found) > 10_000:  # names come from callers: what is unknown must not fill memory
                self._found.clear()
            self._found[name] = self.on(name, day)
        return self._found[name]

    def on(self, name: str, day: date) -> Price | None:
        """The price on a day: the latest line that is not after it."""
        lines = self._lines.get(self.canonical(name), [])
        place = bisect_right(lines, day, key=lambda line: line.since)
        return lines[place - 1] if place else None

    def canonical(self, name: str) -> str:
        """The name in the book of a model by any of its names, or ``name`` itself when the book does not have it."""
        for known in (name, self._aliases.get(name, "")):
            if known in self._lines:
                return known
        for end in range(len(name) - 1, 0, -1):
            family = name[:end]
            known = self._aliases.get(family, family)
            if known in self._lines and _VERSIONED.fullmatch(name, end):
                return known
        return name

    def models(self) -> list[str]:
        return sorted(self._lines)

    def lines(self, model: str) -> tuple[Price, ...]:
        """Every line of a model, the oldest first."""
        return tuple(self._lines.get(model, ()))

    def highest(self) -> Price:
        today = [price for model in self._lines if (price := self.price(model)) is not None]
        if self._highest is None:
            rates = [each for price in today for each in (price.rates, *(tier for _, tier in price.tiers))]
            self._highest = Price("highest", self._today(), _highest(rates), source="the highest of every rate")
        return self._highest

    def _digest(self) -> str:
        lines = [
            asdict(line) | {"since": line.since.isoformat()} for model in self.models() for line in self.lines(model)
        ]
        plain = [line | {"tiers": [[over, rates] for over, rates in line["tiers"]]} for line in lines]
        return sha256_hex(canonical_json({"lines": plain, "aliases": self._aliases}))


def _highest(rates: list[Rates]) -> Rates:
    def most(values: Iterable[int | None]) -> int:
        return max((value for value in values if value is not None), default=0)

    dearest_input = most(each.dearest_input for each in rates)
    dearest_output = most(each.dearest_output for each in rates)
    image = most(each.image for each in rates)
    return Rates(dearest_input, dearest_output, *(dearest_input,) * 3, dearest_output, image)


def price_of(model: Model, prices: Prices) -> Price | None:
    """What a configured model costs: the rates it declares, or the line of its name in the book; ``None`` when neither is known."""
    if model.rates is not None:
        return Price(model.name, date.min, model.rates, source="the configuration")
    return prices.price(model.price or model.id)
