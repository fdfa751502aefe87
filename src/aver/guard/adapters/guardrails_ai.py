"""Validators of Guardrails AI as a check (https://guardrailsai.com/docs).

The library and its validators are installed beside Aver.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from aver.core.errors import MissingExtra
from aver.guard.overlaps import resolved
from aver.guard.threads import in_thread
from aver.guard.types import Finding, Place, Verdict

__all__ = ["GuardrailsAI"]


class GuardrailsAI:
    """A :class:`~aver.guard.types.Check`. ``guard`` is a ``guardrails.Guard`` of your own, or a list of validators to make one of. Validators
    that say where they failed can be redacted."""

    def __init__(self, guard: Any, *, name: str = "guardrails-ai") -> None:
        self.name = name
        self._guard = _made(guard) if isinstance(guard, list | tuple) else guard

    async def check(self, text: str, place: Place) -> Verdict:  # noqa: ARG002
        # Validators are synchronous, and some ask a model.
        outcome = await in_thread(partial(self._guard.validate, text))
        if outcome.validation_passed:
            return Verdict(self.name, "pass")
        summaries = list(outcome.validation_summaries or ())
        names = {str(each.validator_name)[:60] for each in summaries}
        found = [
            Finding(str(each.validator_name), int(span.start), int(span.end), 1.0)
            for each in summaries
            for span in getattr(each, "error_spans", None) or ()
        ]
        return Verdict(self.name, "flag", resolved(found), f"failed {', '.join(sorted(names)) or 'a validator'}")


def _made(validators: list[Any] | tuple[Any, ...]) -> Any:
    try:
        from guardrails import Guard
    except ImportError:
        raise MissingExtra("guardrails-ai", "guardrails-ai") from None
    return Guard().use(*validators)
