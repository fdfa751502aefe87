"""All checks of one place over one text, and what stands in the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aver.core.errors import AverError, Blocked
from aver.evidence.facts import clear_name
from aver.guard.context import Context
from aver.guard.detecting import Detecting
from aver.guard.overlaps import resolved
from aver.guard.types import STRICTNESS, Check, Failing, Finding, Mode, Outcome, Place, Verdict, strictest

__all__ = ["NOTHING", "Guard", "Judged", "Judgement", "Rail", "facts_of"]

_log = logging.getLogger(__name__)
_MOST_KINDS = 60


@dataclass(frozen=True, slots=True)
class Rail:
    """A check as a tenant declares it in one place. ``deadline`` is in seconds."""

    check: Check
    mode: Mode
    deadline: float = 1.0
    failing: Failing = "hold"
    quiet: bool = False
    """Nobody declared it: it is on record where it found something, or failed."""


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

    def require(self) -> None:
        """Raises :class:`~aver.core.errors.Blocked` where the text goes no further."""
        if self.outcome == "block":
            what, next_step = _BLOCKED[self.place]
            raise Blocked(f"{what} ({self.reason})", next_step)

    def body(self) -> dict[str, Any]:
        """What stands in evidence encrypted: who found what where."""
        return {
            "outcome": self.outcome,
            "judged": [
                {
                    "check": each.verdict.check,
                    "outcome": each.outcome,
                    "reason": each.verdict.reason,
                    "found": [[found.kind, found.start, found.end, found.score] for found in each.verdict.findings],
                }
                for each in self.judged
                if each.verdict.outcome != "pass" or each.failure
            ],
        }


_BLOCKED: Mapping[Place, tuple[str, str]] = {
    "input": ("A check holds back what was asked", "Leave out what it found, and ask again."),
    "passage": ("A check holds back what was retrieved", "Ask for something else."),
    "arguments": ("A check holds back the arguments of a call", "Leave out what it found."),
    "result": ("A check holds back what a tool returned", "Ask for something else."),
    "output": ("A check holds back the answer", "Ask for something else; the turn's evidence says what was found."),
}


def facts_of(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """What may stand in evidence in clear of the judgements of one place, of which there is one at least: how many texts came to which
    outcome, which checks ran, the strictest that each made of a text, what was late or failed, and how often which kind was found. No
    text, and no place in it."""
    counts: dict[str, int] = {}
    rails: dict[str, dict[str, Any]] = {}
    for judged in (each for judgement in judgements for each in judgement.judged):
        name = clear_name(judged.verdict.check) or "check"
        rail = rails.setdefault(name, {"mode": judged.mode, "outcome": "pass", "failure": None, "ms": 0.0})
        rail["outcome"] = strictest((rail["outcome"], judged.outcome))
        rail["failure"] = rail["failure"] or (clear_name(judged.failure) if judged.failure else None)
        rail["ms"] = round(rail["ms"] + judged.seconds * 1e3, 2)
        for finding in judged.verdict.findings:
            kind = clear_name(finding.kind) or "other"
            counts[kind] = counts.get(kind, 0) + 1
    kinds = sorted(counts)[:_MOST_KINDS]
    outcomes = [each.outcome for each in judgements]
    return {
        "place": judgements[0].place,
        "outcome": strictest(outcomes),
        "texts": len(outcomes),
        "flagged": outcomes.count("flag"),
        "redacted": outcomes.count("redact"),
        "blocked": outcomes.count("block"),
        "checks": list(rails),
        "modes": [each["mode"] for each in rails.values()],
        "outcomes": [each["outcome"] for each in rails.values()],
        "failures": [each["failure"] for each in rails.values()],
        "took": [each["ms"] for each in rails.values()],
        "kinds": kinds,
        "counts": [counts[kind] for kind in kinds],
    }


class Guard:
    """The rails of one tenant, by place. ``digest`` names what was declared of them in evidence."""

    def __init__(self, rails: Mapping[Place, Sequence[Rail]], digest: str = "") -> None:
        self.digest = digest
        self._rails = {place: tuple(each) for place, each in rails.items()}

    def within(self, context: Context) -> Guard:
        """The same for one turn: checks that compare a text with what was read before it compare with ``context``."""
        checks = {id(rail.check): rail.check for rails in self._rails.values() for rail in rails}
        known = {each: _within(check, context) for each, check in checks.items()}
        rails = {
            place: [replace(rail, check=known[id(rail.check)]) for rail in rails]
            for place, rails in self._rails.items()
        }
        return Guard(rails, self.digest)

    def watches(self, place: Place) -> bool:
        """Whether anything is checked there at all."""
        return bool(self._rails.get(place))

    def holds_back(self, place: Place, text: str) -> bool:
        """Whether any check there may cut or block what begins in ``text`` and goes on beyond it."""
        return any(
            rail.mode in ("redact", "block") and _opened(rail.check, text) for rail in self._rails.get(place, ())
        )

    async def judge(self, text: str, place: Place) -> Judgement:
        """Every check of ``place`` over ``text``, all at once, each within its deadline. The strictest outcome stands.

        Raises nothing of a check's: one that fails or is late is held against the text unless declared otherwise, and is on record
        either way. A verdict of ``redact`` that names no spans, and a redaction asked of a check that names none, block: there is
        nothing to cut out.
        """
        rails = self._rails.get(place, ())
        if not rails:
            return Judgement(place, "pass", (), ())
        each_judged = await asyncio.gather(*(_judged(rail, text, place) for rail in rails))
        judged = [each for rail, each in zip(rails, each_judged, strict=True) if not (rail.quiet and _silent(each))]
        outcome = strictest(each.outcome for each in judged)
        cut = [finding for each in judged if each.outcome == "redact" for finding in each.verdict.findings]
        return Judgement(place, outcome, judged, resolved(cut))


NOTHING = Guard({})
"""Checks nothing."""


def _within(check: Check, context: Context) -> Check:
    return check.within(context) if isinstance(check, Detecting) else check


def _opened(check: Check, text: str) -> bool:
    return check.opened(text) if isinstance(check, Detecting) else True


def _silent(judged: Judged) -> bool:
    return judged.verdict.outcome == "pass" and not judged.failure


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
