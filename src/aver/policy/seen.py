"""Everything that was seen, and quickly that of it which a value has something to do with."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from aver.policy.matching import LEAST, Text, number

__all__ = ["Seen"]

T = TypeVar("T")
_GRAM = 4
"""Letters that a text begins with by which it is looked up within a longer value."""
_BETWEEN = "\n"
"""Stands between texts that are searched as one; never in one of them."""


class Seen(Generic[T]):
    """Texts, each with what it belongs to, in the order in which they were added. They are put together and searched as one, so that a value
    costs one search rather than one comparison with everything that was ever read."""

    def __init__(self) -> None:
        self._seen: list[tuple[T, Text]] = []
        self._loose: list[str] = []
        self._starts: list[int] = []
        self._length = 0
        self._joined = ""
        self._by: defaultdict[Hashable, list[int]] = defaultdict(list)
        self._lengths: defaultdict[str, set[int]] = defaultdict(set)
        self._sizes: set[int] = set()

    def __iter__(self) -> Iterator[tuple[T, Text]]:
        return iter(self._seen)

    def add(self, what: T, text: Text, *, pieces: bool = False) -> None:
        """``pieces`` says that already a piece of it that turns up elsewhere counts."""
        at = len(self._seen)
        self._seen.append((what, text))
        self._loose.append(text.loose)
        self._starts.append(self._length)
        self._length += len(text.loose) + len(_BETWEEN)
        self._joined = ""
        keys: set[Hashable] = {("raw", text.raw), *text.numbers, *(("url", url) for url in text.urls)}
        if pieces:
            keys |= {("piece", piece) for piece in text.pieces}
        if len(text.raw) >= LEAST:
            keys.add(("loose", text.loose))
            self._lengths[text.loose[:_GRAM]].add(len(text.loose))
            self._sizes.add(min(len(text.loose), _GRAM))
        for key in keys:
            self._by[key].append(at)

    def near(self, value: Text) -> Iterator[tuple[T, Text]]:
        """At least all those that say ``value``, that it may have been taken from or may hold, and of those added with their ``pieces``
        all that share one with it; in order."""
        for at in sorted(self._near(value)):
            yield self._seen[at]

    def _near(self, value: Text) -> set[int]:
        found: set[int] = set()
        for piece in value.pieces:
            found.update(self._by.get(("piece", piece), ()))
        if value.is_number:
            return found.union(self._by.get(number(value.raw), ()), self._by.get(("raw", value.raw), ()))
        for each in value.numbers:
            found.update(self._by.get(each, ()))
        for url in value.urls:
            found.update(self._by.get(("url", url), ()))
        for within in self._within(value.loose):
            found.update(self._by.get(("loose", within), ()))
        return found | self._holding(value.loose)

    def _within(self, loose: str) -> Iterator[str]:
        """The parts of these letters that may be the whole of a text: by how such begin, and how long those are."""
        for size in self._sizes:
            for start in range(len(loose) - size + 1):
                for length in self._lengths.get(loose[start : start + size], ()):
                    yield loose[start : start + length]

    def _holding(self, loose: str) -> set[int]:
        """Those whose letters hold these."""
        found: set[int] = set()
        self._joined = self._joined or _BETWEEN.join(self._loose)
        start = self._joined.find(loose) if loose else -1
        while start >= 0:
            at = bisect_right(self._starts, start) - 1
            found.add(at)
            # More of the same text says nothing new.
            start = self._joined.find(loose, self._starts[at] + len(self._loose[at]))
        return found
