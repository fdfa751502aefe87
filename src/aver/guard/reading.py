"""Detectors that read a text as a reader takes it in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from aver.guard.overlaps import resolved
from aver.guard.plain import plain
from aver.guard.types import Detector, Finding

__all__ = ["Plainly"]

_DIGIT = re.compile(r"(?![0-9])\d")


@dataclass(frozen=True, slots=True)
class Plainly:
    """``detector`` over the plain reading of a text, and digits of every script as ASCII's: a number with invisible characters within,
    or in full width, is the number. Findings stand where they are in the text itself."""

    detector: Detector

    @property
    def name(self) -> str:
        return self.detector.name

    def find(self, text: str) -> Sequence[Finding]:
        read = plain(text)
        if read.is_original:
            return self.detector.find(text)
        digits = _DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), read.text)
        return resolved(
            Finding(each.kind, *read.original(each.start, each.end), each.score) for each in self.detector.find(digits)
        )
