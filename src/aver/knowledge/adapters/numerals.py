"""The numbers of list items as documents write them."""

from __future__ import annotations

__all__ = ["numeral"]


def numeral(number: int, style: str) -> str:
    """``number`` in a ``style`` of WordprocessingML: ``decimal``, ``lowerLetter``, ``upperRoman``, ``none`` and their kin."""
    if style in ("lowerLetter", "upperLetter"):
        letters = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 10)
        return letters if style == "lowerLetter" else letters.upper()
    if style in ("lowerRoman", "upperRoman"):
        shown = _roman(number)
        return shown.lower() if style == "lowerRoman" else shown
    return "" if style == "none" else str(number)


def _roman(number: int) -> str:
    if number > 3999:
        return str(number)
    values = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
    letters = ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I")
    written = ""
    for value, letter in zip(values, letters, strict=True):
        count, number = divmod(number, value)
        written += letter * count
    return written
