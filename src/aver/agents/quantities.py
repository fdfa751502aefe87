"""The numbers a text states: ``ten days``, ``10 days`` and ``a 10-day`` leave are one quantity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from aver.knowledge.lexical import analyze

__all__ = ["NUMBER_WORDS", "Quantity", "quantities"]

_SMALL = {
    word: value
    for value, word in enumerate(
        """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
    """.split()  # noqa: SIM905 - words read better as words
    )
}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SUFFIX_SCALES = {"k": 1000, "m": 10**6, "mn": 10**6, "bn": 10**9, "b": 10**9}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8}
_ORDINALS |= {"ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12}
# Words that imply a number without stating it as one.
_IMPLIED = {"a": 1, "an": 1, "one": 1, "each": 1, "per": 1, "single": 1, "once": 1, "sole": 1, "both": 2, "couple": 2}
_IMPLIED |= {"pair": 2, "twice": 2, "double": 2, "triple": 3, "thrice": 3, "dozen": 12, **_ORDINALS}
_FRACTIONS = {"½": Decimal("0.5"), "¼": Decimal("0.25"), "¾": Decimal("0.75")}

_UNITS = {
    name: unit
    for unit, names in {
        "second": "second seconds sec secs",
        "minute": "minute minutes min mins",
        "hour": "hour hours hr hrs h",
        "day": "day days",
        "week": "week weeks wk wks",
        "month": "month months",
        "quarter": "quarter quarters",
        "year": "year years yr yrs",
        "percent": "% percent pct percentage cent",
        "$": "$ dollar dollars usd",
        "€": "€ euro euros eur",
        "£": "£ pound pounds gbp",
        "km": "km kilometre kilometres kilometer kilometers",
        "metre": "metre metres meter meters",
        "cm": "cm centimetre centimetres centimeter centimeters",
        "mm": "mm millimetre millimetres millimeter millimeters",
        "mile": "mile miles",
        "yard": "yard yards yd yds",
        "foot": "foot feet ft",
        "inch": "inch inches",
        "tonne": "tonne tonnes ton tons",
        "kg": "kg kilogram kilograms",
        "gram": "gram grams",
        "mg": "mg milligram milligrams",
        "litre": "litre litres liter liters",
        "ml": "ml millilitre millilitres milliliter milliliters",
        "degree": "degree degrees",
        "millisecond": "millisecond milliseconds ms",
        "tb": "tb terabyte terabytes",
        "gb": "gb gigabyte gigabytes",
        "mb": "mb megabyte megabytes",
        "kb": "kb kilobyte kilobytes",
        "watt": "watt watts",
        "kw": "kw kilowatt kilowatts",
    }.items()
    for name in names.split()
}
_CURRENCIES = frozenset("$€£")
# What may stand between a number and its unit: ten working days.
_BETWEEN = {
    "working",
    "business",
    "per",
    "calendar",
    "full",
    "paid",
    "unpaid",
    "consecutive",
    "additional",
    "extra",
    "more",
    "us",
}
NUMBER_WORDS = frozenset({*_SMALL, *_TENS, *_SCALES, *_IMPLIED})
_COUNTED = 2
"""Content words after a number that may say what it counts."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_SUFFIXED = re.compile(r"(\d+(?:[.,]\d+)*)(k|m|mn|bn|b)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in one spelling, its unit where a known one is named, and the words after it, which say what is counted.

    ``stated`` is false for ``a``, ``both``, ``first``: they answer a stated number, and ask for none.
    """

    value: str
    unit: str = ""
    counted: frozenset[str] = frozenset()
    stated: bool = True

    def answered_by(self, source: Iterable[Quantity]) -> bool:
        """Whether a text with these quantities says this one: the value, in no other unit, and not of something else
        while another value is given for what is counted here (``20 sick days`` in ``10 sick days and 20 days off``)."""
        same, other = -1, 0
        for quantity in source:
            shared = len(self.counted & quantity.counted)
            if quantity.value != self.value:
                other = max(other, shared)
            elif not self.unit or not quantity.unit or self.unit == quantity.unit:
                same = max(same, shared)
        return same >= other


def quantities(tokens: Sequence[str]) -> frozenset[Quantity]:
    """The quantities in lower-case tokens, as :mod:`aver.agents.reading` makes them (currency and ``%`` are tokens too)."""
    found: set[Quantity] = set()
    at = 0
    while at < len(tokens):
        value, after = _number(tokens, at)
        if value is not None:
            found.add(Quantity(value, _unit(tokens, at, after), _counted(tokens, after)))
            at = after
            continue
        if tokens[at] in _IMPLIED:
            implied = str(_IMPLIED[tokens[at]])
            found.add(Quantity(implied, _unit(tokens, at, at + 1), _counted(tokens, at + 1), stated=False))
        at += 1
    return frozenset(found)


def _number(tokens: Sequence[str], at: int) -> tuple[str | None, int]:
    """The number that begins at ``at``, and the position after it; ``None`` when none does."""
    token = tokens[at]
    if ordinal := _ORDINAL.fullmatch(token):
        return _spelled(Decimal(ordinal[1])), at + 1
    if suffixed := _SUFFIXED.fullmatch(token):
        value = _digits(suffixed[1])
        return (_spelled(value * _SUFFIX_SCALES[suffixed[2]]) if isinstance(value, Decimal) else value), at + 1
    if _NUMBER.fullmatch(token):
        value = _digits(token)
        at += 1
        if isinstance(value, str):
            return value, at
        if at < len(tokens) and tokens[at] in _FRACTIONS:
            value, at = value + _FRACTIONS[tokens[at]], at + 1
        while at < len(tokens) and tokens[at] in _SCALES:
            value, at = value * _SCALES[tokens[at]], at + 1
        return _spelled(value), at
    if token in _FRACTIONS:
        return _spelled(_FRACTIONS[token]), at + 1
    return _words(tokens, at)


def _words(tokens: Sequence[str], at: int) -> tuple[str | None, int]:
    """``two hundred and five``; a lone ``one`` is a pronoun as often as a number, and is left to the implied."""
    start, total, current = at, 0, 0
    while at < len(tokens):
        word = tokens[at]
        if word in _SMALL:
            if current % 10 or (current % 100 and _SMALL[word] > 9):  # "two three" are two numbers
                break
            current += _SMALL[word]
        elif word in _TENS:
            if current % 100:
                break
            current += _TENS[word]
        elif word in _SCALES and at > start:
            if word == "hundred":
                current *= 100
            else:
                total, current = total + current * _SCALES[word], 0
        elif not (word == "and" and at > start and tokens[at - 1] in _SCALES and _follows(tokens, at + 1)):
            break
        at += 1
    if at == start or tokens[start:at] == ["one"]:
        return None, start
    return _spelled(Decimal(total + current)), at


def _follows(tokens: Sequence[str], at: int) -> bool:
    return at < len(tokens) and (tokens[at] in _SMALL or tokens[at] in _TENS)


def _digits(token: str) -> Decimal | str:
    """A decimal; or, of what is no one number (``1.2.3``), the text itself."""
    if _THOUSANDS.fullmatch(token):
        return Decimal(token.replace(",", ""))
    plain = token.replace(",", ".")
    return token if plain.count(".") > 1 else Decimal(plain)


def _spelled(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _unit(tokens: Sequence[str], start: int, after: int) -> str:
    if start and tokens[start - 1] in _CURRENCIES:
        return tokens[start - 1]
    for word in tokens[after : after + 3]:
        if word in _UNITS:
            return _UNITS[word]
        if word not in _BETWEEN:
            break
    return ""


def _counted(tokens: Sequence[str], after: int) -> frozenset[str]:
    found: list[str] = []
    for word in tokens[after : after + 4]:
        if not word[0].isalpha() or word in NUMBER_WORDS or len(found) == _COUNTED:
            break
        found += analyze(word)[:1]
    return frozenset(found)
