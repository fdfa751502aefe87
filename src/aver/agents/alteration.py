"""How much of a claim was altered, going by its text: the names and figures in it that the text does not have, and a little each other word.

A good summary has words of its own, and a bad one may keep all words but one. So what counts is how much of a claim came from elsewhere, and not
which part of it that is; and a word that may only be another for the same counts little beside a name or a figure, for which there is no other.
"""

from __future__ import annotations

import re
from collections.abc import Set

from aver.agents.quantities import Quantity
from aver.agents.reading import Reading, read

__all__ = ["altered"]

_FIGURE, _NAME, _WORD = 2.0, 1.0, 0.1
"""What one weighs that the text does not have."""
_COUNTED = 10
"""Up to here whoever writes may have counted: two solutions, four products. Such a figure weighs no more than a name."""
_APART = re.compile(r"(?<=\d)([.,]) (?=\d)")
"""Figures as tokenised text has them: 3, 000."""


def altered(claim: Reading, text: Reading, words: str, known: Set[str] = frozenset()) -> float:
    """What of ``claim`` the whole ``text``, read from ``words``, does not have; ``known`` terms are not asked. A foreign name weighs 1."""
    missing = claim.terms - text.terms - known
    found = sum(_NAME if term in claim.names else _WORD for term in missing)
    figures = [each for each in claim.quantities if each.stated and not each.answered_by(text.quantities)]
    if figures and (together := _APART.sub(r"\1", words)) != words:
        closed = read(together).quantities
        figures = [each for each in figures if not each.answered_by(closed)]
    return found + sum(_NAME if _countable(each) else _FIGURE for each in figures)


def _countable(quantity: Quantity) -> bool:
    return not quantity.unit and quantity.value.isdecimal() and int(quantity.value) <= _COUNTED
