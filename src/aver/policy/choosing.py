"""Which of the values that tools told of the user's own words pick out.

A user rarely spells out what an action is aimed at: *refund the 10.00 I just got*, *invite Mark*, *delete the largest file*. Each of these
picks one thing out of what was read, and a value of that thing then has the user's authority. Words that fit several things pick
none, for an attacker needs only to add one that fits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from aver.policy.english import READING, SPOKEN_OF, SUPERLATIVES
from aver.policy.kinds import Kind, canonical, kinds_in
from aver.policy.matching import Text, occurs, resembles
from aver.policy.records import Leaf, Record, Told
from aver.policy.requests import leaves
from aver.policy.words import Words, days, stems, terms

__all__ = ["Choices"]

_CODE = 6
"""Digits from which on a number is a name of something rather than a count."""


class Choices:
    """What ``words`` pick out of what was ``told``. ``ordered`` are the texts that the user told to act upon, if any: they may pick
    things that a tool vouches for, and never say a value of their own."""

    def __init__(self, words: Words, told: Sequence[Told], ordered: Words | None = None) -> None:
        self._words = words
        self._told = told
        self._readers = (words, ordered) if ordered is not None else (words,)

    def of(self, value: Text) -> tuple[Literal["chosen", "named"], Told] | None:
        """Whether ``value`` is ``chosen`` or ``named``, and who told of it; ``None`` where the words do not pick it out."""
        if not value.strict:
            return None
        kind = value.kind
        for told in self._told:
            if any(self._vouched(told, words, value, kind) for words in self._readers):
                return "chosen", told
        for told in self._told:
            if self._alone(told, value, kind):
                return "named", told
        return None

    def ordered(self) -> Words:
        """The prose that the user's words point at."""
        pointed = (told for told in self._told if self._points(told, self._words))
        return Words(leaf.text.raw for told in pointed for leaf in told.leaves if not leaf.trusted)

    def _vouched(self, told: Told, words: Words, value: Text, kind: Kind) -> bool:
        """Whether the tool vouches for the value, and the words pick out what it belongs to."""
        holding = [
            (record, leaf) for record in told.records for leaf in record.leaves if leaf.trusted and _holds(leaf, value)
        ]
        if not holding:
            return False
        apart, extreme = _apart(told, words), _extreme(told, words)
        for scope in (apart, extreme):
            if any(record is each for each in scope for record, _ in holding):
                return _agree(scope, holding, value)
        if not self._points(told, words):
            return False
        hinted = _hinted(told, words, kind) if kind != "id" else frozenset()
        if hinted or apart or extreme:
            return hinted == {canonical(value.raw, kind)}
        if any(leaf.field and stems(terms(leaf.field)) & words.stems for _, leaf in holding):
            return True
        return not self._addressed(words, kind, told) and not self._spoken_of_elsewhere(value)

    def _alone(self, told: Told, value: Text, kind: Kind) -> bool:
        """Whether the user points at a text that holds this one value of its kind, and whoever vouches for the text knows none."""
        if not (SPOKEN_OF.get(kind, frozenset()) & self._words.stems) or self._addressed(self._words, kind, told):
            return False
        scope = _apart(told, self._words) or _extreme(told, self._words)
        scope = scope or (told.records if self._points(told, self._words) else ())
        within = [leaf for record in scope for leaf in record.leaves]
        if any(leaf.trusted and leaf.text.kind == kind for leaf in within):
            return False
        found = {each for leaf in within if not leaf.trusted for each in kinds_in(leaf.text.raw, kind)}
        return found == {canonical(value.raw, kind)}

    def _points(self, told: Told, words: Words) -> bool:
        """Whether the words name what was asked of the tool, or, where it was asked nothing, the tool's own subject."""
        asked = [Text(value) for _, value in leaves(told.arguments) if isinstance(value, str) and value.strip()]
        if asked:
            return any(words.means(value) or words.says(value) for value in asked)
        return bool(stems(set(terms(told.tool)) - READING) & words.stems)

    def _addressed(self, words: Words, kind: Kind, told: Told) -> bool:
        """Whether the words already say a value of this kind themselves."""
        if kind not in ("id", "other"):
            return any(kinds_in(text, kind) for text in words.texts)
        asked = {Text(value).strict for _, value in leaves(told.arguments)}
        if kind == "other" and words.addressees - asked:
            return True
        return any(
            leaf.trusted
            and leaf.text.kind == kind
            and leaf.names
            and leaf.text.strict not in asked
            and words.means(leaf.text)
            and words.aims(leaf.text)
            for each in self._told
            for leaf in each.leaves
        )

    def _spoken_of_elsewhere(self, value: Text) -> bool:
        """Whether foreign prose about something else speaks of the value: the sign of an attempt to have it picked."""
        if value.raw.isdigit() and len(value.raw) < _CODE:
            return False
        return any(
            not leaf.trusted and resembles(value, leaf.text)
            for told in self._told
            for record in told.records
            if not any(own.trusted and _holds(own, value) for own in record.leaves)
            for leaf in record.leaves
        )


def _apart(told: Told, words: Words) -> Sequence[Record]:
    """The records that the words tell from the others of the same result."""
    named = [
        {(leaf.field, leaf.text.strict) for leaf in record.leaves if leaf.names and words.means(leaf.text)}
        for record in told.records
    ]
    total = len(named)
    counts = Counter(each for fields in named for each in fields)
    return [
        record
        for record, fields in zip(told.records, named, strict=True)
        if any(counts[each] < total or total == 1 for each in fields)
    ]


def _extreme(told: Told, words: Words) -> Sequence[Record]:
    """The one record that a superlative in the words means."""
    total = len(told.records)
    for pattern, highest, fields in SUPERLATIVES if total > 1 else ():
        if not any(pattern.search(text) for text in words.texts):
            continue
        measured = [
            (measure, record)
            for record in told.records
            for leaf in record.leaves
            if leaf.trusted and fields.search(leaf.field or told.tool)
            if (measure := _measure(leaf)) is not None
        ]
        if len(measured) == total and len({type(measure) for measure, _ in measured}) == 1:
            best = (max if highest else min)(measure for measure, _ in measured)
            return [record for measure, record in measured if measure == best][:1]
    return ()


def _agree(scope: Sequence[Record], holding: Sequence[tuple[Record, Leaf]], value: Text) -> bool:
    """Whether all the things told apart agree on the value, or only one of them was."""
    fields = {leaf.field for record, leaf in holding if any(record is each for each in scope)}
    return any(
        all(any(leaf.field == field and _holds(leaf, value) for leaf in record.leaves) for record in scope)
        for field in fields
    )


def _hinted(told: Told, words: Words, kind: Kind) -> frozenset[str]:
    """The vouched-for values of a kind that share a name with the words."""
    return frozenset(
        canonical(leaf.text.raw, kind)
        for leaf in told.leaves
        if leaf.trusted and leaf.text.kind == kind and leaf.names
        if words.names & set(terms(leaf.text.raw.partition("@")[0] if kind == "email" else leaf.text.raw))
    )


def _holds(leaf: Leaf, value: Text) -> bool:
    if value.is_number or leaf.text.is_number:
        return leaf.text.raw == value.raw
    return occurs(value, leaf.text)


def _measure(leaf: Leaf) -> float | str | None:
    if leaf.text.is_number:
        return float(leaf.text.raw)
    return leaf.text.raw if len(leaf.text.raw) <= 32 and days(leaf.text.raw) else None
