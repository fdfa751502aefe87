"""Texts of production without what is personal or secret: cut out, and named so that equal values of one conversation stay equal.

A name is ``[PERSON_K7Q2]``: what kind of value, and a tag that only the tenant's key makes. Another conversation has other tags, so that nobody is
followed from one to the next.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence

from aver.core.errors import InvalidInput
from aver.guard import Detector, Finding, resolved
from aver.guard.personal import PersonalData
from aver.guard.redaction import replaced
from aver.guard.secrets import Secrets

__all__ = ["KEPT", "Redactor"]

KEPT = frozenset(["DATE_TIME", "DOMAIN_NAME", "ORGANIZATION", "TITLE", "URL"])
"""Kinds that questions to documents are about, and that alone name no private person."""
_NAMED = re.compile(r"\[[A-Z][A-Z0-9_]*_[A-Z2-7]{4}\]")
_UNLIKE = re.compile(r"[^A-Z0-9]+")
_ROUNDS = 3
"""Times that a text is looked at: what stands beside a value may only be recognised without it."""
_SHORTEST = 3
"""Characters of a value that is cut out wherever it stands."""


class Redactor:
    """Blocking: milliseconds a text. ``kept`` are kinds of findings that stay."""

    def __init__(self, key: bytes, *, kept: Iterable[str] = KEPT, detectors: Sequence[Detector] | None = None) -> None:
        self._key = key
        self._kept = frozenset(kept)
        self._detectors = (PersonalData(), Secrets()) if detectors is None else tuple(detectors)

    def redact(self, conversation: str, texts: Sequence[str], known: Iterable[str] = ()) -> list[str]:
        """The texts of one conversation, each without what is found in it, nor what is found in another or is ``known``: names of those who speak.

        Raises :class:`~aver.core.errors.InvalidInput` where something is found again and again: such a text is not to be kept.
        """
        values = {value: "PERSON" for value in known if len(value) >= _SHORTEST}
        found = list(texts)
        for _ in range(_ROUNDS):
            for text in found:
                values |= {text[each.start : each.end]: each.kind for each in self._find(text)}
            changed = [self._cut(conversation, text, values) for text in found]
            if changed == found:
                return found
            found = changed
        if any(self._find(text) for text in found):
            raise InvalidInput(
                "Personal data are found in a text however often they are cut out", "Leave the turn out."
            )
        return found

    def _find(self, text: str) -> list[Finding]:
        own = [match.span() for match in _NAMED.finditer(text)]
        every = resolved(each for detector in self._detectors for each in detector.find(text))
        return [part for each in every if each.kind not in self._kept for part in _outside(text, each, own)]

    def _cut(self, conversation: str, text: str, values: dict[str, str]) -> str:
        """``text`` with a name for each finding, and for each of ``values`` wherever it stands as a word."""
        findings = self._find(text)
        for value, kind in values.items():
            if len(value.strip()) >= _SHORTEST:
                pattern = rf"(?<!\w){re.escape(value.strip())}(?!\w)"
                findings += [Finding(kind, *match.span(), 0.5) for match in re.finditer(pattern, text, re.IGNORECASE)]
        return replaced(
            text, resolved(findings), lambda each: self._name(conversation, text[each.start : each.end], each.kind)
        )

    def _name(self, conversation: str, value: str, kind: str) -> str:
        word = _UNLIKE.sub("_", kind.upper()).strip("_") or "VALUE"
        said = f"{conversation}\0{' '.join(value.casefold().split())}".encode("utf-8", "surrogatepass")
        tag = base64.b32encode(hmac.digest(self._key, b"aver case name\0" + said, "sha256")).decode()[:4]
        return f"[{word}_{tag}]"


def _outside(text: str, finding: Finding, own: Sequence[tuple[int, int]]) -> Iterator[Finding]:
    """What of a finding is none of our own names: all of it, or what beside one looks like a value still."""
    within = [(start, end) for start, end in own if start < finding.end and finding.start < end]
    if not within:
        yield finding
        return
    at = finding.start
    for start, end in [*within, (finding.end, finding.end)]:
        rest = text[at:start].strip() if at < start else ""
        if any(each.isupper() or each.isdigit() for each in rest):
            begin = text.index(rest, at)
            yield Finding(finding.kind, begin, begin + len(rest), finding.score)
        at = max(at, end)
