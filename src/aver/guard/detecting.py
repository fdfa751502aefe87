"""Detectors as checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import Protocol, runtime_checkable

from aver.guard.context import Context
from aver.guard.threads import in_thread
from aver.guard.types import Check, Detector, Finding, Place, Verdict

__all__ = ["Comparing", "Detecting", "Narrowed", "Opening", "Placed"]

_INLINE = 2_000
"""Characters up to which a quick detector runs where it is called: others wait for no more than a few milliseconds."""


@runtime_checkable
class Comparing(Protocol):
    """A detector that finds more when it knows what the turn has read."""

    def within(self, context: Context) -> Detector: ...


@runtime_checkable
class Placed(Protocol):
    """A detector that looks for something else in each place."""

    def at(self, place: Place) -> Detector: ...


@runtime_checkable
class Opening(Protocol):
    """A detector that knows when nothing it looks for begins in a text."""

    def opened(self, text: str) -> bool: ...


class Detecting:
    """A detector as a :class:`~aver.guard.types.Check`: what it is at least ``least`` sure of, and of ``kinds`` where some are named,
    is found. It reads in a thread, so that nobody else waits for it; a ``quick`` one, which takes a few milliseconds at most over a
    thousand characters and never hangs, does so with long texts alone."""

    def __init__(
        self, detector: Detector, *, least: float = 0.5, kinds: Sequence[str] = (), quick: bool = False
    ) -> None:
        self.name = detector.name
        self._detector = detector
        self._counts = partial(_counts, least=least, kinds=frozenset(kinds))
        self._inline = _INLINE if quick else -1

    def within(self, context: Context) -> Detecting:
        """The same, for the texts of one turn."""
        if not isinstance(self._detector, Comparing):
            return self
        made = copy(self)
        made._detector = self._detector.within(context)  # noqa: SLF001 - its own copy
        return made

    def opened(self, text: str) -> bool:
        """Whether anything that is looked for may begin in ``text`` and go on beyond it."""
        return self._detector.opened(text) if isinstance(self._detector, Opening) else True

    async def check(self, text: str, place: Place) -> Verdict:
        detector = self._detector.at(place) if isinstance(self._detector, Placed) else self._detector
        find = detector.find
        found = find(text) if len(text) <= self._inline else await in_thread(partial(find, text))
        kept = list(filter(self._counts, found))
        return Verdict(self.name, "flag", kept, _said(kept)) if kept else Verdict(self.name, "pass")


class Narrowed:
    """``check``, of whose findings those of ``kinds`` that it is at least ``least`` sure of count; all of a verdict that names none."""

    def __init__(self, check: Check, *, least: float, kinds: Sequence[str]) -> None:
        self.name = check.name
        self._check = check
        self._counts = partial(_counts, least=least, kinds=frozenset(kinds))

    async def check(self, text: str, place: Place) -> Verdict:
        verdict = await self._check.check(text, place)
        kept = list(filter(self._counts, verdict.findings))
        if len(kept) == len(verdict.findings):
            return verdict
        return Verdict(self.name, verdict.outcome, kept, _said(kept)) if kept else Verdict(self.name, "pass")


def _counts(finding: Finding, *, least: float, kinds: frozenset[str]) -> bool:
    return finding.score >= least and (not kinds or finding.kind in kinds)


def _said(findings: Sequence[Finding]) -> str:
    counts = Counter(each.kind for each in findings)
    return "found " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
