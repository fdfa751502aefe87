"""Guardrails in the loop: what stands in each place is judged, goes on without what was found, and the judgement is on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aver.agents.blocking import whole
from aver.core import Principal
from aver.guard import Context, Guard, Judgement, Outcome, Place, Vault, mask

__all__ = ["Guarding", "Looked"]

_LEAVING = frozenset({"arguments", "output"})
"""What leaves the model: what is cut out there, nobody is to be given."""
_MOST_FINDINGS = 200
"""Of one verdict that are on record, each with its place in the text."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A text that was judged: ``text`` as it may go on, without what was to be cut out; nothing where it is blocked."""

    judgement: Judgement
    text: str
    changed: bool

    @property
    def outcome(self) -> Outcome:
        return self.judgement.outcome

    @property
    def reason(self) -> str:
        """Which checks made the outcome, in words."""
        return self.judgement.reason

    def body(self) -> dict[str, Any]:
        """What is on record beside the facts of the judgement: what each check found, and the text that went on, if it is another."""
        verdicts = [
            {
                "check": each.verdict.check,
                "outcome": each.outcome,
                "reason": each.verdict.reason,
                "findings": [
                    [found.kind, found.start, found.end, found.score]
                    for found in each.verdict.findings[:_MOST_FINDINGS]
                ],
            }
            for each in self.judgement.judged
        ]
        return {"verdicts": verdicts, **({"text": self.text} if self.changed else {})}


class Guarding:
    """The guard of one turn. With a vault, what is cut out can be put back for the user whose turn it is: a model is shown tokens, its tools
    and its user the values. Without, it is gone for good."""

    def __init__(
        self, guard: Guard, vault: Vault | None, principal: Principal, conversation: str, context: Context
    ) -> None:
        self.context = context
        """What the turn has read, for checks that compare with it; whoever records the turn keeps it."""
        self._guard = guard.within(context)
        self._vault = vault
        self._principal = principal
        self._conversation = conversation

    def watches(self, place: Place) -> bool:
        """Whether anything is checked there at all."""
        return self._guard.watches(place)

    async def look(self, place: Place, text: str) -> Looked:
        """Every check of ``place`` over ``text``. One that cannot judge holds it, unless it is declared otherwise."""
        judgement = await self._guard.judge(text, place)
        if judgement.outcome == "block":
            return Looked(judgement, "", changed=True)
        if not judgement.findings:
            return Looked(judgement, text, changed=False)
        if self._vault is None or place in _LEAVING:
            return Looked(judgement, mask(text, judgement.findings), changed=True)
        redact = self._vault.redact
        left = await whole(redact, self._principal, self._conversation, text, judgement.findings)
        return Looked(judgement, left, changed=True)

    async def restored(self, value: Any) -> Any:
        """A JSON value with what the vault has put back in every text of it, as far as the user may have it."""
        if self._vault is None:
            return value
        return (await whole(self._vault.restore, self._principal, self._conversation, value)).value
