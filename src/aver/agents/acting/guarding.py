"""Guardrails in the loop: what stands in each place is judged, goes on without what was found, and the judgement is on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from aver.agents.blocking import whole
from aver.core import Principal
from aver.core.errors import TooLarge
from aver.guard import Context, Finding, Guard, Judgement, Outcome, Place, Spelled, Vault, mask
from aver.guard.values import judge_spelled, mapped

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
        """What is on record beside the facts of the judgement: what each check found and where in the text as it was read (see
        :class:`~aver.guard.Spelled`), and the text that went on, if it is another."""
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
        """Every check of ``place`` over ``text``. Of JSON the texts in it are read, as what they say, and cut within: it stays JSON of the same
        shape. A check that cannot judge holds it, unless it is declared otherwise."""
        value = _json(text)
        spelled = None if value is None else Spelled(value)
        if spelled is None:
            judgement = await self._guard.judge(text, place)
        else:
            judgement = await judge_spelled(self._guard, spelled, place)
        if judgement.outcome == "block":
            return Looked(judgement, "", changed=True)
        if not judgement.findings:
            return Looked(judgement, text, changed=False)
        redact = mask if self._vault is None or place in _LEAVING else self._redacted
        if spelled is None:
            return Looked(judgement, await whole(redact, text, judgement.findings), changed=True)
        left = await whole(spelled.redacted, judgement.findings, redact)
        return Looked(judgement, orjson.dumps(left).decode(), changed=True)

    def _redacted(self, text: str, findings: Sequence[Finding]) -> str:
        assert self._vault is not None
        return self._vault.redact(self._principal, self._conversation, text, findings)

    async def restored(self, value: Any) -> Any:
        """A JSON value with what the vault has put back in every text of it, as far as the user may have it."""
        if self._vault is None:
            return value
        return (await whole(self._vault.restore, self._principal, self._conversation, value)).value


def _json(text: str) -> Any:
    """The object or list that ``text`` is in JSON; nothing where it is none, or one that is nested too deep to be taken apart."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value = orjson.loads(text)
        mapped(value, lambda _, leaf: leaf)
    except (orjson.JSONDecodeError, TooLarge):
        return None
    return value
