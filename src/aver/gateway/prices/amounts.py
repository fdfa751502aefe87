"""Numbers as people and spreadsheets write them, read with certainty or not at all."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["amount", "whole"]

_MOST = Decimal(10**12)
_ORNAMENTS = re.compile(r"[\s\u00a0\u202f'\u2019_$]|USD")
_DIGITS = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_EXPONENT = re.compile(r"[+-]?[0-9]{1,2}")


def amount(text: str, decimal_comma: bool | None = None, *, commas_likely: bool = False) -> Decimal:
    """``$1,234.50``, ``1.234,50``, ``1 234,50``, ``(3.00)`` for -3, ``1E-7``; empty is zero.

    ``decimal_comma`` says whether a comma marks decimals; ``None`` lets the number itself tell. ``ValueError`` says what is wrong, also
    of ``1,234``, which may be more than a thousand or little more than one. ``1.234`` is the same riddle in a file where
    commas are likely to mark decimals; elsewhere its point does.
    """
    sign, digits, exponent = _parts(text)
    point = _point(digits, text, commas_likely) if decimal_comma is None else "," if decimal_comma else "."
    before, _, after = digits.partition(point)
    if after and not after.isdigit():
        raise ValueError(f"{text[:40]!r} is not a number")
    number = Decimal(_ungrouped(before, "," if point == "." else ".", text) + "." + (after or "0"))
    number = number.scaleb(int(exponent or 0))
    if number > _MOST:
        raise ValueError(f"{text[:40]!r} is too large")
    return sign * number


def whole(text: str) -> int:
    """A number without decimals, in which either mark can only separate thousands, unless nothing but zeros follows it."""
    sign, digits, exponent = _parts(text)
    if exponent:
        number = amount(text, decimal_comma=False)
        if number != number.to_integral_value():
            raise ValueError(f"{text[:40]!r} is not a whole number")
        return int(number)
    body = re.sub(r"[.,]0{1,2}$", "", digits)
    if "." in body and "," in body:
        raise ValueError(f"{text[:40]!r} is not a whole number")
    return sign * int(_ungrouped(body, "," if "," in body else ".", text))


def _parts(text: str) -> tuple[int, str, str]:
    """Sign, digits with their marks, exponent."""
    bare = _ORNAMENTS.sub("", text)
    negative = bare.startswith("-") or (bare.startswith("(") and bare.endswith(")"))
    bare = bare.removeprefix("-").removeprefix("+")
    if bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1]
    digits, mark, exponent = bare.upper().partition("E")
    digits = digits or ("0" if not mark else "")
    if not _DIGITS.fullmatch(digits) or (mark and not _EXPONENT.fullmatch(exponent)):
        raise ValueError(f"{text[:40]!r} is not a number")
    return -1 if negative else 1, digits, exponent


def _point(digits: str, text: str, commas_likely: bool) -> str:
    """Which of the two marks stands before decimals."""
    if "." in digits and "," in digits:
        return max(".,", key=digits.rfind)
    mark = "," if "," in digits else "."
    if digits.count(mark) > 1:
        return "." if mark == "," else ","
    before, _, after = digits.partition(mark)
    if (mark == "," or commas_likely) and len(after) == 3 and len(before) <= 3 and before != "0":
        raise ValueError(f"{text[:40]!r} may mean thousands or thousandths, so say whether a comma marks decimals")
    return mark


def _ungrouped(digits: str, mark: str, text: str) -> str:
    """Without the marks between its thousands, which must be thousands."""
    first, *others = digits.split(mark)
    if others and (len(first) > 3 or any(len(group) != 3 for group in others)):
        raise ValueError(f"{text[:40]!r} is not a number")
    joined = "".join((first, *others))
    if not joined.isdigit():
        raise ValueError(f"{text[:40]!r} is not a number")
    return joined
