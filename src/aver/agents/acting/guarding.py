"""Guardrails in the loop: every check of a place, at once, and what stands of their verdicts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.core.errors import AverError
from aver.evidence.facts import clear_name
from aver.guard import Check, Finding, Outcome, Place, Verdict

__all__ = ["Checked", "Checks", "checked"]

Checks = Mapping[Place, Sequence[Check]]

_ORDER: Sequence[Outcome] = ("pass", "flag", "redact", "block")


@dataclass(frozen=True, slots=True)
class Checked:
    """The strictest verdict over a text: ``text`` as it may go on, without what was to be redacted; nothing where it is blocked."""

    place: Place
    outcome: Outcome
    text: str
    verdicts: tuple[Verdict, ...]

    @property
    def reason(self) -> str:
        """Which checks block it, in words."""
        return "; ".join(
            f"{each.check}: {each.reason or 'blocked'}" for each in self.verdicts if each.outcome == "block"
        )

    def facts(self) -> dict[str, Any]:
        return {
            "place": self.place,
            "outcome": self.outcome,
            "checks": [clear_name(each.check) for each in self.verdicts],
            "findings": sum(len(each.findings) for each in self.verdicts),
        }

    def body(self) -> dict[str, Any]:
        return {
            "verdicts": [
                {
                    "check": each.check,
                    "outcome": each.outcome,
                    "reason": each.reason,
                    "findings": [[found.kind, found.start, found.end, found.score] for found in each.findings],
                }
                for each in self.verdicts
            ]
        }


async def checked(checks: Checks, place: Place, text: str) -> Checked:
    """What all checks of ``place`` make of ``text``. One that cannot judge blocks: what nobody looked at goes no further."""
    verdicts = tuple(await asyncio.gather(*(_asked(check, text, place) for check in checks.get(place, ()))))
    strictest: Outcome = max((each.outcome for each in verdicts), key=_ORDER.index, default=_ORDER[0])
    left = "" if strictest == "block" else _redacted(text, [each for each in verdicts if each.outcome == "redact"])
    return Checked(place, strictest, left, verdicts)


async def _asked(check: Check, text: str, place: Place) -> Verdict:
    try:
        return await check.check(text, place)
    except AverError as error:
        return Verdict(check.name, "block", reason=f"it could not judge ({error.slug})")


def _redacted(text: str, verdicts: Sequence[Verdict]) -> str:
    spans: list[Finding] = sorted(
        (found for verdict in verdicts for found in verdict.findings), key=lambda found: (found.start, -found.end)
    )
    pieces, at = [], 0
    for found in spans:
        if found.end <= at:
            continue
        pieces += [text[at : found.start], f"[{found.kind}]"] if found.start >= at else []
        at = found.end
    return "".join((*pieces, text[at:]))
