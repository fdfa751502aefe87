"""Which of the values that tools told of the user's own words pick out.

A user rarely spells out what an action is aimed at: *refund the 10.00 I just got*, *invite Mark*, *delete the largest file*. Each of these
picks one thing out of what was read, and a value of that thing then has the user's authority. Words that fit several things pick
none, for an attacker needs only to add one that fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aver.policy.kinds import Kind, canonical, kind_of, kinds_in
from aver.policy.matching import occurs, resembles
from aver.policy.records import Leaf, Record
from aver.policy.requests import leaves
from aver.policy.types import OriginKind
from aver.policy.words import Words, days, stems, terms

__all__ = ["Choices", "Told"]

_SHORT = 120
"""Characters of a field that names its record; longer ones are prose."""
_SUPERLATIVES: tuple[tuple[re.Pattern[str], bool, re.Pattern[str]], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), highest, re.compile(fields, re.IGNORECASE))
    for words, highest, fields in (
        ("largest|biggest|longest|heaviest|most", True, "size|length|bytes|amount|duration|count|weight"),
        ("smallest|shortest|lightest|fewest", False, "size|length|bytes|amount|duration|count|weight"),
        ("newest|latest|most recent|last|youngest", True, "date|time|created|modified|day|sent"),
        ("oldest|earliest|first|soonest|next", False, "date|time|created|modified|day|sent"),
        ("most expensive|priciest|dearest|highest price", True, "price|cost|amount|fee|rate"),
        ("cheapest|least expensive|lowest price|most affordable", False, "price|cost|amount|fee"),
        ("best|highest|top|best-rated|most popular", True, "rating|score|stars|grade|rank"),
        ("worst|lowest|worst-rated", False, "rating|score|stars|grade|rank"),
    )
)
_SPOKEN_OF: Mapping[Kind, frozenset[str]] = {
    "email": frozenset("address contact email invite mail".split()),  # noqa: SIM905
    "account": frozenset("account bank bill iban invoice pay payment recipient transfer".split()),  # noqa: SIM905
    "url": frozenset("address article blog link page post site url webpage website".split()),  # noqa: SIM905
}
"""Words by which people speak of a value of a kind without saying it."""
_READING = frozenset(
    "get list read search find fetch show check look retrieve view all by for in the of query recent most".split()
)  # noqa: SIM905


@dataclass(frozen=True)
class Told:
    """What one call returned: the tool, its arguments, and the records."""

    step: str
    tool: str
    arguments: Mapping[str, Any]
    records: Sequence[Record]

    @cached_property
    def prose(self) -> tuple[str, ...]:
        """The texts that the tool does not vouch for."""
        return tuple(str(leaf.value) for record in self.records for leaf in record.leaves if not leaf.trusted)


class Choices:
    """What ``words`` pick out of what was ``told``. ``ordered`` are the texts that the user told to act upon, if any: they may pick
    things that a tool vouches for, and never say a value of their own."""

    def __init__(self, words: Words, told: Sequence[Told], ordered: Words | None = None) -> None:
        self._words = words
        self._told = told
        self._readers = (words, ordered) if ordered is not None else (words,)

    def of(self, value: Any) -> tuple[OriginKind, str] | None:
        """``chosen`` or ``named`` with the step that told of ``value``; ``None`` where the words do not pick it out."""
        if isinstance(value, bool) or value is None or not str(value).strip():
            return None
        kind = kind_of(value)
        for told in self._told:
            for words in self._readers:
                if self._vouched(told, words, value, kind):
                    return "chosen", told.step
        for told in self._told:
            if self._alone(told, value, kind):
                return "named", told.step
        return None

    def ordered(self) -> Words:
        """The prose that the user's words point at."""
        return Words(text for told in self._told if self._points(told, self._words) for text in told.prose)

    def _vouched(self, told: Told, words: Words, value: Any, kind: Kind) -> bool:
        holding = [
            (record, leaf) for record in told.records for leaf in record.leaves if leaf.trusted and _holds(leaf, value)
        ]
        if not holding:
            return False
        apart, extreme = self._apart(told, words), self._extreme(told, words)
        for scope in (apart, extreme):
            if any(record is each for each in scope for record, _ in holding):
                return self._clear(scope, holding, value)
        if not self._points(told, words):
            return False
        if kind != "id":
            hinted = self._hinted(told, words, kind)
            if hinted:
                return hinted == {canonical(str(value), kind)}
        if apart or extreme:
            return False
        if any(leaf.field and stems(terms(leaf.field)) & words.stems for _, leaf in holding):
            return True
        return not self._addressed(words, kind, told) and not self._tainted(told, value, kind)

    @staticmethod
    def _clear(apart: Sequence[Record], holding: Sequence[tuple[Record, Leaf]], value: Any) -> bool:
        """Whether all the things told apart agree on the value, or only one of them was."""
        fields = {leaf.field for record, leaf in holding if any(record is each for each in apart)}
        return any(
            all(any(leaf.field == field and _holds(leaf, value) for leaf in record.leaves) for record in apart)
            for field in fields
        )

    def _alone(self, told: Told, value: Any, kind: Kind) -> bool:
        """Whether the user points at a text that holds this one value of its kind, and whoever vouches for the text knows none."""
        if not (_SPOKEN_OF.get(kind, frozenset()) & self._words.stems) or self._addressed(self._words, kind, told):
            return False
        scope = self._apart(told, self._words) or self._extreme(told, self._words)
        scope = scope or (told.records if self._points(told, self._words) else ())
        if any(kind in record.trusted_kinds for record in scope):
            return False
        texts = [str(leaf.value) for record in scope for leaf in record.leaves if not leaf.trusted]
        found = {each for text in texts for each in kinds_in(text, kind)}
        return found == {canonical(str(value), kind)}

    def _points(self, told: Told, words: Words) -> bool:
        """Whether the words name what was asked of the tool, or, where it was asked nothing, the tool's own subject."""
        asked = [value for _, value in leaves(told.arguments) if isinstance(value, str) and value.strip()]
        if asked:
            return any(words.means(value) or words.says(value) for value in asked)
        return bool(stems(set(terms(told.tool)) - _READING) & words.stems)

    def _apart(self, told: Told, words: Words) -> Sequence[Record]:
        """The records that the words tell from the others of the same result."""
        named = [
            [_field(leaf) for leaf in record.leaves if _naming(leaf) and words.means(leaf.value)]
            for record in told.records
        ]
        total = len(told.records)
        counts: dict[tuple[str, str], int] = {}
        for fields in named:
            for each in set(fields):
                counts[each] = counts.get(each, 0) + 1
        return [
            record
            for record, fields in zip(told.records, named, strict=True)
            if any(counts[each] < total or total == 1 for each in fields)
        ]

    def _extreme(self, told: Told, words: Words) -> Sequence[Record]:
        """The one record that a superlative in the words means."""
        if len(told.records) < 2:
            return ()
        for pattern, highest, fields in _SUPERLATIVES:
            if not any(pattern.search(text) for text in words.texts):
                continue
            measured = [
                (measure, record)
                for record in told.records
                for leaf in record.leaves
                if leaf.trusted and fields.search(leaf.field or told.tool)
                if (measure := _measure(leaf.value)) is not None
            ]
            if len(measured) == len(told.records) and len({type(measure) for measure, _ in measured}) == 1:
                best = (max if highest else min)(measure for measure, _ in measured)
                return [record for measure, record in measured if measure == best][:1]
        return ()

    def _hinted(self, told: Told, words: Words, kind: Kind) -> set[str]:
        """The vouched-for values of a kind that share a name with the words."""
        return {
            canonical(str(leaf.value), kind)
            for record in told.records
            for leaf in record.leaves
            if leaf.trusted and kind_of(leaf.value) == kind and _naming(leaf)
            if words.names & set(terms(str(leaf.value).partition("@")[0] if kind == "email" else str(leaf.value)))
        }

    def _addressed(self, words: Words, kind: Kind, told: Told) -> bool:
        """Whether the words already say a value of this kind themselves."""
        if kind not in ("id", "other"):
            return any(kinds_in(text, kind) for text in words.texts)
        asked = {str(value) for _, value in leaves(told.arguments)}
        if kind == "other" and words.addressees - {each.lower() for each in asked}:
            return True
        return any(
            words.means(leaf.value) and words.aims(leaf.value)
            for each in self._told
            for record in each.records
            for leaf in record.leaves
            if leaf.trusted and _naming(leaf) and str(leaf.value) not in asked
            if kind_of(leaf.value) == kind
        )

    def _tainted(self, told: Told, value: Any, kind: Kind) -> bool:
        """Whether foreign prose about something else speaks of the value: the sign of an attempt to have it picked."""
        text = str(value)
        if text.isdigit() and len(text) < 6:
            return False
        return any(
            not leaf.trusted and resembles(text, str(leaf.value))
            for each in self._told
            for record in each.records
            if not any(own.trusted and _holds(own, value) for own in record.leaves)
            for leaf in record.leaves
        )


def _holds(leaf: Leaf, value: Any) -> bool:
    if isinstance(leaf.value, bool) or leaf.value is None:
        return False
    if isinstance(value, int | float) or isinstance(leaf.value, int | float):
        return str(leaf.value) == str(value)
    return occurs(value, leaf.value)


def _naming(leaf: Leaf) -> bool:
    """Whether a leaf may say what its record is."""
    if isinstance(leaf.value, bool) or leaf.value is None:
        return False
    return not isinstance(leaf.value, str) or (len(leaf.value) <= _SHORT and "\n" not in leaf.value)


def _field(leaf: Leaf) -> tuple[str, str]:
    return leaf.field, str(leaf.value).lower()


def _measure(value: Any) -> float | str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and len(value) <= 32 and days(value):
        return value
    return None
