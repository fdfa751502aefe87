"""One result in the light of somebody's words: which of its records they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property

from aver.policy.english import EVERY, LOOKING, READING, SUPERLATIVES, VERBS, WHENCE
from aver.policy.kinds import Kind, canonical
from aver.policy.matching import Text, occurs
from aver.policy.records import Leaf, Record, Told
from aver.policy.requests import leaves
from aver.policy.words import Words, days, stems, terms

__all__ = ["Reading", "holds"]

_SAY_NOTHING = stems((*EVERY, *LOOKING, *WHENCE, *(verb for verbs in VERBS.values() for verb in verbs)))
"""Words of requests that do not say what they are about."""


class Reading:
    """What ``words`` say of what was ``told``."""

    def __init__(self, told: Told, words: Words, *, chosen: bool = False) -> None:
        """``chosen`` says that what was asked of the tool was picked out by the words itself."""
        self.told = told
        self.words = words
        self._chosen = chosen

    @cached_property
    def points(self) -> bool:
        """The words name what was asked of the tool, or, where it was asked nothing, the tool's own subject."""
        asked = [Text(value) for _, value in leaves(self.told.arguments) if isinstance(value, str) and value.strip()]
        if asked:
            return self._chosen or any(self.words.means(value) or self.words.says(value) for value in asked)
        return bool(stems(set(terms(self.told.tool)) - READING) & self.words.stems)

    @cached_property
    def asked(self) -> frozenset[str]:
        """What the tool was asked, each value in its strict spelling."""
        return frozenset(Text(value).strict for _, value in leaves(self.told.arguments))

    def belongs(self, names: frozenset[str]) -> bool:
        """Whether what the tool was asked, as the words speak of it, is somebody's with one of these names (*on her page, dora.example*)."""
        return any(
            not names.isdisjoint(terms(str(value))) or self.words.possesses(Text(value))
            for _, value in leaves(self.told.arguments)
        )

    @cached_property
    def apart(self) -> Sequence[Record]:
        """The records that the words tell from the others."""
        return self._told_by(lambda _: True)

    @cached_property
    def authored(self) -> Sequence[Record]:
        """Those of which they say something that the tool vouches for and was not asked, such as who wrote them."""
        return self._told_by(lambda leaf: leaf.trusted and leaf.text.strict not in self.asked)

    @cached_property
    def looked_at(self) -> Sequence[Record]:
        """Those among which they say to look: told from the others by something that is not what they act towards, or else all."""
        return self._told_by(lambda leaf: not self.words.aims(leaf.text)) or self.told.records

    def about(self, record: Record) -> bool:
        """Whether a record's text speaks of something that the words speak of, beside the place that they name."""
        place = (term for _, value in leaves(self.told.arguments) for term in terms(str(value)))
        known = stems((*terms(self.told.tool), *place)) | _SAY_NOTHING
        texts = (term for leaf in record.leaves if not leaf.trusted for term in terms(leaf.text.raw))
        return not (stems(texts) & self.words.stems).issubset(known)

    def _told_by(self, counting: Callable[[Leaf], bool]) -> Sequence[Record]:
        named = [
            {
                (leaf.field, leaf.text.strict)
                for leaf in record.leaves
                if leaf.names and self.words.means(leaf.text) and counting(leaf)
            }
            for record in self.told.records
        ]
        total = len(named)
        counts = Counter(each for fields in named for each in fields)
        return [
            record
            for record, fields in zip(self.told.records, named, strict=True)
            if any(counts[each] < total or total == 1 for each in fields)
        ]

    @cached_property
    def extreme(self) -> Sequence[Record]:
        """The one record that a superlative in the words means."""
        total = len(self.told.records)
        for pattern, highest, fields in SUPERLATIVES if total > 1 else ():
            if not any(pattern.search(text) for text in self.words.texts):
                continue
            measured = [
                (measure, record)
                for record in self.told.records
                for leaf in record.leaves
                if leaf.trusted and fields.search(leaf.field or self.told.tool)
                if (measure := _measure(leaf)) is not None
            ]
            if len(measured) == total and len({type(measure) for measure, _ in measured}) == 1:
                best = (max if highest else min)(measure for measure, _ in measured)
                return [record for measure, record in measured if measure == best][:1]
        return ()

    @cached_property
    def aimed_at(self) -> Sequence[Leaf]:
        """The vouched-for values that the words say as something to act on or towards."""
        return [
            leaf
            for leaf in self.told.leaves
            if leaf.trusted and leaf.names and self.words.means(leaf.text) and self.words.aims(leaf.text)
        ]

    def hinted(self, kind: Kind) -> frozenset[str]:
        """The vouched-for values of a kind that share a name with the words."""
        return frozenset(
            canonical(leaf.text.raw, kind)
            for leaf in self.told.leaves
            if leaf.trusted and leaf.text.kind == kind and leaf.names
            if self.words.names & set(terms(leaf.text.raw.partition("@")[0] if kind == "email" else leaf.text.raw))
        )


def holds(leaf: Leaf, value: Text) -> bool:
    """Whether a leaf says the value; numbers as they are written."""
    if value.is_number or leaf.text.is_number:
        return leaf.text.raw == value.raw
    return occurs(value, leaf.text)


def _measure(leaf: Leaf) -> float | str | None:
    if leaf.text.is_number:
        return float(leaf.text.raw)
    return leaf.text.raw if len(leaf.text.raw) <= 32 and days(leaf.text.raw) else None
