"""All checks of one place over one text, and what stands in the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.core.errors import AverError
from aver.evidence.facts import clear_name
from aver.guard.overlaps import resolved
from aver.guard.types import STRICTNESS, Check, Failing, Finding, Mode, Outcome, Place, Verdict

__all__ = ["Guard", "Judged", "Judgement", "Rail"]

_log = logging.getLogger(__name__)
_MOST_KINDS = 60


@dataclass(frozen=True, slots=True)
class Rail:
    """A check as a tenant declares it in one place. ``deadline`` is in seconds."""

    check: Check
    mode: Mode
    deadline: float = 1.0
    failing: Failing = "hold"


@dataclass(frozen=True, slots=True)
class Judged:
    """One rail's part in a judgement: what its check said, and the outcome that its mode makes of it."""

    verdict: Verdict
    mode: Mode
    outcome: Outcome
    seconds: float
    failure: str = ""
    """Why the check could not judge: the slug of its error, ``late``, or ``broken`` for an error that is nobody's."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What stands: the strictest outcome of all. ``findings`` are those that are to be cut out, in order, without overlaps."""

    place: Place
    outcome: Outcome
    judged: Sequence[Judged]
    findings: Sequence[Finding]

    @property
    def reason(self) -> str:
        """For people: which checks made the outcome, and why. Quotes nothing of the text."""
        deciding = [each for each in self.judged if each.outcome == self.outcome != "pass"]
        return "; ".join(f"{each.verdict.check}: {each.verdict.reason or each.outcome}" for each in deciding)

    def facts(self) -> dict[str, Any]:
        """What may stand in evidence in clear: which checks ran, what each made of the text, how often which kind was found, what was
        late or failed. No text, and no place in it."""
        counts: dict[str, int] = {}
        for each in self.judged:
            for finding in each.verdict.findings:
                kind = clear_name(finding.kind) or "other"
                counts[kind] = counts.get(kind, 0) + 1
        kinds = sorted(counts)[:_MOST_KINDS]
        return {
            "place": self.place,
            "outcome": self.outcome,
            "checks": [clear_name(each.verdict.check) or "check" for each in self.judged],
            "modes": [each.mode for each in self.judged],
            "outcomes": [each.outcome for each in self.judged],
            "failures": [clear_name(each.failure) or "" if each.failure else None for each in self.judged],
            "ms": [round(each.seconds * 1e3, 2) for each in self.judged],
            "kinds": kinds,
            "counts": [counts[kind] for kind in kinds],
        }


class Guard:
    """The rails of one tenant, by place."""

    def __init__(self, rails: Mapping[Place, Sequence[Rail]]) -> None:
        self._rails = {place: tuple(each) for place, each in rails.items()}

    def watches(self, place: Place) -> bool:
        """Whether anything is checked there at all."""
        return bool(self._rails.get(place))

    async def judge(self, text: str, place: Place) -> Judgement:
        """Every check of ``place`` over ``text``, all at once, each within its deadline. The strictest outcome stands.

        Raises nothing of a check's: one that fails or is late is held against the text unless declared otherwise, and is on record
        either way. A verdict of ``redact`` that names no spans, and a redaction asked of a check that names none, block: there is
        nothing to cut out.
        """
        rails = self._rails.get(place, ())
        judged = await asyncio.gather(*(_judged(rail, text, place) for rail in rails))
        outcome: Outcome = max((each.outcome for each in judged), key=STRICTNESS.__getitem__, default="pass")
        cut = [finding for each in judged if each.outcome == "redact" for finding in each.verdict.findings]
        return Judgement(place, outcome, judged, resolved(cut))


async def _judged(rail: Rail, text: str, place: Place) -> Judged:
    began = time.perf_counter()
    failure = ""
    try:
        async with asyncio.timeout(rail.deadline):
            verdict = await rail.check.check(text, place)
        _require_sound(verdict, len(text))
    except TimeoutError:
        failure = "late"
        verdict = Verdict(rail.check.name, "pass", (), f"did not answer within {rail.deadline:g} s")
    except AverError as error:
        failure = error.slug
        # Not its cause: a server's words may repeat the text.
        verdict = Verdict(rail.check.name, "pass", (), f"could not judge: {error.slug.replace('-', ' ')}")
    except Exception:  # noqa: BLE001 - a check is anybody's code, and its failure must not let a text through
        _log.exception("the check %s failed", rail.check.name)
        failure = "broken"
        verdict = Verdict(rail.check.name, "pass", (), "the check failed; see the log")
    outcome = _held(rail) if failure else _outcome(rail.mode, verdict)
    return Judged(verdict, rail.mode, outcome, time.perf_counter() - began, failure)


def _require_sound(verdict: Verdict, length: int) -> None:
    if verdict.outcome not in STRICTNESS or any(not 0 <= each.start <= each.end <= length for each in verdict.findings):
        raise ValueError("a verdict with an unknown outcome, or with spans outside the text")


def _outcome(mode: Mode, verdict: Verdict) -> Outcome:
    """What ``mode`` makes of ``verdict``."""
    if verdict.outcome == "pass" or mode == "observe":
        return "pass"
    if mode == "redact" and not any(each.start < each.end for each in verdict.findings):
        return "block"
    return mode


def _held(rail: Rail) -> Outcome:
    if rail.failing == "pass" or rail.mode == "observe":
        return "pass"
    return "flag" if rail.mode == "flag" else "block"
