"""Personal data by everything that tells of it: checks within numbers, forms, and the tagger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aver.guard.overlaps import resolved
from aver.guard.personal.forms import forms
from aver.guard.personal.numbers import numbers
from aver.guard.personal.tagger import Tagger
from aver.guard.reading import Plainly
from aver.guard.types import Detector, Finding
from aver.guard.windows import Windowed

__all__ = ["PersonalData"]

_DIGITS = {
    "AGE": (1, 3),
    "CREDIT_CARD": (12, 19),
    "IBAN_CODE": (10, 32),
    "PHONE_NUMBER": (5, 20),
    "US_DRIVER_LICENSE": (1, 20),
    "US_SSN": (9, 9),
    "ZIP_CODE": (1, 10),
}
"""How many digits there are in what is of these kinds, at least and at most."""
_WITH_FORM = frozenset(["CREDIT_CARD", "DOMAIN_NAME", "EMAIL_ADDRESS", "IBAN_CODE", "US_SSN"])
"""Kinds whose form says more than what stands around them: the tagger's word alone counts half."""


class _Whole:
    """One window's findings."""

    name = "personal"

    def __init__(self, tagger: Detector | None) -> None:
        self._tagger = tagger

    def find(self, text: str) -> list[Finding]:
        found = [*numbers(text), *forms(text)]
        if self._tagger is not None:
            found += [_weighed(each) for each in self._tagger.find(text) if _plausible(text, each)]
        return _readable(text, resolved(found))


class PersonalData:
    """A :class:`~aver.guard.types.Detector`. Its kinds are Presidio's where it has them: ``PERSON``, ``GPE``, ``STREET_ADDRESS``,
    ``ORGANIZATION``, ``TITLE``, ``NRP`` (nationality, religion, political group), ``AGE``, ``DATE_TIME``, ``PHONE_NUMBER``,
    ``EMAIL_ADDRESS``, ``DOMAIN_NAME``, ``URL``, ``IP_ADDRESS``, ``CREDIT_CARD``, ``IBAN_CODE``, ``ZIP_CODE``, and numbers of twenty countries.

    With ``names=False`` what only its surroundings tell (names, places, organisations) is left out, and no model is needed.
    """

    name = "personal"

    def __init__(self, *, names: bool = True, tagger: Detector | None = None) -> None:
        self._detector = Plainly(Windowed(_Whole((tagger or Tagger()) if names else None), size=4_000, margin=300))

    def find(self, text: str) -> Sequence[Finding]:
        """Raises :class:`~aver.core.errors.Unavailable` when names are asked for and the built-in model is not installed."""
        return self._detector.find(text)


def _plausible(text: str, finding: Finding) -> bool:
    if finding.kind == "IP_ADDRESS":
        return False  # whatever is one is found by its form
    if finding.kind not in _DIGITS:
        return True
    least, most = _DIGITS[finding.kind]
    return least <= sum(map(str.isdigit, text[finding.start : finding.end])) <= most


def _weighed(finding: Finding) -> Finding:
    """The tagger is surer than it should be of what has a form, and never as sure as a form."""
    share = 0.6 if finding.kind in _WITH_FORM else 0.94
    return Finding(finding.kind, finding.start, finding.end, finding.score * share)


def _readable(text: str, findings: Iterable[Finding]) -> list[Finding]:
    """Without what is left of a finding when a surer one took its middle, unless letters or digits are."""
    kept = []
    for each in findings:
        start, end = each.start, each.end
        while start < end and not text[start].isalnum() and text[start] not in "+(":
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if start < end:
            kept.append(Finding(each.kind, start, end, each.score))
    return kept
