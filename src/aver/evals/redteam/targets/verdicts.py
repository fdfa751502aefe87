"""What guardrails said in a turn, as its evidence has it."""

from __future__ import annotations

from collections.abc import Iterable

from aver.evidence import Step

__all__ = ["verdicts_of"]


def verdicts_of(steps: Iterable[Step]) -> tuple[dict[str, str], ...]:
    """``check``, ``verdict`` and ``place`` of each check that ran, in order."""
    return tuple(
        {"check": check, "verdict": outcome, "place": step.facts["place"]}
        for step in steps
        if step.kind == "checked"
        for check, outcome in zip(step.facts["checks"], step.facts["outcomes"], strict=True)
    )
