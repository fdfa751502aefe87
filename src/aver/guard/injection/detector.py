"""Finds orders to a model where there should be none."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from aver.gateway.types import Embedder
from aver.guard.injection.concepts import Signs, signs
from aver.guard.injection.model import Head, HeadName, head
from aver.guard.injection.readings import readings
from aver.guard.injection.windows import windows
from aver.guard.plain import Plain, plain
from aver.guard.types import Finding, Place

__all__ = ["Injection", "InjectionDetector"]

_LOOKS = 500
"""For so many characters one window is embedded at most, and two for a text in any case: the most suspicious ones."""
_CLEAN = -6.0
"""Log odds of a text in which nothing is suspicious."""


class InjectionDetector:
    """A :class:`~aver.guard.types.Detector` for one kind of text.

    ``input`` is what a user writes: an order is expected there, and what is found (``jailbreak``) is one against the rules. ``untrusted`` is
    what documents and tools hold: an order to a model is found whatever it asks (``injection``).

    Each window of a few sentences is judged by itself, against a bound that grows with the logarithm of their number (see
    :class:`~aver.guard.injection.model.Head`), so that a long text raises no more false alarms than a short one. ``weights`` are other than the package's own. Findings have scores from one half up; one half is the calibrated threshold. ``find`` and ``score`` raise
    :class:`~aver.core.errors.Unavailable` where the embedder has no weights.
    """

    name = "injection"

    def __init__(self, embedder: Embedder, where: HeadName, weights: Head | None = None) -> None:
        self._embedder = embedder
        self._head = weights or head(where)
        self._kind = "jailbreak" if where == "input" else "injection"

    def find(self, text: str) -> Sequence[Finding]:
        found: list[Finding] = []
        for start, end, odds in sorted(self._scored(text)):
            if odds < 0:
                continue
            score = _probability(odds)
            if found and start < found[-1].end:
                last = found[-1]
                found[-1] = Finding(last.kind, last.start, max(last.end, end), max(last.score, score))
            else:
                found.append(Finding(self._kind, start, end, score))
        return found

    def score(self, text: str) -> float:
        """Of the worst window, from 0 to 1; a text is found out from one half up."""
        return _probability(max((odds for _, _, odds in self._scored(text)), default=_CLEAN))

    def _scored(self, text: str) -> Iterator[tuple[int, int, float]]:
        """Windows that are not clearly clean: place in ``text``, and log odds above the bound."""
        seen = sorted(self._windows(plain(text)), key=lambda each: -each[0])
        suspicion = np.array([each[0] for each in seen], np.float32)
        suspects = int(np.count_nonzero(self._head.excess(suspicion, len(seen)) >= self._head.gate))
        looked_at = seen[: min(suspects, 2 + len(text) // _LOOKS)]
        vectors = self._embedder.embed([window for _, window, _, _ in looked_at])
        odds = np.array(
            [self._head.log_odds(of, vector) for (_, _, of, _), vector in zip(looked_at, vectors, strict=True)],
            np.float32,
        )
        order = np.argsort(-odds, kind="stable")
        excess = self._head.excess(odds[order], len(seen)) - self._head.threshold
        for number, above in zip(order.tolist(), excess.tolist(), strict=True):
            yield *looked_at[number][3], above

    def _windows(self, read: Plain) -> Iterator[tuple[float, str, Signs, tuple[int, int]]]:
        """Suspicion, text, signs and place of each window, of what is encoded too."""
        for start, end in windows(read.text):
            yield self._seen(read.text[start:end], read.original(start, end))
        for reading, start, end in readings(read.text):
            for first, last in windows(reading):
                yield self._seen(reading[first:last], read.original(start, end))

    def _seen(self, window: str, place: tuple[int, int]) -> tuple[float, str, Signs, tuple[int, int]]:
        of = signs(window)
        return self._head.suspicion(of), window, of, place


class Injection:
    """A :class:`~aver.guard.types.Detector` that looks for jailbreaks in what a user writes and for injected orders everywhere else; where
    nobody says in which place a text stands, for the latter."""

    name = "injection"

    def __init__(self, embedder: Embedder) -> None:
        self._input = InjectionDetector(embedder, "input")
        self._untrusted = InjectionDetector(embedder, "untrusted")

    def at(self, place: Place) -> InjectionDetector:
        return self._input if place in ("input", "output") else self._untrusted

    def find(self, text: str) -> Sequence[Finding]:
        return self._untrusted.find(text)


def _probability(odds: float) -> float:
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, odds))))
