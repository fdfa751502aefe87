"""A book of prices as YAML: lines by model, each from a day on, in US dollars per million tokens.

::

    sources: {openai: https://openai.com/api/pricing/}
    models:
      gpt-4o:
        source: openai
        aliases: [chatgpt-4o-latest]
        prices:
          - {since: 2024-08-06, input: 2.50, output: 10, cached: 1.25, batch: 0.5}
      gemini-2.5-pro:
        prices:
          - input: 1.25
            output: 10
            tiers: [{over: 200000, input: 2.50, output: 15}]
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from aver.core.yaml import YamlValue, parse_yaml
from aver.gateway.prices.types import Price, Rates

__all__ = ["Listing", "read_prices"]

_RATES = ("input", "output", "cached", "cache_write", "cache_write_long", "reasoning", "image")
_NANOS = 10**9
_LARGEST = Decimal(10**6)


@dataclass(frozen=True, slots=True)
class Listing:
    """What one book says: lines in no order, and other names by the name they stand for."""

    lines: tuple[Price, ...]
    aliases: dict[str, str]


def read_prices(text: str, name: str, *, source: str = "") -> Listing:
    """The book in ``text``, called ``name`` in errors. ``source`` is where lines come from that do not say.

    Raises :class:`~aver.core.errors.SettingsError` naming ``FILE:LINE``.
    """
    document = parse_yaml(text, name)
    if document.is_null:
        return Listing((), {})
    fields = document.fields(("sources", "models"), required=("models",))
    sources = {key: value.text() for key, value in _entries(fields["sources"])} if "sources" in fields else {}
    lines: list[Price] = []
    aliases: dict[str, str] = {}
    models = dict(_entries(fields["models"]))
    for model, value in models.items():
        given = value.fields(("source", "aliases", "prices"), required=("prices",))
        where = given["source"].text() if "source" in given else source
        dated: dict[date, int] = {}
        for item in given["prices"].items():
            line = _line(model, item, sources.get(where, where))
            if line.since in dated:
                raise item.error(f"{model!r} has two prices since {line.since}", "Keep one of the two.")
            dated[line.since] = item.line
            lines.append(line)
        for alias in given["aliases"].items() if "aliases" in given else ():
            word = alias.text()
            if word in models or aliases.get(word, model) != model:
                raise alias.error(f"{word!r} is the name of another model too", "Let a name stand for one model.")
            aliases[word] = model
    return Listing(tuple(lines), aliases)


def _entries(value: YamlValue) -> list[tuple[str, YamlValue]]:
    keys = value.plain() if isinstance(value.plain(), dict) else ()
    return list(value.fields(tuple(keys)).items())


def _line(model: str, value: YamlValue, source: str) -> Price:
    allowed = ("since", "batch", "tiers", "checked", *_RATES)
    given = value.fields(allowed, required=("input",))
    tiers: dict[int, Rates] = {}
    for item in given["tiers"].items() if "tiers" in given else ():
        tier = item.fields(("over", *_RATES), required=("over", "input"))
        over = tier["over"].integer()
        if over <= 0 or over in tiers:
            raise tier["over"].error("a tier begins at a number of its own, above 0", "Correct the number.")
        tiers[over] = _rates(tier)
    return Price(
        model=model,
        since=_day(given["since"]) if "since" in given else date.min,
        rates=_rates(given),
        tiers=tuple(sorted(tiers.items(), key=lambda tier: tier[0])),
        batch=float(_decimal(given["batch"], Decimal(1))) if "batch" in given else 1.0,
        source=source,
        checked=given["checked"].boolean() if "checked" in given else True,
    )


def _rates(given: dict[str, YamlValue]) -> Rates:
    """A model that writes nothing, such as one for embeddings, needs no price for output."""
    amounts = {word: _nanos(given[word]) for word in _RATES if word in given}
    return Rates(**({"output": 0} | amounts))


def _nanos(value: YamlValue) -> int:
    amount = _decimal(value, _LARGEST) * _NANOS
    if amount != amount.to_integral_value():
        raise value.error(f"{value.text()!r} has more than nine decimals", "Round it to a nano-dollar.")
    return int(amount)


def _decimal(value: YamlValue, most: Decimal) -> Decimal:
    value.number()
    try:
        number = Decimal(value.text())
    except InvalidOperation:
        number = Decimal(-1)
    if not 0 <= number <= most:
        raise value.error(f"expected a number from 0 to {most:,}, found {value.text()!r:.60}", "Correct this line.")
    return number


def _day(value: YamlValue) -> date:
    try:
        return date.fromisoformat(value.text())
    except ValueError:
        raise value.error(f"{value.text()!r:.60} is not a day", "Write it as 2026-01-31.") from None
